import { copyFile, rm } from 'node:fs/promises';
import { connectTo, forEachTable, sqlitePath } from './database-connection.js';
import { putBack } from './table-copies.js';

/** Copies of the service's database, to be put back as an operator restores a backup. */
export interface DatabaseCopies {
  /** Whether the service must be stopped while a copy is put back. */
  readonly needStop: boolean;
  take(name: string): Promise<void>;
  putBack(name: string): Promise<void>;
  /** Runs a statement beside the service. @returns its rows */
  query(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<unknown>;
}

/** The copies of the database at a `DATABASE_URL`. */
export async function copiesOf(databaseUrl: string): Promise<DatabaseCopies> {
  const path = sqlitePath(databaseUrl);
  return path === undefined ? serverCopies(databaseUrl) : sqliteCopies(databaseUrl, path);
}

/** Whole files: what `cp` of a stopped database, or its online backup, makes. */
function sqliteCopies(databaseUrl: string, path: string): DatabaseCopies {
  // The file is replaced: no connection outlives a statement.
  const query = async (sql: string) => {
    const connection = await connectTo(databaseUrl);
    try {
      return await connection.query(sql);
    } finally {
      await connection.close();
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
async function serverCopies(databaseUrl: string): Promise<DatabaseCopies> {
  const connection = await connectTo(databaseUrl);
  return {
    needStop: false,
    query: (sql) => connection.query(sql),
    take: async (name) =>
      void (await connection.execute(
        forEachTable((table) => `CREATE TABLE ${table}_${name} AS SELECT * FROM ${table}`),
      )),
    putBack: (name) => putBack(connection, name),
    close: () => connection.close(),
  };
}
