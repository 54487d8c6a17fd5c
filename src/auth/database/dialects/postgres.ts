import { databaseErrors } from '../database-errors.js';
import type { Dialect } from '../dialect.js';
import { ServerConnections, type Server } from '../server.connections.js';
import { bind, replaceParameters, type Row } from '../sql-statement.js';
import { ON_CONFLICT_WRITES } from '../sql-writes.js';

const errors = databaseErrors({
  // A serialization failure, a deadlock.
  busy: /^(40001|40P01)$/,
  // The server was demoted to a standby.
  deadEnd: /^25006$/,
  lost: /^(08[0-9A-Z]{3}|57P0[123])$/,
  lostMessage: /Connection terminated|timeout exceeded when trying to connect/,
  full: /^53100$/,
  missingTable: /^(42P01|42703)$/,
});

const server: Server = {
  async query(runner, statement, values) {
    const result: { records?: Row[] } = await runner.query(statement.sql, bind(statement, values), true);
    return result.records ?? [];
  },

  async takeStartLock(runner, { id }) {
    await runner.query('SELECT pg_advisory_xact_lock($1)', [id]);
  },

  isDeadEnd: errors.isDeadEnd,
};

export const postgres: Dialect = {
  ...ON_CONFLICT_WRITES,
  name: 'postgres',
  dataSourceTypes: ['postgres'],

  compile(template, types) {
    const order: string[] = [];
    const sql = replaceParameters(template, types, (name, type) => {
      if (!order.includes(name)) order.push(name);
      return `$${order.indexOf(name) + 1}::${type}`;
    });
    return { sql, order };
  },
  rowLock: 'FOR UPDATE',
  time: 'EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000',
  stateQuery: `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint) AS now,
                      current_setting('transaction_read_only') AS read_only`,

  errors,
  connect: (dataSource) => new ServerConnections(() => dataSource.createQueryRunner('master'), server),
};
