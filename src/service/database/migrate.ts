import type { DataSource } from 'typeorm';

/** The advisory lock under which instances that start together migrate one after the other. */
const MIGRATION_LOCK = 0x6e_72_74_00;
/** Marks a SQLite file as this service's (`PRAGMA application_id`); writing it takes the write lock. */
const SQLITE_APPLICATION_ID = 0x6e_72_74_31;

/** Runs the migrations that are still to be run, under a lock that spans all instances. */
export async function migrate(dataSource: DataSource): Promise<void> {
  const runner = dataSource.createQueryRunner('master');
  try {
    if (dataSource.options.type === 'postgres') {
      await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
      try {
        await dataSource.runMigrations({ transaction: 'all' });
      } finally {
        await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
      }
    } else {
      // One connection, one transaction: runMigrations joins it.
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
  } finally {
    await runner.release();
  }
}
