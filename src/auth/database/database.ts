import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { DataSource, type EntityTarget, type ObjectLiteral, type QueryRunner } from 'typeorm';
import { AUTH_DATA_SOURCE, AUTH_MODULE_NAME } from '../auth.tokens.js';
import { ConfigurationError, TemporarilyUnavailableError } from '../auth.errors.js';
import { quotedTable } from './entity-table.js';
import { bind, dialectOf, type Dialect, type SqlStatement, type SqlValue } from './sql-statement.js';

export type Row = Record<string, unknown>;

/** The part of better-sqlite3's Database that a durable write needs. */
interface SqliteHandle {
  readonly inTransaction: boolean;
  pragma(source: string, options?: { simple: boolean }): unknown;
  prepare(sql: string): { all(...values: SqlValue[]): Row[] };
}

/** SQLite's `synchronous` as a number: each commit waits for the disk. */
const SYNCHRONOUS_FULL = 2;

/** For how long another process may hold SQLite's write lock, in milliseconds; less than a handler's deadline. */
const BUSY_PATIENCE = 4_000;
const BUSY_PAUSE = 20;

/** The name of the module that works on a DataSource: two on the same tables would take each other's tokens. */
const moduleNames = new WeakMap<DataSource, string | undefined>();

/**
 * Runs statements on the host's DataSource: on the primary, in autocommit, never inside a transaction.
 * Whatever the database throws becomes a `TemporarilyUnavailableError`: to a client, all of it means "later".
 */
@Injectable()
export class Database {
  readonly dialect: Dialect;

  constructor(
    @Inject(AUTH_DATA_SOURCE) private readonly dataSource: DataSource,
    @Optional() @Inject(AUTH_MODULE_NAME) moduleName?: string,
  ) {
    const dialect = dialectOf(dataSource);
    if (!dialect) {
      throw new ConfigurationError(
        `dataSource: got a DataSource of type "${dataSource.options.type}", takes "better-sqlite3" or "postgres".`,
      );
    }
    this.dialect = dialect;
    if (moduleNames.has(dataSource) && moduleNames.get(dataSource) !== moduleName) {
      const names = [moduleNames.get(dataSource), moduleName].map((name) => (name ? `"${name}"` : 'without a name'));
      throw new ConfigurationError(
        `dataSource: got one for two AuthModules (${names.join(' and ')}), takes a DataSource of its own for each.`,
      );
    }
    moduleNames.set(dataSource, moduleName);
  }

  /**
   * The table of an entity, as it stands in SQL.
   * @throws ConfigurationError where the DataSource doesn't know the entity
   */
  table(entity: EntityTarget<ObjectLiteral> & { name: string }): string {
    return quotedTable(this.dataSource, entity);
  }

  /** Runs one statement and returns its rows. */
  run(statement: SqlStatement, values: Record<string, SqlValue> = {}): Promise<Row[]> {
    return this.attempt(async (runner) => rowsOf(await runner.query(statement.sql, bind(statement, values), true)));
  }

  /**
   * Runs one statement whose commit survives a power loss before it is answered.
   *
   * PostgreSQL waits for the disk as it comes. SQLite in WAL mode with `synchronous = NORMAL` does not, so this one
   * statement runs with FULL; better-sqlite3 is synchronous, so nothing else can slip between the three calls. Every
   * other write (a rotation) keeps the connection's own setting: losing one is harmless, the token is then ahead of
   * the row.
   */
  runDurably(statement: SqlStatement, values: Record<string, SqlValue>): Promise<Row[]> {
    if (this.dialect !== 'sqlite') return this.run(statement, values);
    return this.attempt(async (runner) => {
      const handle = (await runner.connect()) as SqliteHandle;
      if (handle.inTransaction) throw new TransactionOpenError();
      const execute = () => handle.prepare(statement.sql).all(...bind(statement, values));
      const before = Number(handle.pragma('synchronous', { simple: true }));
      if (before >= SYNCHRONOUS_FULL) return execute();
      handle.pragma(`synchronous = ${SYNCHRONOUS_FULL}`);
      try {
        return execute();
      } finally {
        handle.pragma(`synchronous = ${before}`);
      }
    });
  }

