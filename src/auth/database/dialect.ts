import type { DataSource, DataSourceOptions, EntityMetadata } from 'typeorm';
import type { DatabaseErrors } from './database-errors.js';
import type { ParameterTypes, Row, RunStatement, SqlStatement, SqlValue } from './sql-statement.js';
import type { SqlWrites, WrittenTable } from './sql-writes.js';

/**
 * All that differs between databases: one object a database, in `dialects/`. Nobody else asks which database there is.
 */
export interface Dialect extends SqlWrites {
  /** Messages name the migrations by it: `…Migrations`. */
  readonly name: string;
  /** The types of TypeORM's DataSources that lead to this database. */
  readonly dataSourceTypes: readonly DataSourceOptions['type'][];

  /**
   * Compiles a template with `:named` parameters.
   * @param types the type of each parameter of the template
   */
  compile(template: string, types: ParameterTypes): SqlStatement;
  /** What a SELECT ends with that locks the rows it reads; empty where a transaction that writes is alone anyway. */
  readonly rowLock: string;
  /** The database's own time in milliseconds, as SQL; `undefined` where the database has this machine's clock. */
  readonly time: string | undefined;
  /**
   * A query for one row of the database's state: `now` in milliseconds (null where the database has this machine's
   * clock), and `read_only`, which is `on` where the database takes no writes.
   */
  readonly stateQuery: string;

  readonly errors: DatabaseErrors;

  /** What runs statements on a DataSource's connections. */
  connect(dataSource: DataSource): Connections;

  /**
   * Refuses a server whose SQL isn't the one that the statements are written in.
   * @param source what the message names
   * @throws ConfigurationError in one line; whatever the driver throws where the server doesn't answer
   */
  refuseUnfitServer?(dataSource: DataSource, source: string): Promise<void>;
  /**
   * Refuses an entity whose columns the database can't keep.
   * @throws ConfigurationError in one line
   */
  refuseUnfitEntity?(entity: EntityMetadata): void;
}

/** Runs statements on the connections of one DataSource. Whatever the database throws comes through. */
export interface Connections {
  /**
   * Runs one statement, and returns its rows.
   * @param isDurable whether its commit has to survive a power loss before it is answered; a server's commits do
   */
  run(statement: SqlStatement, values: Record<string, SqlValue>, isDurable: boolean): Promise<Row[]>;
  /** Runs `work`, which awaits nothing but its statements, in a transaction that no other with its lock overlaps. */
  transact<T>(lock: StartLock, work: (run: RunStatement) => Promise<T>): Promise<T>;
}

/** What keeps transactions of several instances apart. */
export interface StartLock {
  readonly id: number;
  /** Where the lock is a row: a table whose key is a text, and whose other required columns are numbers. */
  readonly table: WrittenTable;
}
