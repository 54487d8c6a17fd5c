import { databaseErrors } from '../database-errors.js';
import type { Dialect } from '../dialect.js';
import { compilePositional } from '../sql-statement.js';
import { ON_CONFLICT_WRITES } from '../sql-writes.js';
import { SqliteConnection } from '../sqlite.connection.js';

export const sqlite: Dialect = {
  ...ON_CONFLICT_WRITES,
  name: 'sqlite',
  dataSourceTypes: ['better-sqlite3'],

  compile(template, types) {
    const { sql, order } = compilePositional(template, types);
    // SQLite's two-argument MAX and MIN are what the standard calls GREATEST and LEAST.
    return { sql: sql.replaceAll('GREATEST(', 'MAX(').replaceAll('LEAST(', 'MIN('), order };
  },
  rowLock: '',
  time: undefined,
  stateQuery: "SELECT NULL AS now, 'off' AS read_only FROM sqlite_schema LIMIT 1",

  errors: databaseErrors({
    // Another process writes.
    busy: /^(SQLITE_BUSY|SQLITE_LOCKED)/,
    full: /^(SQLITE_FULL|SQLITE_IOERR|SQLITE_READONLY)/,
    missingTableMessage: /no such table|no such column|has no column/,
  }),

  connect: (dataSource) => new SqliteConnection(() => dataSource.createQueryRunner('master')),
};
