import type { DataSource, DataSourceOptions, EntityMetadata } from 'typeorm';
import type { DatabaseErrors } from './database-errors.js';
import type { ParameterTypes, Row, RunStatement, SqlStatement, SqlValue } from './sql-statement.js';
import type { SqlWrites, WrittenTable } from './sql-writes.js';

/**
 * All that differs between databases: one object a database, in `dialects/`. Nobody else asks which database there is.
 */
export interface Dialect extends SqlWrites {
  /** The beginning of the migrations' name in messages, `<name>Migrations`. */
  readonly name: string;
  /** The types of TypeORM's DataSources that lead to this database. */
  readonly dataSourceTypes: readonly DataSourceOptions['type'][];

  /**
   * Compiles a template with `:named` parameters.
   * @param types the type of each parameter of the template
   */
  compile(template: string, types: ParameterTypes): SqlStatement;
  /** The end of a SELECT that locks the rows it reads; empty where only one transaction can write at a time. */
  readonly rowLock: string;
  /** The database's own time in milliseconds, as SQL; `undefined` where the database has this machine's clock. */
  readonly time: string | undefined;
  /**
   * A query for one row of the database's state: `now` in milliseconds (null where the database has this machine's
   * clock), and `read_only`, which is `on` where the database takes no writes.
   */
  readonly stateQuery: string;

  readonly errors: DatabaseErrors;

  /** Makes the object that runs statements on a DataSource's connections. */
  connect(dataSource: DataSource): Connections;

  /**
   * Refuses a server whose SQL isn't the one that the statements are written in.
   * @param source the option or variable that the message names
   * @throws ConfigurationError in one line
   * @throws the driver's error where the server doesn't answer
   */
  refuseUnfitServer?(dataSource: DataSource, source: string): Promise<void>;
  /**
   * Refuses an entity whose columns the database can't keep.
   * @throws ConfigurationError in one line
   */
  refuseUnfitEntity?(entity: EntityMetadata): void;
}

/** Runs statements on the connections of one DataSource, and throws the database's own errors. */
export interface Connections {
  /**
   * Runs one statement, and returns its rows.
   * @param isDurable whether the commit must survive a power loss before the statement is answered. A server's commits
   * always do, as far as the server's settings go
   */
  run(statement: SqlStatement, values: Record<string, SqlValue>, isDurable: boolean): Promise<Row[]>;
  /**
   * Runs `work` in a transaction. No other transaction with the same lock runs at the same time. `work` may await
   * nothing but its statements.
   */
  transact<T>(lock: StartLock, work: (run: RunStatement) => Promise<T>): Promise<T>;
}

/** A lock that keeps transactions of several instances apart. */
export interface StartLock {
  readonly id: number;
  /** The table, for databases on which the lock is a row. Its key is a text, its other required columns are numbers. */
  readonly table: WrittenTable;
}
