import { createRequire } from 'node:module';
import type { PoolConnection, PoolOptions } from 'mysql2';
import { mariadbEntities } from '../../../auth/module/mariadb-entities.js';
import { TIME_BUDGET } from '../../../auth/runtime/time-budget.js';
import { mariadbMigrations } from '../../../migrations/mariadb.js';
import type { DatabaseServer } from '../database-url.js';
import { missingServerDriver, type DatabaseKind } from './kind.js';
import { migrateMariadb } from './mariadb-migrate.js';

/** The first statement of each new connection, whatever the server's own settings are. */
const SESSION = `SET SESSION
  max_statement_time = ${TIME_BUDGET.serverStatement / 1_000},
  innodb_lock_wait_timeout = ${TIME_BUDGET.lockWait / 1_000},
  sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'`;

/**
 * On a cluster every statement waits until this node has what the others had committed before it: a user who signs in
 * on one node may be signed out on another.
 */
const CLUSTER_SESSION = 'SET SESSION wsrep_sync_wait = 7';
/** The server was built without clusters. */
const UNKNOWN_VARIABLE = 1193;

/** `mysql://…` and `mariadb://…`, one server or a cluster */
export const mariadb: DatabaseKind<DatabaseServer> = {
  options({ url }) {
    const { hostname, port, username, password, pathname, searchParams } = new URL(url);
    const socketPath = searchParams.get('socket');
    return {
      type: 'mariadb',
      // Not as `url`: TypeORM reads no address in brackets and no socket from it.
      ...(socketPath ? { socketPath } : { host: hostname.replace(/^\[|\]$/g, '') }),
      ...(port && { port: Number(port) }),
      username: decodeURIComponent(username),
      password: decodeURIComponent(password),
      database: decodeURIComponent(pathname.slice(1)),
      ...(searchParams.get('ssl') === 'true' && { ssl: {} }),
      entities: mariadbEntities,
      migrations: mariadbMigrations,
      driver: driver(),
      poolSize: 10,
      connectTimeout: TIME_BUDGET.newConnection,
      extra: { keepAliveInitialDelay: 10_000 },
    };
  },

  missingDriver: (cause) => missingServerDriver('MariaDB', 'mysql2', cause),

  migrate: migrateMariadb,
};

/** The driver, whose new connections are prepared before they are used. */
function driver(): Pick<typeof import('mysql2'), 'createPool'> {
  const mysql = createRequire(import.meta.url)('mysql2') as typeof import('mysql2');
  return {
    createPool(options: PoolOptions | string) {
      const pool = mysql.createPool(options as PoolOptions);
      pool.on('connection', prepare);
      return pool;
    },
  };
}

function prepare(connection: PoolConnection): void {
  connection.query(SESSION, (error) => error && connection.destroy());
  connection.query(CLUSTER_SESSION, (error) => error && error.errno !== UNKNOWN_VARIABLE && connection.destroy());
}
