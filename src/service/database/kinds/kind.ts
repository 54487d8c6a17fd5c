import type { DataSource, DataSourceOptions, QueryRunner } from 'typeorm';
import { ConfigurationError } from '../../../auth/auth.errors.js';
import type { DatabaseLocation } from '../database-url.js';

/** How the service opens one kind of database. */
export interface DatabaseKind<Location extends DatabaseLocation = DatabaseLocation> {
  /** @throws whatever Node throws where the driver is not installed */
  options(location: Location): DataSourceOptions;
  /** What to say where the driver is not installed. */
  missingDriver(cause: unknown): ConfigurationError;
  /** What to say of an error that waiting doesn't mend; `undefined` where waiting may. */
  refusalOf?(error: unknown, location: Location): ConfigurationError | undefined;
  /**
   * Runs the migrations that are still to be run, under a lock that spans all instances.
   * @param runner a connection for the lock
   */
  migrate(dataSource: DataSource, runner: QueryRunner): Promise<void>;
}

/** What to say where the driver of a server is not installed. */
export function missingServerDriver(name: string, driver: string, cause: unknown): ConfigurationError {
  return new ConfigurationError(
    `DATABASE_URL: ${name} needs the driver "${driver}", which is not installed: npm install ${driver}`,
    { cause },
  );
}
