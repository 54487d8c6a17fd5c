import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { refreshTokenEntities } from '../../auth/module/entities.js';
import { TIME_BUDGET } from '../../auth/runtime/time-budget.js';
import { refuseUnfitServer } from '../../auth/database/server-version.check.js';
import { cockroachMigrations } from '../../migrations/cockroach.js';
import { postgresMigrations } from '../../migrations/postgres.js';
import { sqliteMigrations } from '../../migrations/sqlite.js';
import type { DatabaseLocation } from './database-url.js';
import { mariadbOptions } from './mariadb-options.js';
import { migrate } from './migrate.js';

/** Between two attempts of a start, in milliseconds. */
const PAUSE = 1_000;

/** The part of pg's client that is used here. */
interface PostgresClient {
  on(event: 'error', listener: () => void): unknown;
}

/** Limits that keep an answer inside a handler's deadline of 5 s, in milliseconds unless named otherwise. */
const POSTGRES_POOL = {
  max: 10,
  connectionTimeoutMillis: TIME_BUDGET.newConnection,
  statement_timeout: TIME_BUDGET.serverStatement,
  query_timeout: TIME_BUDGET.driverStatement,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  maxLifetimeSeconds: 1_800,
  // Where one is lost in the packet in which it is made, neither the pool nor TypeORM listens, and the process would
  // end. Whoever uses it is told by what he uses it for.
  onConnect: (client: PostgresClient) => void client.on('error', () => undefined),
};

/** A server's name, and the package that speaks to it. */
const DRIVERS = {
  postgres: ['PostgreSQL', 'pg'],
  mariadb: ['MariaDB', 'mysql2'],
  cockroach: ['CockroachDB', 'pg'],
} as const;

/** The options of the service's DataSource; `ormconfig.ts` uses them too. */
export function dataSourceOptions(location: DatabaseLocation): DataSourceOptions {
  const common = { entities: refreshTokenEntities, synchronize: false, migrationsRun: false };
  const ofPostgres = { ...common, applicationName: 'nest-refresh-token', poolErrorHandler };
  switch (location.type) {
    case 'mariadb':
      return { ...common, ...mariadbOptions(location.url) };
    case 'postgres':
      return {
        ...ofPostgres,
        type: 'postgres',
        url: location.url,
        migrations: postgresMigrations,
        extra: POSTGRES_POOL,
      };
    case 'cockroach':
      return {
        ...ofPostgres,
        type: 'cockroachdb',
        migrations: cockroachMigrations,
        timeTravelQueries: false,
        // Not as `url`: TypeORM leaves out what stands after its "?".
        extra: { ...POSTGRES_POOL, connectionString: location.url.replace(/^cockroachdb/, 'postgresql') },
      };
    case 'sqlite':
      return {
        ...common,
        type: 'better-sqlite3',
        database: location.path,
        migrations: sqliteMigrations,
        enableWAL: true,
        // The driver would wait on the event loop: the store waits asynchronously instead (Database.retryWhileBusy).
        timeout: 0,
        // A commit waits for the disk at checkpoints only; durable writes ask for more (SharedCommit).
        prepareDatabase: (database: { pragma(source: string): unknown }) =>
          void database.pragma('synchronous = NORMAL'),
      };
  }
}

function poolErrorHandler(error: Error): void {
  logger().warn('A database connection was lost', { cause: error.message });
}

/**
 * Connects and migrates; a database that doesn't answer is tried again for 30 s.
 * @throws ConfigurationError where waiting can't help: no driver, no such folder, not a database
 */
export async function openDatabase(
  location: DatabaseLocation,
  patience: number = TIME_BUDGET.absentServer,
): Promise<DataSource> {
  const dataSource = withDriver(location, () => new DataSource(dataSourceOptions(location)));
  const givesUpAt = performance.now() + patience;
  for (;;) {
    try {
      if (!dataSource.isInitialized) await dataSource.initialize();
      await refuseUnfitServer(dataSource, 'DATABASE_URL');
      await migrate(dataSource);
      return dataSource;
    } catch (error) {
      const message = messageOf(error);
      await refuseHopeless(dataSource, location, error);
      if (performance.now() >= givesUpAt) {
        if (dataSource.isInitialized) await dataSource.destroy();
        throw new ConfigurationError(`The database could not be used for ${patience / 1_000} s: ${message}`, {
          cause: error,
        });
      }
      logger().warn('The database does not answer; trying again', { cause: message });
      await delay(PAUSE);
    }
  }
}

/**
 * Connects, and nothing else.
 * @throws ConfigurationError where the database can't be used
 */
export async function connect(location: DatabaseLocation): Promise<DataSource> {
  const dataSource = withDriver(location, () => new DataSource(dataSourceOptions(location)));
  try {
    await dataSource.initialize();
    await refuseUnfitServer(dataSource, 'DATABASE_URL');
    return dataSource;
  } catch (error) {
    await refuseHopeless(dataSource, location, error);
    throw new ConfigurationError(`The database could not be used: ${messageOf(error)}`, { cause: error });
  }
}

/** A host of several addresses fails with an error for each, and an empty message for all. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

function withDriver<T>(location: DatabaseLocation, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (location.type === 'sqlite') throw missingSqlite(error);
    const [name, driver] = DRIVERS[location.type];
    throw new ConfigurationError(
      `DATABASE_URL: ${name} needs the driver "${driver}", which is not installed: npm install ${driver}`,
      { cause: error },
    );
  }
}

function missingSqlite(cause: unknown): ConfigurationError {
  return new ConfigurationError(
    'SQLite needs "better-sqlite3", which is not installed or was not built. Install python3, make and a C++ compiler, then run "npm install better-sqlite3" ("npm rebuild better-sqlite3" where it is there); or set DATABASE_URL=postgres://… to use PostgreSQL.',
    { cause },
  );
}

async function refuseHopeless(dataSource: DataSource, location: DatabaseLocation, error: unknown): Promise<void> {
  if (error instanceof ConfigurationError) {
    if (dataSource.isInitialized) await dataSource.destroy();
    throw error;
  }
  const { code, message } = error as { code?: string; message: string };
  if (location.type !== 'sqlite') return;
  if (/bindings file|ERR_DLOPEN_FAILED|NODE_MODULE_VERSION/.test(`${code} ${message}`)) throw missingSqlite(error);
  if (
    /^(SQLITE_CANTOPEN|SQLITE_NOTADB|SQLITE_READONLY|EACCES|EEXIST|EISDIR|ENOENT|ENOTDIR|EPERM|EROFS)/.test(
      String(code),
    )
  ) {
    throw new ConfigurationError(`DATABASE_URL: ${JSON.stringify(location.path)} can't be opened: ${message}`, {
      cause: error,
    });
  }
}

function logger(): Logger {
  return new Logger('Database');
}
