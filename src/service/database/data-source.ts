import { Logger } from '@nestjs/common';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { dialectOf } from '../../auth/database/dialect-of.js';
import { logCause, messageOf } from '../../auth/runtime/log-cause.js';
import { retry } from '../../auth/runtime/retry.js';
import { TIME_BUDGET } from '../../auth/runtime/time-budget.js';
import type { DatabaseLocation } from './database-url.js';
import type { DatabaseKind } from './kinds/kind.js';
import { mariadb } from './kinds/mariadb.js';
import { postgres } from './kinds/postgres.js';
import { sqlite } from './kinds/sqlite.js';

/** The databases that the service opens: one entry for each. */
const KINDS: Record<DatabaseLocation['type'], DatabaseKind> = { sqlite, postgres, mariadb };

/** The pause between two attempts of a start, in milliseconds. */
const PAUSE = 1_000;

/** The options of the service's DataSource; `ormconfig.ts` uses them too. */
export function dataSourceOptions(location: DatabaseLocation): DataSourceOptions {
  return { ...KINDS[location.type].options(location), synchronize: false, migrationsRun: false };
}

/**
 * Connects and migrates. Where the database doesn't answer, the start tries again.
 * @param patience for how long the start tries, in milliseconds
 * @throws ConfigurationError where waiting can't help (no driver, no such folder, not a database), or didn't help
 */
export async function openDatabase(
  location: DatabaseLocation,
  patience: number = TIME_BUDGET.absentServer,
): Promise<DataSource> {
  const dataSource = makeDataSource(location);
  const open = async () => {
    await connectTo(dataSource);
    await migrate(dataSource, location);
  };
  try {
    await retry(open, {
      patience,
      isPassing: (error) => !refusalOf(error, location),
      pause(_, error) {
        new Logger('Database').warn('The database does not answer; trying again', { cause: logCause(error) });
        return PAUSE;
      },
    });
    return dataSource;
  } catch (error) {
    throw await giveUp(dataSource, location, error, ` for ${patience / 1_000} s`);
  }
}

/**
 * Connects, and nothing else.
 * @throws ConfigurationError where the database can't be used
 */
export async function connect(location: DatabaseLocation): Promise<DataSource> {
  const dataSource = makeDataSource(location);
  try {
    await connectTo(dataSource);
    return dataSource;
  } catch (error) {
    throw await giveUp(dataSource, location, error);
  }
}

/** Runs the migrations that are still to be run, under a lock that spans all instances. */
export async function migrate(dataSource: DataSource, { type }: Pick<DatabaseLocation, 'type'>): Promise<void> {
  const runner = dataSource.createQueryRunner('master');
  try {
    await KINDS[type].migrate(dataSource, runner);
  } finally {
    await runner.release();
  }
}

function makeDataSource(location: DatabaseLocation): DataSource {
  try {
    return new DataSource(dataSourceOptions(location));
  } catch (error) {
    throw KINDS[location.type].missingDriver(error);
  }
}

async function connectTo(dataSource: DataSource): Promise<void> {
  if (!dataSource.isInitialized) await dataSource.initialize();
  await dialectOf(dataSource).refuseUnfitServer?.(dataSource, 'DATABASE_URL');
}

/** Closes the DataSource. @returns the error to throw */
async function giveUp(
  dataSource: DataSource,
  location: DatabaseLocation,
  error: unknown,
  howLong = '',
): Promise<ConfigurationError> {
  if (dataSource.isInitialized) await dataSource.destroy();
  return (
    refusalOf(error, location) ??
    new ConfigurationError(`The database could not be used${howLong}: ${messageOf(error)}`, { cause: error })
  );
}

/** The refusal for an error that waiting doesn't mend; `undefined` where waiting may help. */
function refusalOf(error: unknown, location: DatabaseLocation): ConfigurationError | undefined {
  return error instanceof ConfigurationError ? error : KINDS[location.type].refusalOf?.(error, location);
}
