import type { DataSourceOptions } from 'typeorm';
import { refreshTokenEntities } from '../auth/module/entities.js';

/** The options of a DataSource for SQLite in memory. */
export type InMemoryDatabaseOptions = Extract<DataSourceOptions, { type: 'better-sqlite3' }>;

/**
 * The options of a DataSource on a new SQLite database in memory, which has the module's tables and yours. The package
 * better-sqlite3 must be installed.
 * @param entities your own entities; TypeORM creates their tables, without migrations
 * @example TypeOrmModule.forRoot(inMemoryDatabase([User]))
 */
export function inMemoryDatabase(entities: readonly (new () => object)[] = []): InMemoryDatabaseOptions {
  return {
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [...refreshTokenEntities, ...entities],
    synchronize: true,
  };
}
