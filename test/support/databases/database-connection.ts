import Sqlite from 'better-sqlite3';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';

const TABLES = ['refresh_token_sessions', 'refresh_token_secrets', 'access_token_keys'];

/** A connection of a test, beside those of the service, to whichever database. */
export interface DatabaseConnection {
  /** Runs statements, one after the other. */
  execute(sql: string): Promise<unknown>;
  /** Runs one statement. @returns its rows */
  query(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<unknown>;
}

/** One statement for each table of the service. */
export function forEachTable(statement: (table: string) => string): string {
  return TABLES.map(statement).join('; ');
}

/** The file of a `DATABASE_URL` of SQLite; `undefined` for a server. */
export function sqlitePath(databaseUrl: string): string | undefined {
  return /^sqlite:(.+)$/.exec(databaseUrl)?.[1];
}

/** Connects to the database at a `DATABASE_URL`. */
export async function connectTo(databaseUrl: string): Promise<DatabaseConnection> {
  const path = sqlitePath(databaseUrl);
  if (path !== undefined) return sqliteConnection(path);
  return databaseUrl.startsWith('mysql:') ? mariadbConnection(databaseUrl) : postgresConnection(databaseUrl);
}

function sqliteConnection(path: string): DatabaseConnection {
  const database = new Sqlite(path);
  return {
    execute: async (sql) => database.exec(sql),
    query: async (sql) => {
      const statement = database.prepare<[], Record<string, unknown>>(sql);
      if (statement.reader) return statement.all();
      statement.run();
      return [];
    },
    close: async () => database.close(),
  };
}

async function mariadbConnection(url: string): Promise<DatabaseConnection> {
  const connection = await createConnection({ uri: url, multipleStatements: true });
  return {
    execute: (sql) => connection.query(sql),
    query: async (sql) => {
      const [rows] = await connection.query(sql);
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
    },
    close: () => connection.end(),
  };
}

async function postgresConnection(url: string): Promise<DatabaseConnection> {
  const client = new Client({ connectionString: url });
  // The database may be dropped while the connection is open.
  client.on('error', () => undefined);
  await client.connect();
  return {
    execute: (sql) => client.query(sql),
    query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
    close: () => client.end(),
  };
}
