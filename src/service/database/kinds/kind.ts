import type { DataSource, DataSourceOptions, QueryRunner } from 'typeorm';
import { ConfigurationError } from '../../../auth/auth.errors.js';
import type { DatabaseLocation } from '../database-url.js';

/** How the service opens one kind of database. */
export interface DatabaseKind<Location extends DatabaseLocation = DatabaseLocation> {
  /** @throws Node's error where the driver is not installed */
  options(location: Location): DataSourceOptions;
  /** The error for a driver that is not installed. */
  missingDriver(cause: unknown): ConfigurationError;
  /** The refusal for an error that waiting doesn't mend; `undefined` where waiting may help. */
  refusalOf?(error: unknown, location: Location): ConfigurationError | undefined;
  /**
   * Runs the migrations that haven't run yet, under a lock that spans all instances.
   * @param runner a connection for the lock
   */
  migrate(dataSource: DataSource, runner: QueryRunner): Promise<void>;
}

/** The error for a server's driver that is not installed. */
export function missingServerDriver(name: string, driver: string, cause: unknown): ConfigurationError {
  return new ConfigurationError(
    `DATABASE_URL: ${name} needs the driver "${driver}", which is not installed: npm install ${driver}`,
    { cause },
  );
}
