import { ConfigurationError } from '../../auth.errors.js';
import { databaseErrors } from '../database-errors.js';
import type { Dialect } from '../dialect.js';
import { executePrepared, type MysqlConnection } from '../mysql-execute.js';
import { ServerConnections, type Server } from '../server.connections.js';
import { bind, compilePositional } from '../sql-statement.js';
import { listed, type SqlWrites } from '../sql-writes.js';
import { refuseUnfitMariadb } from './mariadb-version.js';

const errors = databaseErrors({
  busy: new RegExp(
    [
      // A deadlock, which is also what a cluster calls a conflict with another node; a row that has changed since the
      // snapshot; a row that came in between (`insertUnlessThere`).
      '^(ER_LOCK_DEADLOCK|ER_CHECKREAD|ER_DUP_ENTRY)$',
      // A lock that was waited for too long; or the node isn't part of its cluster. The server has either name for
      // that, the first where the statement was to wait for the other nodes (`wsrep_sync_wait`).
      '^(ER_LOCK_WAIT_TIMEOUT|ER_UNKNOWN_COM_ERROR)$',
    ].join('|'),
  ),
  deadEnd: new RegExp(
    [
      // The server was demoted.
      '^(ER_OPTION_PREVENTS_STATEMENT|ER_READ_ONLY_MODE|ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION)$',
      // The server shuts down; or the node isn't part of its cluster.
      '^(ER_SERVER_SHUTDOWN|ER_LOCK_WAIT_TIMEOUT|ER_UNKNOWN_COM_ERROR)$',
    ].join('|'),
  ),
  lost: /^(PROTOCOL_CONNECTION_LOST|ER_SERVER_SHUTDOWN)$/,
  full: /^(ER_DISK_FULL|ER_RECORD_FILE_FULL)$/,
  missingTable: /^(ER_NO_SUCH_TABLE|ER_BAD_FIELD_ERROR)$/,
});

const server: Server = {
  async query(runner, statement, values) {
    const bound = bind(statement, values);
    runner.dataSource.logger.logQuery(statement.sql, bound, runner);
    return executePrepared((await runner.connect()) as MysqlConnection, statement.sql, bound);
  },

  /**
   * Writes a row that nobody ever sees. The lock on that row is kept until the end; on a cluster, where locks are a
   * node's own, one of two transactions that wrote the row fails as a deadlock. GET_LOCK would know one node only.
   */
  async takeStartLock(runner, { id, table: { name, key, required } }) {
    const row = `lock ${id}`;
    const values = required.map((column) => (column === key ? '?' : '0'));
    await runner.query(
      `INSERT INTO ${name} (${required.join(', ')}) VALUES (${values.join(', ')}) ON DUPLICATE KEY UPDATE ${key} = ${key}`,
      [row],
    );
    await runner.query(`DELETE FROM ${name} WHERE ${key} = ?`, [row]);
  },

  isDeadEnd: errors.isDeadEnd,
};

const writes: SqlWrites = {
  /**
   * An INSERT of rows that are there already, which becomes their update: MariaDB has no UPDATE … RETURNING. The rows
   * are locked while they are looked up (FOR UPDATE), so nobody changes or removes one in between, and none is ever
   * inserted.
   */
  updateReturning({ name, required }, { with: before, set, where, returning }) {
    // Renamed, so that a name in `set` can only mean the row that is updated.
    const found = required.map((column) => `found_${column}`);
    const renamed = required.map((column, position) => `${column} AS ${found[position]}`);
    return `
    INSERT INTO ${name} (${required.join(', ')})
    ${before ? `WITH ${before}` : ''} SELECT ${found.join(', ')}
    FROM (SELECT ${renamed.join(', ')} FROM ${name} WHERE ${where} FOR UPDATE) AS found
    ON DUPLICATE KEY UPDATE ${set}
    RETURNING ${returning}`;
  },

  /**
   * INSERT IGNORE would cut what is too long. Of two that race, one fails by the key, and finds the row when repeated.
   */
  insertUnlessThere({ name, key }, columns, returning) {
    const { names, values } = listed(columns);
    return `
    INSERT INTO ${name} (${names})
    SELECT ${values} FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM ${name} WHERE ${key} = ${columns[key]})
    RETURNING ${returning}`;
  },

  upsert({ name }, columns, set) {
    const { names, values } = listed(columns);
    return `INSERT INTO ${name} (${names}) VALUES (${values}) ON DUPLICATE KEY UPDATE ${set.replaceAll('existing.', '')}`;
  },
};

export const mariadb: Dialect = {
  ...writes,
  name: 'mariadb',
  dataSourceTypes: ['mariadb', 'mysql'],

  compile: compilePositional,
  rowLock: 'FOR UPDATE',
  // Not from NOW(), which is ambiguous in the hour that a time zone has twice.
  time: 'UNIX_TIMESTAMP() * 1000',
  // A node that is cut off from its cluster fails even this query, where it is to wait for the others (`wsrep_sync_wait`).
  stateQuery: `SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED) AS now,
                      CASE WHEN @@global.read_only THEN 'on' ELSE 'off' END AS read_only`,

  errors,
  connect: (dataSource) => new ServerConnections(() => dataSource.createQueryRunner('master'), server),

  refuseUnfitServer: refuseUnfitMariadb,

  /** TypeORM would give the column MariaDB's own type `uuid`, which refuses most of our ids. */
  refuseUnfitEntity({ columns, dataSource }) {
    if (!columns.some(({ type }) => type === 'uuid')) return;
    throw new ConfigurationError(
      `dataSource: got "...refreshTokenEntities" among the "entities" of a DataSource of type "${dataSource.options.type}", takes "...mariadbEntities".`,
    );
  },
};
