import type { DataSource, Logger } from 'typeorm';

/** The part of better-sqlite3's Database that tests look at. */
export interface SqliteHandle {
  pragma(source: string, options?: { simple: boolean }): unknown;
  prepare(sql: string): object;
}

/** A prepared statement of better-sqlite3. */
interface SqliteStatement {
  readonly source: string;
  readonly database: unknown;
}

type Run = (this: SqliteStatement, ...values: unknown[]) => unknown;

/** The handle that a DataSource on SQLite works with. */
export async function sqliteHandle(dataSource: DataSource): Promise<SqliteHandle> {
  return (await dataSource.createQueryRunner().connect()) as SqliteHandle;
}

/**
 * Tells of every statement right before it runs, whichever way it goes: on SQLite, durable writes go past TypeORM.
 * @returns what ends it
 */
export async function watchStatements(dataSource: DataSource, tell: (sql: string) => void): Promise<() => void> {
  return dataSource.options.type === 'better-sqlite3'
    ? watchSqlite(await sqliteHandle(dataSource), tell)
    : watchTypeOrm(dataSource, tell);
}

function watchTypeOrm(dataSource: DataSource, tell: (sql: string) => void): () => void {
  const before = dataSource.logger;
  const ignore = () => undefined;
  const logger: Logger = {
    logQuery: tell,
    logQueryError: ignore,
    logQuerySlow: ignore,
    logSchemaBuild: ignore,
    logMigration: ignore,
    log: ignore,
  };
  dataSource.logger = logger;
  return () => void (dataSource.logger = before);
}

function watchSqlite(handle: SqliteHandle, tell: (sql: string) => void): () => void {
  const statements = Object.getPrototypeOf(handle.prepare('SELECT 1')) as Record<string, Run>;
  const original = { ...statements };
  for (const method of ['run', 'get', 'all', 'iterate']) {
    const run = original[method] as Run;
    statements[method] = function watched(...values) {
      if (this.database === handle) tell(this.source);
      return run.apply(this, values);
    };
  }
  return () => void Object.assign(statements, original);
}

/**
 * What a statement does, in short: `SELECT`, or `UPDATE SET floor` with the first column it sets; what it looks up
 * first (`WITH`) is part of it, MariaDB's INSERT of rows that are there is an UPDATE, and so is a SELECT of updated rows.
 */
export function gist(sql: string): string {
  const [, update] =
    /^\s*INSERT\b[^]*\bFOR UPDATE\b[^]*\bON DUPLICATE KEY UPDATE\s+(\w+)/.exec(sql) ??
    /^\s*WITH\b[^]*\bAS \(\s*UPDATE\b[^]*?\bSET\s+(\w+)/.exec(sql) ??
    [];
  if (update) return `UPDATE SET ${update}`;
  const [, verb, column] = /^\s*(?:WITH\b[^]*?\)\s*(?=UPDATE\b))?(\w+)(?:[^]*?\bSET\s+(\w+))?/.exec(sql) ?? [];
  return verb === 'UPDATE' ? `UPDATE SET ${column}` : String(verb);
}
