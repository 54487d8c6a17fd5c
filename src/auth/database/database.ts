import { Inject, Injectable, Optional } from '@nestjs/common';
import { DataSource, type EntityTarget, type ObjectLiteral, type QueryRunner } from 'typeorm';
import { AUTH_DATA_SOURCE, AUTH_MODULE_NAME } from '../injection-tokens.js';
import { ConfigurationError, TemporarilyUnavailableError } from '../auth.errors.js';
import { retry, type RetryOptions } from '../runtime/retry.js';
import { TIME_BUDGET } from '../runtime/time-budget.js';
import { withTimeLimit } from '../runtime/time-limit.js';
import { RefreshTokenSecret } from '../key-ring/token-secret.entity.js';
import { isBusy, isDeadEnd, isFull, isLost, isMissingTable } from './database-errors.js';
import { quotedTable } from './entity-table.js';
import { executePrepared, type MysqlConnection } from './mysql-execute.js';
import { ServerConnections } from './server.connections.js';
import { SharedCommit } from './sqlite.connection.js';
import { takeStartLock } from './start-lock.js';
import { refuseUnfitEntities, refuseUnfitServer } from './server-version.check.js';
import { bind, dialectOf, type Dialect, type Row, type SqlStatement, type SqlValue } from './sql-statement.js';

/** Pauses between two attempts, in milliseconds. */
const BUSY_PAUSE = 20;
const LONGEST_PAUSE = 200;

/** For how long a disk counts as full at least, in milliseconds. */
const FULL_FOR = 5_000;
/** The same before another connection is made, in milliseconds. */
const RECONNECT_PAUSE = 200;

/** Between two attempts of a start whose server restarts, in milliseconds. */
const LOST_PAUSE = 500;

/** The name of the module that works on a DataSource: two on the same tables would take each other's tokens. */
const moduleNames = new WeakMap<DataSource, string | undefined>();

/**
 * Runs statements on the host's DataSource: on the primary, in autocommit, never inside a transaction.
 * Whatever the database throws becomes a `TemporarilyUnavailableError`: to a client, all of it means "later".
 */
@Injectable()
export class Database {
  readonly dialect: Dialect;
  /** When the disk last had no room for a write, or took none, and when it last took a durable one, in milliseconds. */
  private refusedAt = -Infinity;
  private writtenAt = 0;
  private readonly connections: ServerConnections;
  private readonly sharedCommit: SharedCommit;

