import type { DataSourceOptions } from 'typeorm';
import { refreshTokenEntities } from '../auth/module/entities.js';

/** A DataSource's options for SQLite in memory. */
export type InMemoryDatabaseOptions = Extract<DataSourceOptions, { type: 'better-sqlite3' }>;

/**
 * Options of a DataSource whose database is in memory, of its own, and has the module's tables and yours. It needs
 * better-sqlite3.
 * @param entities your own entities; their tables are made from them, without migrations
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