  /**
   * Runs `work` in a transaction that no other instance's `exclusively` overlaps: on SQLite its first statement has to
   * be a write. For the start and for new keys, not for requests; the database's own errors come through.
   * @throws ConfigurationError where the module's tables are missing or old
   */
  exclusively<T>(lock: number, work: (run: Database['run']) => Promise<T>): Promise<T> {
    return this.requireTables(() => this.transact(lock, work));
  }

  /**
   * Runs a statement at the start, to see that what it names is there.
   * @throws ConfigurationError where the module's tables are missing or old
   */
  async probe(statement: SqlStatement): Promise<void> {
    await this.requireTables(() =>
      this.retryWhileBusy((runner) => runner.query(statement.sql, bind(statement, {}), true)),
    );
  }

  private async requireTables<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isMissingTable(error)) throw error;
      throw new ConfigurationError(
        `dataSource: the tables of nest-refresh-token are missing or old (${(error as Error).message}). Add "...${this.dialect}Migrations" to the DataSource's "migrations", and run them before the application starts.`,
        { cause: error },
      );
    }
  }

  private transact<T>(lock: number, work: (run: Database['run']) => Promise<T>): Promise<T> {
    return this.retryWhileBusy(async (runner) => {
      const run: Database['run'] = async (statement, values = {}) =>
        rowsOf(await runner.query(statement.sql, bind(statement, values), true));
      try {
        await runner.startTransaction();
        if (this.dialect === 'postgres') await runner.query('SELECT pg_advisory_xact_lock($1)', [lock]);
        const result = await work(run);
        await runner.commitTransaction();
        return result;
      } catch (error) {
        if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
        throw error;
      }
    });
  }

  private async attempt(work: (runner: QueryRunner) => Promise<Row[]>): Promise<Row[]> {
    try {
      return await this.retryWhileBusy(work);
    } catch (error) {
      throw new TemporarilyUnavailableError('database', { cause: error });
    }
  }

  /** The driver's own busy timeout blocks the event loop, so the waiting is done here. */
  private async retryWhileBusy<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const patienceEnds = performance.now() + BUSY_PATIENCE;
    for (;;) {
      const runner = this.dataSource.createQueryRunner('master');
      try {
        if (this.dialect === 'sqlite' && runner.isTransactionActive) throw new TransactionOpenError();
        return await work(runner);
      } catch (error) {
        if (isDeadEnd(error)) await hangUp(runner);
        if (!isBusy(error) || performance.now() > patienceEnds) throw error;
      } finally {
        await runner.release();
      }
      await delay(BUSY_PAUSE);
    }
  }
}

/**
 * TypeORM has one connection to SQLite: while a transaction of the host's is open, whatever is written there is the
 * host's to roll back, a revocation too. It is waited for, as for another process's lock.
 */
class TransactionOpenError extends Error {
  readonly code = 'SQLITE_BUSY';

  constructor() {
    super("A transaction is open on SQLite's only connection. Give the module a DataSource of its own.");
  }
}

/** pg's own timeout, with the query still on its way; or a server that was demoted to a standby under the connection. */
function isDeadEnd(error: unknown): boolean {
  return (error instanceof Error && error.message.includes('Query read timeout')) || codeOf(error) === '25006';
}

/** Ends a connection that is of no use any more: the pool would hand it out again. */
async function hangUp(runner: QueryRunner): Promise<void> {
  const client = (await runner.connect()) as { end(): Promise<void> };
  void client.end().catch(() => undefined);
}

function rowsOf(result: unknown): Row[] {
  return (result as { records?: Row[] }).records ?? [];
}

/** The statement was rolled back and may be repeated: a lock, a serialization failure, a deadlock. */
function isBusy(error: unknown): boolean {
  return /^(SQLITE_BUSY|SQLITE_LOCKED|40001|40P01)/.test(codeOf(error));
}

/** Whether a statement failed because its table or column isn't there: the migrations were not run. */
function isMissingTable(error: unknown): boolean {
  // PostgreSQL: undefined_table, undefined_column; SQLite has one code for all of its kind.
  const message = error instanceof Error ? error.message : '';
  return /^(42P01|42703)$/.test(codeOf(error)) || /no such table|no such column|has no column/.test(message);
}

/** The driver's code of an error, under TypeORM's wrapping or bare. */
function codeOf(error: unknown): string {
  const { code, driverError } = error as { code?: unknown; driverError?: { code?: unknown } };
  return String(driverError?.code ?? code);
}
