import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../auth.errors.js';
import type { Dialect } from './dialect.js';
import { mariadb } from './dialects/mariadb.js';
import { postgres } from './dialects/postgres.js';
import { sqlite } from './dialects/sqlite.js';

/** The databases that there are. */
const DIALECTS: readonly Dialect[] = [sqlite, postgres, mariadb];

/**
 * The dialect of a DataSource.
 * @throws ConfigurationError where no dialect is for its type; the message lists the types that are taken
 */
export function dialectOf({ options: { type } }: DataSource): Dialect {
  const dialect = DIALECTS.find(({ dataSourceTypes }) => dataSourceTypes.includes(type));
  if (dialect) return dialect;
  const types = DIALECTS.flatMap(({ dataSourceTypes }) => dataSourceTypes).map((taken) => `"${taken}"`);
  throw new ConfigurationError(
    `dataSource: got a DataSource of type "${type}", takes ${types.slice(0, -1).join(', ')} or ${types.at(-1)}.`,
  );
}
