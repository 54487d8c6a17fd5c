import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createPool, type Pool } from 'mysql2/promise';
import { mariadb } from '../../src/auth/database/dialects/mariadb.js';
import { bind } from '../../src/auth/database/sql-statement.js';
import { sessionStatements } from '../../src/auth/session/session.statements.js';
import { createDatabase, describeMariadb, onMariadb, type TestDatabase } from '../support/databases/databases.js';
import { openDatabase } from '../support/databases/service-database.js';

const { create, rotate, end, endBeyond } = sessionStatements(mariadb, 'refresh_token_sessions', {
  lostResponse: 'revoke',
  recordDevice: true,
});
const CONNECTIONS = 24;
const ROUNDS = 10;
const NOW = Date.UTC(2026, 0, 1);
const LIFE = 1e12;

/** Whatever isolation a host's connections have, the condition is judged on the row as it is once it is locked. */
const LEVELS = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'];

describeMariadb('Statements that race for a row of MariaDB', () => {
  let database: TestDatabase;
  let pool: Pool;

  beforeAll(async () => {
    database = await createDatabase('MariaDB');
    await (await openDatabase(database.url)).destroy();
    pool = createPool({ uri: database.url, connectionLimit: CONNECTIONS });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  async function run(
    connection: Pick<Pool, 'execute'>,
    statement: typeof rotate,
    values: Record<string, string | number | null>,
  ): Promise<Record<string, unknown>[]> {
    const [rows] = await connection.execute(statement.sql, bind(statement, values) as (string | number | null)[]);
    return rows as Record<string, unknown>[];
  }

  /** Runs one statement on all connections at once. @returns how many of them changed the row; a deadlock is none */
  async function race(level: string, statement: typeof rotate, values: Record<string, string | number | null>) {
    const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.getConnection()));
    try {
      for (const connection of connections) await connection.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${level}`);
      const outcomes = await Promise.allSettled(connections.map((connection) => run(connection, statement, values)));
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'ER_LOCK_DEADLOCK' });
      }
      return outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value.length > 0).length;
    } finally {
      connections.forEach((connection) => connection.release());
    }
  }

  const device = { user_agent: null, ip: null };

  async function newSession(): Promise<string> {
    const id = randomUUID();
    const nothing = { client_id: null, scope: null, claims: null, label: null, ...device };
    await run(pool, create, { id, subject: 'alice', first: NOW, now: NOW, expires_at: NOW + LIFE, ...nothing });
    return id;
  }

  it.each(LEVELS)('rotate it once, with %s', async (level) => {
    const id = await newSession();
    let n = NOW;
    for (let round = 0; round < ROUNDS; round += 1) {
      const limits = { absolute: LIFE, not_before: 0, idle: LIFE, leeway: 0, accept_ahead: 0 };
      expect(await race(level, rotate, { id, n, now: n + 1, ...limits, ...device })).toBe(1);
      const [rows] = await pool.query('SELECT used, issued FROM refresh_token_sessions WHERE id = ?', [id]);
      expect(rows).toEqual([{ used: n, issued: n + 1 }]);
      n += 1;
    }
  });

  it.each(LEVELS)('end it once, with %s', async (level) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const id = await newSession();
      expect(await race(level, end, { id, subject: null, reason: 'logout', now: NOW })).toBe(1);
    }
  });

  it.each(LEVELS)('never insert one that is not there, with %s', async (level) => {
    const id = randomUUID();
    const limits = { absolute: LIFE, not_before: 0, idle: LIFE, leeway: 0, accept_ahead: 1 };
    expect(await race(level, rotate, { id, n: NOW, now: NOW + 1, ...limits, ...device })).toBe(0);
    const [rows] = await pool.query('SELECT id FROM refresh_token_sessions WHERE id = ?', [id]);
    expect(rows).toEqual([]);
  });

  it.each(LEVELS)('never bring back one that is deleted meanwhile, with %s', async (level) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const id = await newSession();
      const limits = { absolute: LIFE, not_before: 0, idle: LIFE, leeway: 0, accept_ahead: 0 };
      const raced = race(level, rotate, { id, n: NOW, now: NOW + 1, ...limits, ...device });
      await onMariadb(database.url, `DELETE FROM refresh_token_sessions WHERE id = '${id}'`);
      await raced;
      const [rows] = await pool.query('SELECT id FROM refresh_token_sessions WHERE id = ?', [id]);
      expect(rows).toEqual([]);
    }
  });

  it.each(LEVELS)('leave as many sessions as there may be, with %s', async (level) => {
    await pool.query('DELETE FROM refresh_token_sessions');
    const ids: string[] = [];
    for (let count = 0; count < 8; count += 1) ids.push(await newSession());
    const newest = [...ids].toSorted().at(-1) as string;
    const limits = { absolute: LIFE, not_before: 0, now: NOW + 1, limit: 3, reason: 'limit' };
    await race(level, endBeyond, { id: newest, subject: 'alice', ...limits });
    const [rows] = await pool.query('SELECT id FROM refresh_token_sessions WHERE revoked_at IS NULL ORDER BY id DESC');
    expect(rows).toEqual(
      ids
        .toSorted()
        .toReversed()
        .slice(0, 3)
        .map((id) => ({ id })),
    );
  });
});
