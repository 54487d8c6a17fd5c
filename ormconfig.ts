// The DataSource of TypeORM's own command line: npm run typeorm -- migration:run, schema:log, migration:revert.
import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './src/service/database/data-source.js';
import { environmentWithDotEnv } from './src/service/config/dot-env.js';
import { databaseLocation } from './src/service/config/environment.js';

export default new DataSource(dataSourceOptions(databaseLocation(environmentWithDotEnv())));
