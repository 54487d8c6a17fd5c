import { copyFile, rm } from 'node:fs/promises';
import Sqlite from 'better-sqlite3';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { locationOf } from './service-database.js';

/** Copies of the service's database, to be put back as an operator restores a backup. */
export interface DatabaseCopies {
  /** Whether the service must be stopped while a copy is put back. */
  readonly needStop: boolean;
  take(name: string): Promise<void>;
  putBack(name: string): Promise<void>;
  /** Runs a statement beside the service. @returns its rows */
  query(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

const TABLES = ['refresh_token_sessions', 'refresh_token_secrets', 'access_token_keys'];

/** The copies of the database at a `DATABASE_URL`. */
export async function copiesOf(databaseUrl: string): Promise<DatabaseCopies> {
  const location = locationOf(databaseUrl);
  if (location.type === 'sqlite') return sqliteCopies(location.path);
  return location.type === 'mariadb' ? mariadbCopies(location.url) : postgresCopies(location.url);
}

/** Whole files: what `cp` of a stopped database, or its online backup, makes. */
function sqliteCopies(path: string): DatabaseCopies {
  const query = async (sql: string) => {
    const database = new Sqlite(path);
    try {
      const statement = database.prepare<[], Record<string, unknown>>(sql);
      if (statement.reader) return statement.all();
      statement.run();
      return [];
    } finally {
      database.close();
    }
  };
  return {
    needStop: true,
    query,
    take: async (name) => void (await query(`VACUUM INTO '${path}.${name}'`)),
    putBack: async (name) => {
      await Promise.all(['-wal', '-shm'].map((suffix) => rm(path + suffix, { force: true })));
      await copyFile(`${path}.${name}`, path);
    },
    close: async () => undefined,
  };
}

/** The contents of the tables, put back under the running service: what a fail-over to an older replica looks like. */
async function postgresCopies(url: string): Promise<DatabaseCopies> {
  const client = new Client({ connectionString: url });
  // The database may be dropped under it.
  client.on('error', () => undefined);
  await client.connect();
  // Several statements in one query are one transaction.
  const forEachTable = async (statement: (table: string) => string) =>
    void (await client.query(TABLES.map(statement).join('; ')));
  return {
    needStop: false,
    query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
    take: (name) => forEachTable((table) => `CREATE TABLE ${table}_${name} AS TABLE ${table}`),
    putBack: (name) => forEachTable((table) => `DELETE FROM ${table}; INSERT INTO ${table} TABLE ${table}_${name}`),
    close: () => client.end(),
  };
}

/** As above. */
async function mariadbCopies(url: string): Promise<DatabaseCopies> {
  const connection = await createConnection({ uri: url });
  const query = async (sql: string) => {
    const [rows] = await connection.query(sql);
    return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
  };
  const forEachTable = async (...statements: ((table: string) => string)[]) => {
    for (const table of TABLES) for (const statement of statements) await query(statement(table));
  };
  return {
    needStop: false,
    query,
    take: (name) => forEachTable((table) => `CREATE TABLE ${table}_${name} AS SELECT * FROM ${table}`),
    putBack: async (name) => {
      await connection.beginTransaction();
      await forEachTable(
        (table) => `DELETE FROM ${table}`,
        (table) => `INSERT INTO ${table} SELECT * FROM ${table}_${name}`,
      );
      await connection.commit();
    },
    close: () => connection.end(),
  };
}
