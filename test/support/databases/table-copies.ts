import { connectTo, forEachTable, type DatabaseConnection } from './database-connection.js';

/**
 * Copies of what the service's tables say, put back below whoever runs on them: many of them, for little, since they
 * are temporary tables of one connection. Whole backups are those of `database-copies.ts`.
 */
export class TableCopies {
  private constructor(private readonly connection: DatabaseConnection) {}

  static async of(databaseUrl: string): Promise<TableCopies> {
    return new TableCopies(await connectTo(databaseUrl));
  }

  async take(name: string): Promise<void> {
    await this.connection.execute(
      forEachTable((table) => `CREATE TEMPORARY TABLE ${table}_${name} AS SELECT * FROM ${table}`),
    );
  }

  putBack(name: string): Promise<void> {
    return putBack(this.connection, name);
  }

  /** Removes all sessions, and these copies. */
  async empty(names: readonly string[]): Promise<void> {
    const copies = names.map((name) => `; ${forEachTable((table) => `DROP TABLE ${table}_${name}`)}`);
    await this.connection.execute(`DELETE FROM refresh_token_sessions${copies.join('')}`);
  }

  query(sql: string): Promise<Record<string, unknown>[]> {
    return this.connection.query(sql);
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}

/** Puts the rows of `<table>_<name>` back into the tables. One transaction does it: nobody sees a part of it. */
export async function putBack(connection: DatabaseConnection, name: string): Promise<void> {
  const statements = forEachTable(
    (table) => `DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM ${table}_${name}`,
  );
  await connection.execute(`BEGIN; ${statements}; COMMIT`);
}