  constructor(
    @Inject(AUTH_DATA_SOURCE) private readonly dataSource: DataSource,
    @Optional() @Inject(AUTH_MODULE_NAME) moduleName?: string,
  ) {
    const dialect = dialectOf(dataSource);
    if (!dialect) {
      throw new ConfigurationError(
        `dataSource: got a DataSource of type "${dataSource.options.type}", takes "better-sqlite3", "postgres", "mariadb", "mysql" or "cockroachdb".`,
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
    const createQueryRunner = () => dataSource.createQueryRunner('master');
    this.connections = new ServerConnections(createQueryRunner);
    this.sharedCommit = new SharedCommit(createQueryRunner);
  }

  /** Whether the disk takes writes: a small one may find room where others did not just before. */
  get isFull(): boolean {
    return this.refusedAt > this.writtenAt || performance.now() - this.refusedAt < FULL_FOR;
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
    return this.attempt(statement, values, false);
  }

  /** `run` without a second try: what the database throws comes through. */
  runOnce(statement: SqlStatement, values: Record<string, SqlValue> = {}): Promise<Row[]> {
    return this.execute(statement, values, false);
  }

  /** Runs one statement whose commit survives a power loss before it is answered, and returns its rows. */
  runDurably(statement: SqlStatement, values: Record<string, SqlValue>): Promise<Row[]> {
    return this.attempt(statement, values, true);
  }

  /**
   * Runs `work`, which awaits nothing but its statements, in a transaction that no other instance's `exclusively`
   * overlaps. For the start and for new keys, not for requests: where the connection is lost, it is run again. The
   * database's own errors come through.
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
    await this.requireTables(() => this.retryWhileBusy(() => this.execute(statement, {}, false)));
  }

  private async requireTables<T>(work: () => Promise<T>): Promise<T> {
    refuseUnfitEntities(this.dataSource);
    const workOnFitServer = async () => {
      await withTimeLimit(() => refuseUnfitServer(this.dataSource, 'dataSource'), TIME_BUDGET.lostServer);
      return work();
    };
    try {
      return await retry(workOnFitServer, {
        patience: TIME_BUDGET.lostServer,
        isPassing: isLost,
        pause: pauseOf(LOST_PAUSE),
      });
    } catch (error) {
      if (!isMissingTable(error)) throw error;
      throw new ConfigurationError(
        `dataSource: the tables of nest-refresh-token are missing or old (${(error as Error).message}). Add "...${this.dialect}Migrations" to the DataSource's "migrations", and run them before the application starts.`,
        { cause: error },
      );
    }
  }

  private transact<T>(lock: number, work: (run: Database['run']) => Promise<T>): Promise<T> {
    if (this.dialect === 'sqlite') return this.retryWhileBusy(() => this.sharedCommit.transact(work));
    return this.retryWhileBusy(() =>
      this.connections.use(async (runner) => {
        const run: Database['run'] = (statement, values = {}) => this.query(runner, statement, values);
        try {
          // Not what the host has set: what is read after the lock has to be what was written under it. CockroachDB has
          // no lock, and needs its transactions serializable.
          await runner.startTransaction(this.dialect === 'cockroach' ? 'SERIALIZABLE' : 'READ COMMITTED');
          await takeStartLock(runner, this.dialect, lock, this.table(RefreshTokenSecret));
          const result = await work(run);
          await runner.commitTransaction();
          return result;
        } catch (error) {
          if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
          throw error;
        }
      }),
    );
  }

  private async attempt(statement: SqlStatement, values: Record<string, SqlValue>, isDurable: boolean): Promise<Row[]> {
    try {
      return await this.retryWhileBusy(() => this.execute(statement, values, isDurable));
    } catch (error) {
      throw new TemporarilyUnavailableError('database', { cause: error });
    }
  }

  private async execute(statement: SqlStatement, values: Record<string, SqlValue>, isDurable: boolean): Promise<Row[]> {
    try {
      const rows = await (this.dialect === 'sqlite'
        ? this.sharedCommit.run(statement, values, isDurable)
        : this.connections.use((runner) => this.query(runner, statement, values)));
      if (isDurable) this.writtenAt = performance.now();
      return rows;
    } catch (error) {
      if (isFull(error)) this.refusedAt = performance.now();
      throw error;
    }
  }

  private async query(runner: QueryRunner, statement: SqlStatement, values: Record<string, SqlValue>): Promise<Row[]> {
    const bound = bind(statement, values);
    if (this.dialect !== 'mariadb') return rowsOf(await runner.query(statement.sql, bound, true));
    this.dataSource.logger.logQuery(statement.sql, bound, runner);
    return executePrepared((await runner.connect()) as MysqlConnection, statement.sql, bound);
  }

  /** A driver's own busy timeout would block the event loop, so the waiting is done here. */
  private retryWhileBusy<T>(work: () => Promise<T>): Promise<T> {
    return retry(work, { patience: TIME_BUDGET.lockedDatabase, isPassing: isBusy, pause: pauseOf(BUSY_PAUSE) });
  }
}

/** Longer each time: thousands may be waiting for one lock. */
function pauseOf(first: number): RetryOptions['pause'] {
  return (failures, error) => {
    const longer = Math.min(first * failures, Math.max(first, LONGEST_PAUSE));
    return isDeadEnd(error) ? Math.max(longer, RECONNECT_PAUSE) : longer;
  };
}

function rowsOf(result: unknown): Row[] {
  return (result as { records?: Row[] }).records ?? [];
}
