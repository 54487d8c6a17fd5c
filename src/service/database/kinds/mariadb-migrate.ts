import type { DataSource, QueryRunner } from 'typeorm';
import { dialectOf } from '../../../auth/database/dialect-of.js';
import { retry } from '../../../auth/runtime/retry.js';
import { TIME_BUDGET } from '../../../auth/runtime/time-budget.js';

/** The pause before an instance asks or migrates again, in milliseconds. */
const PAUSE = 100;
/** The lock's name: one for each database of the server. */
const LOCK = `SHA1(CONCAT('nest-refresh-token:', DATABASE()))`;

/** Another instance has the lock. */
class LockTakenError extends Error {
  constructor() {
    super(`Another instance has been migrating for ${TIME_BUDGET.migrationLock / 1_000} s.`);
  }
}

/**
 * Migrates under a lock that one server knows. On a cluster, two nodes may migrate at the same time, so each change of
 * the schema can be run twice. The second note of a migration fails; the instance then tries again, and finds all done.
 */
export async function migrateMariadb(dataSource: DataSource, runner: QueryRunner): Promise<void> {
  await takeLock(runner);
  const migrate = async () => {
    await createMigrationsTable(dataSource, runner);
    // Each change of the schema is its own transaction there, whatever is asked for.
    await dataSource.runMigrations({ transaction: 'none' });
  };
  try {
    await retry(migrate, {
      patience: TIME_BUDGET.migrationLock,
      isPassing: dialectOf(dataSource).errors.isBusy,
      pause: () => PAUSE,
    });
  } finally {
    await runner.query(`SELECT RELEASE_LOCK(${LOCK})`);
  }
}

/** Asks for the lock again and again: the server would end a statement that waits as long as a migration takes. */
async function takeLock(runner: QueryRunner): Promise<void> {
  const ask = async () => {
    const sql = `SELECT GET_LOCK(${LOCK}, ${TIME_BUDGET.migrationLockAnswer / 1_000}) AS taken`;
    const [row] = (await runner.query(sql)) as { taken: unknown }[];
    if (Number(row?.taken) !== 1) throw new LockTakenError();
  };
  await retry(ask, {
    patience: TIME_BUDGET.migrationLock,
    isPassing: (error) => error instanceof LockTakenError,
    // The server may also refuse the lock at once.
    pause: () => PAUSE,
  });
}

/** As TypeORM makes it, but that no migration is noted twice. */
async function createMigrationsTable(dataSource: DataSource, runner: QueryRunner): Promise<void> {
  const table = dataSource.driver.escape(dataSource.options.migrationsTableName ?? 'migrations');
  await runner.query(`
    CREATE TABLE IF NOT EXISTS ${table} (
      id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
      timestamp bigint NOT NULL,
      name varchar(255) NOT NULL UNIQUE
    ) ENGINE=InnoDB`);
}
