import Sqlite from 'better-sqlite3';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { locationOf } from './service-database.js';

const TABLES = ['refresh_token_sessions', 'refresh_token_secrets', 'access_token_keys'];

/** A connection beside the service's, to whichever database. */
interface Connection {
  /** Runs statements, one after the other. */
  execute(sql: string): Promise<unknown>;
  /** @returns the rows of one statement */
  query(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<unknown>;
}

/**
 * Copies of what the service's tables say, put back below whoever runs on them: many of them, for little, since they
 * are temporary tables of one connection. Whole backups are those of `database-copies.ts`.
 */
export class TableCopies {
  private constructor(private readonly connection: Connection) {}

  static async of(databaseUrl: string): Promise<TableCopies> {
    return new TableCopies(await connectTo(databaseUrl));
  }

  async take(name: string): Promise<void> {
    await this.forEachTable((table) => `CREATE TEMPORARY TABLE ${table}_${name} AS SELECT * FROM ${table}`);
  }

  /** In one transaction: nobody sees a part of it. */
  async putBack(name: string): Promise<void> {
    await this.forEachTable(
      (table) => `DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM ${table}_${name}`,
      'BEGIN; ',
      '; COMMIT',
    );
  }

  /** Removes all sessions, and these copies. */
  async empty(names: readonly string[]): Promise<void> {
    const copies = names.flatMap((name) => TABLES.map((table) => `; DROP TABLE ${table}_${name}`));
    await this.connection.execute(`DELETE FROM refresh_token_sessions${copies.join('')}`);
  }

  query(sql: string): Promise<Record<string, unknown>[]> {
    return this.connection.query(sql);
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  private async forEachTable(statement: (table: string) => string, before = '', after = ''): Promise<void> {
    await this.connection.execute(before + TABLES.map(statement).join('; ') + after);
  }
}

async function connectTo(databaseUrl: string): Promise<Connection> {
  const location = locationOf(databaseUrl);
  if (location.type === 'sqlite') {
    const database = new Sqlite(location.path);
    return {
      execute: async (sql) => database.exec(sql),
      query: async (sql) => database.prepare<[], Record<string, unknown>>(sql).all(),
      close: async () => database.close(),
    };
  }
  if (location.type === 'mariadb') {
    const connection = await createConnection({ uri: location.url, multipleStatements: true });
    return {
      execute: (sql) => connection.query(sql),
      query: async (sql) => (await connection.query(sql))[0] as Record<string, unknown>[],
      close: () => connection.end(),
    };
  }
  const client = new Client({ connectionString: location.url });
  await client.connect();
  return {
    execute: (sql) => client.query(sql),
    query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
    close: () => client.end(),
  };
}
