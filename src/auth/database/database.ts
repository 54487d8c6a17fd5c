import { Inject, Injectable, Optional } from '@nestjs/common';
import { DataSource, type EntityTarget, type ObjectLiteral } from 'typeorm';
import { AUTH_DATA_SOURCE, AUTH_MODULE_NAME } from '../injection-tokens.js';
import { TemporarilyUnavailableError } from '../auth.errors.js';
import { retry, type RetryOptions } from '../runtime/retry.js';
import { ownDataSource } from './data-source.owner.js';
import type { DatabaseErrors } from './database-errors.js';
import { dialectOf } from './dialect-of.js';
import type { Connections, Dialect, StartLock } from './dialect.js';
import { DiskSpace } from './disk-space.js';
import { quotedTable } from './entity-table.js';
import { whileBusy } from './patience.js';
import type { Row, RunStatement, SqlStatement, SqlValue } from './sql-statement.js';
import { StartTransaction } from './start-transaction.js';

/**
 * Runs statements on the host's DataSource: on the primary, each statement in a transaction of its own. Every error of
 * the database becomes a `TemporarilyUnavailableError`: to a client, all of them mean "later".
 */
@Injectable()
export class Database {
  /** The properties of this database that differ from other databases. */
  readonly dialect: Dialect;
  private readonly connections: Connections;
  private readonly errors: DatabaseErrors;
  private readonly whileBusy: RetryOptions;
  private readonly start: StartTransaction;
  private readonly disk = new DiskSpace();

  /** @throws ConfigurationError where the DataSource is of a type that isn't taken, or another module works on it */
  constructor(
    @Inject(AUTH_DATA_SOURCE) private readonly dataSource: DataSource,
    @Optional() @Inject(AUTH_MODULE_NAME) moduleName?: string,
  ) {
    this.dialect = dialectOf(dataSource);
    ownDataSource(dataSource, moduleName);
    this.connections = this.dialect.connect(dataSource);
    this.errors = this.dialect.errors;
    this.whileBusy = whileBusy(this.errors);
    this.start = new StartTransaction(dataSource, this.dialect, this.connections);
  }

  /** Whether the disk takes no writes. */
  get isFull(): boolean {
    return this.disk.isFull;
  }

  /**
   * The table of an entity, as it stands in SQL.
   * @throws ConfigurationError where the DataSource doesn't know the entity, or the database can't keep its columns
   */
  table(entity: EntityTarget<ObjectLiteral> & { name: string }): string {
    const table = quotedTable(this.dataSource, entity);
    this.dialect.refuseUnfitEntity?.(this.dataSource.getMetadata(entity));
    return table;
  }

  /** Runs one statement and returns its rows. */
  run(statement: SqlStatement, values: Record<string, SqlValue> = {}): Promise<Row[]> {
    return this.attempt(statement, values, false);
  }

  /** Runs one statement without a second try, and throws the database's own errors. */
  runOnce(statement: SqlStatement, values: Record<string, SqlValue> = {}): Promise<Row[]> {
    return this.execute(statement, values, false);
  }

  /** Runs one statement whose commit survives a power loss before it is answered, and returns its rows. */
  runDurably(statement: SqlStatement, values: Record<string, SqlValue>): Promise<Row[]> {
    return this.attempt(statement, values, true);
  }

  /**
   * Runs `work` in a transaction. No other instance's `exclusively` with the same lock runs at the same time. `work`
   * may await nothing but its statements, and is run again where the connection is lost. For the start and for new
   * keys, not for requests. The database's own errors are thrown.
   * @throws ConfigurationError where the module's tables are missing or old
   */
  exclusively<T>(lock: StartLock, work: (run: RunStatement) => Promise<T>): Promise<T> {
    return this.start.exclusively(lock, work);
  }

  /**
   * Runs a statement at the start, to see whether its table and columns exist.
   * @throws ConfigurationError where the module's tables are missing or old
   */
  probe(statement: SqlStatement): Promise<void> {
    return this.start.probe(statement);
  }

  private async attempt(statement: SqlStatement, values: Record<string, SqlValue>, isDurable: boolean): Promise<Row[]> {
    try {
      return await retry(() => this.execute(statement, values, isDurable), this.whileBusy);
    } catch (error) {
      throw new TemporarilyUnavailableError('database', { cause: error });
    }
  }

  private async execute(statement: SqlStatement, values: Record<string, SqlValue>, isDurable: boolean): Promise<Row[]> {
    try {
      const rows = await this.connections.run(statement, values, isDurable);
      if (isDurable) this.disk.noteWritten();
      return rows;
    } catch (error) {
      if (this.errors.isFull(error)) this.disk.noteRefused();
      throw error;
    }
  }
}
