import { Logger } from '@nestjs/common';
import { refreshTokenEntities } from '../../../auth/module/entities.js';
import { logCause } from '../../../auth/runtime/log-cause.js';
import { TIME_BUDGET } from '../../../auth/runtime/time-budget.js';
import { postgresMigrations } from '../../../migrations/postgres.js';
import type { DatabaseServer } from '../database-url.js';
import { missingServerDriver, type DatabaseKind } from './kind.js';

/** The advisory lock under which instances that start together migrate one after the other. */
const MIGRATION_LOCK = 0x6e_72_74_00;

/** The part of pg's client that is used here. */
interface PostgresClient {
  on(event: 'error', listener: () => void): unknown;
}

/** Limits that keep an answer inside a handler's deadline of 5 s, in milliseconds unless named otherwise. */
const POOL = {
  max: 10,
  connectionTimeoutMillis: TIME_BUDGET.newConnection,
  statement_timeout: TIME_BUDGET.serverStatement,
  query_timeout: TIME_BUDGET.driverStatement,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  maxLifetimeSeconds: 1_800,
  // A connection may be lost in the packet in which it is made. Neither the pool nor TypeORM listens then, and the
  // process would end. The statement that runs on the connection fails by itself.
  onConnect: (client: PostgresClient) => void client.on('error', () => undefined),
};

/** `postgres://…` */
export const postgres: DatabaseKind<DatabaseServer> = {
  options: ({ url }) => ({
    type: 'postgres',
    url,
    entities: refreshTokenEntities,
    migrations: postgresMigrations,
    applicationName: 'nest-refresh-token',
    poolErrorHandler: (error: Error) =>
      new Logger('Database').warn('A database connection was lost', { cause: logCause(error) }),
    extra: POOL,
  }),

  missingDriver: (cause) => missingServerDriver('PostgreSQL', 'pg', cause),

  async migrate(dataSource, runner) {
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    try {
      await dataSource.runMigrations({ transaction: 'all' });
    } finally {
      await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    }
  },
};
