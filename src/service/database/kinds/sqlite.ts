import { ConfigurationError } from '../../../auth/auth.errors.js';
import { refreshTokenEntities } from '../../../auth/module/entities.js';
import { sqliteMigrations } from '../../../migrations/sqlite.js';
import type { DatabaseFile } from '../database-url.js';
import type { DatabaseKind } from './kind.js';

/** Marks a file as this service's (`PRAGMA application_id`). */
const APPLICATION_ID = 0x6e_72_74_31;

/** The driver is there, and its native part is not. */
const NOT_BUILT = /bindings file|ERR_DLOPEN_FAILED|NODE_MODULE_VERSION/;
/** The file can't be opened, or is no database. */
const HOPELESS = /^(SQLITE_CANTOPEN|SQLITE_NOTADB|SQLITE_READONLY|EACCES|EEXIST|EISDIR|ENOENT|ENOTDIR|EPERM|EROFS)/;

/** `sqlite:<path>` */
export const sqlite: DatabaseKind<DatabaseFile> = {
  options: ({ path }) => ({
    type: 'better-sqlite3',
    database: path,
    entities: refreshTokenEntities,
    migrations: sqliteMigrations,
    enableWAL: true,
    // The driver would wait on the event loop: the module waits asynchronously instead (`whileBusy`).
    timeout: 0,
    // A commit waits for the disk at checkpoints only; durable writes ask for more (SqliteConnection).
    prepareDatabase: (database: { pragma(source: string): unknown }) => void database.pragma('synchronous = NORMAL'),
  }),

  missingDriver,

  refusalOf(error, { path }) {
    const { code, message } = error as { code?: string; message: string };
    if (NOT_BUILT.test(`${code} ${message}`)) return missingDriver(error);
    if (!HOPELESS.test(String(code))) return undefined;
    return new ConfigurationError(`DATABASE_URL: ${JSON.stringify(path)} can't be opened: ${message}`, {
      cause: error,
    });
  },

  /** One connection, one transaction: runMigrations joins it. Its first statement takes the write lock. */
  async migrate(dataSource, runner) {
    await runner.startTransaction();
    try {
      await runner.query(`PRAGMA application_id = ${APPLICATION_ID}`);
      await dataSource.runMigrations({ transaction: 'all' });
      await runner.commitTransaction();
    } catch (error) {
      await runner.rollbackTransaction();
      throw error;
    }
  },
};

function missingDriver(cause: unknown): ConfigurationError {
  return new ConfigurationError(
    'SQLite needs "better-sqlite3", which is not installed or was not built. Install python3, make and a C++ compiler, then run "npm install better-sqlite3" ("npm rebuild better-sqlite3" where it is there); or set DATABASE_URL=postgres://… to use PostgreSQL.',
    { cause },
  );
}
