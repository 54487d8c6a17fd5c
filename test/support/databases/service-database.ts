import { DataSource, type DataSourceOptions } from 'typeorm';
import * as service from '../../../src/service/database/data-source.js';
import { parseDatabaseUrl, type DatabaseLocation } from '../../../src/service/database/database-url.js';

/** Where a test's database is, as the service reads it. */
export function locationOf(url: string): DatabaseLocation {
  const location = parseDatabaseUrl(url);
  if (!location) throw new Error(`${url} is no database.`);
  return location;
}

/** The options of the service's DataSource. */
export function dataSourceOptions(url: string): DataSourceOptions {
  return service.dataSourceOptions(locationOf(url));
}

/**
 * Connects and migrates, as the service does at its start.
 * @param patience for how long a database that doesn't answer is tried again, in milliseconds
 */
export function openDatabase(url: string, patience?: number): Promise<DataSource> {
  return service.openDatabase(locationOf(url), patience);
}

/** Connects and nothing else, as the service's commands do. */
export function connect(url: string): Promise<DataSource> {
  return service.connect(locationOf(url));
}

/** Runs the migrations that are still to be run, as the service does at its start. */
export function migrate(dataSource: DataSource, url: string): Promise<void> {
  return service.migrate(dataSource, locationOf(url));
}
