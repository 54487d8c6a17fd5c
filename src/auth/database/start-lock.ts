import type { QueryRunner } from 'typeorm';
import type { Dialect } from './sql-statement.js';

/**
 * Keeps a transaction apart from every other instance's that takes the same lock, until it ends.
 * @param table the secrets' table, as it stands in SQL
 */
export async function takeStartLock(runner: QueryRunner, dialect: Dialect, lock: number, table: string): Promise<void> {
  if (dialect === 'postgres') await runner.query('SELECT pg_advisory_xact_lock($1)', [lock]);
  if (dialect === 'mariadb') {
    // A row that is never seen: the lock on it is kept until the end, and on a cluster, where locks are a node's own,
    // of two transactions that wrote it one fails as a deadlock. GET_LOCK would know one node only.
    const name = `lock ${lock}`;
    await runner.query(
      `INSERT INTO ${table} (fingerprint, first_seen_at) VALUES (?, 0) ON DUPLICATE KEY UPDATE first_seen_at = 0`,
      [name],
    );
    await runner.query(`DELETE FROM ${table} WHERE fingerprint = ?`, [name]);
  }
  // SQLite's first write is its lock; CockroachDB's transactions are serializable.
}
