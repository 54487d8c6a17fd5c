// The DataSource of TypeORM's own command line: npm run typeorm -- migration:run, schema:log, migration:revert.
import 'reflect-metadata';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './src/service/database/data-source.js';
import { parseDatabaseUrl } from './src/service/database/database-url.js';

const { DATABASE_URL, DATA_DIR = './data' } = process.env;
const location = DATABASE_URL
  ? parseDatabaseUrl(DATABASE_URL)
  : { type: 'sqlite' as const, path: join(DATA_DIR, 'refresh-tokens.sqlite') };
if (!location) throw new Error('DATABASE_URL: takes sqlite:<path> or postgres://<user>:<password>@<host>/<database>');

export default new DataSource(dataSourceOptions(location));
