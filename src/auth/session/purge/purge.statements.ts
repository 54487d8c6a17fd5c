import { compile, type Dialect, type ParameterType, type SqlStatement } from '../../database/sql-statement.js';

/** What a purge says to the database. Each is one statement, its own transaction. */
export interface PurgeStatements {
  /** Reads the next rows by id, and tells which of them are past. */
  readonly look: SqlStatement;
  /** Deletes those from one id to another that are past. */
  readonly purge: SqlStatement;
}

const TYPES: Record<string, ParameterType> = {
  after: 'uuid',
  first: 'uuid',
  last: 'uuid',
  limit: 'bigint',
  now: 'bigint',
  retention: 'bigint',
  system_now: 'bigint',
  tolerance: 'bigint',
};

/** The database's own time in milliseconds, by dialect. SQLite has the machine's. */
const DATABASE_TIME: Record<Dialect, string | undefined> = {
  sqlite: undefined,
  postgres: 'EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000',
  cockroach: 'EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000',
  // Not of NOW(): in the hour that a zone has twice, it is one or the other.
  mariadb: 'UNIX_TIMESTAMP() * 1000',
};

/** The statements for one database and table. */
export function purgeStatements(dialect: Dialect, table: string): PurgeStatements {
  const statement = (template: string) => compile(dialect, template, TYPES);

  // By the row alone: neither a retention shorter than the idle life nor a brake that may be released again
  // (`session.notBefore`) takes a session that could go on. The first token of an adopted session is number 1, so the
  // last use counts, too.
  const isPast = `GREATEST(issued, last_used_at) <= :now - :retention
      AND (revoked_at IS NOT NULL OR expires_at <= :now)`;

  // An instance whose clock is ahead would take live sessions for past ones.
  const databaseTime = DATABASE_TIME[dialect];
  const isClockGood = databaseTime === undefined ? '' : `AND :system_now <= ${databaseTime} + :tolerance`;

  return {
    look: statement(`
      SELECT id, CASE WHEN ${isPast} THEN 1 ELSE 0 END AS is_past
      FROM ${table} WHERE id > :after ORDER BY id LIMIT :limit`),
    // It judges anew: a session that has come back to life since the look stays.
    purge: statement(`
      DELETE FROM ${table}
      WHERE id >= :first AND id <= :last
      AND ${isPast}
      ${isClockGood}
      RETURNING id`),
  };
}
