import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';
import { isBusy } from '../../auth/database/database-errors.js';
import { dialectOf } from '../../auth/database/sql-statement.js';

/** The advisory lock under which instances that start together migrate one after the other. */
const MIGRATION_LOCK = 0x6e_72_74_00;
/** Marks a SQLite file as this service's (`PRAGMA application_id`); writing it takes the write lock. */
const SQLITE_APPLICATION_ID = 0x6e_72_74_31;

/** How often MariaDB's lock is asked for, and for how long each time: less than what ends a statement. */
const LOCK_ATTEMPTS = 10;
const LOCK_SECONDS = 2;
/** How often an instance begins anew where another node of a cluster was quicker, and after which pause. */
const ATTEMPTS = 10;
const PAUSE = 100;

/** Runs the migrations that are still to be run, under a lock that spans all instances. */
export async function migrate(dataSource: DataSource): Promise<void> {
  const runner = dataSource.createQueryRunner('master');
  try {
    switch (dialectOf(dataSource)) {
      case 'postgres':
        return await migratePostgres(dataSource, runner);
      case 'mariadb':
        return await migrateMariadb(dataSource, runner);
      case 'cockroach':
        // It knows no advisory locks, and runs one change of the schema after the other.
        return await repeated(() => dataSource.runMigrations({ transaction: 'each' }));
      default:
        return await migrateSqlite(dataSource, runner);
    }
  } finally {
    await runner.release();
  }
}

async function migratePostgres(dataSource: DataSource, runner: QueryRunner): Promise<void> {
  await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
  try {
    await dataSource.runMigrations({ transaction: 'all' });
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
  }
}

/** One connection, one transaction: runMigrations joins it. */
async function migrateSqlite(dataSource: DataSource, runner: QueryRunner): Promise<void> {
  await runner.startTransaction();
  try {
    await runner.query(`PRAGMA application_id = ${SQLITE_APPLICATION_ID}`);
    await dataSource.runMigrations({ transaction: 'all' });
    await runner.commitTransaction();
  } catch (error) {
    await runner.rollbackTransaction();
    throw error;
  }
}

/**
 * MariaDB's lock is one server's own. On a cluster, nodes may migrate side by side: each change of the schema can be
 * run twice, and a name that is noted twice fails, and finds all done when it begins anew.
 */
async function migrateMariadb(dataSource: DataSource, runner: QueryRunner): Promise<void> {
  const name = `SHA1(CONCAT('nest-refresh-token:', DATABASE()))`;
  await takeLock(runner, name);
  try {
    await repeated(async () => {
      await createMigrationsTable(dataSource, runner);
      // Each change of the schema is its own transaction there, whatever is asked for.
      await dataSource.runMigrations({ transaction: 'none' });
    });
  } finally {
    await runner.query(`SELECT RELEASE_LOCK(${name})`);
  }
}

async function takeLock(runner: QueryRunner, name: string): Promise<void> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt += 1) {
    const [row] = (await runner.query(`SELECT GET_LOCK(${name}, ${LOCK_SECONDS}) AS taken`)) as { taken: unknown }[];
    if (Number(row?.taken) === 1) return;
  }
  throw new Error(`Another instance has been migrating for ${LOCK_ATTEMPTS * LOCK_SECONDS} s.`);
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

async function repeated(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return void (await work());
    } catch (error) {
      if (!isBusy(error) || attempt === ATTEMPTS) throw error;
    }
    await delay(PAUSE);
  }
}
