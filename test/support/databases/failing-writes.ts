import type { INestApplication } from '@nestjs/common';
import { DataSource } from 'typeorm';

const TABLE = 'refresh_token_sessions';

const SQLITE = {
  fail: [
    `CREATE TRIGGER nothing_ends BEFORE UPDATE OF revoked_at ON ${TABLE} BEGIN SELECT RAISE(ABORT, 'out of order'); END`,
  ],
  work: ['DROP TRIGGER nothing_ends'],
};

const POSTGRES = {
  fail: [
    `CREATE FUNCTION out_of_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'out of order'; END $$`,
    `CREATE TRIGGER nothing_ends BEFORE UPDATE OF revoked_at ON ${TABLE} FOR EACH ROW EXECUTE FUNCTION out_of_order()`,
  ],
  work: [`DROP TRIGGER nothing_ends ON ${TABLE}`, 'DROP FUNCTION out_of_order'],
};

const MARIADB = {
  fail: [
    `CREATE TRIGGER nothing_ends BEFORE UPDATE ON ${TABLE} FOR EACH ROW
     BEGIN IF NOT (NEW.revoked_at <=> OLD.revoked_at) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'out of order'; END IF; END`,
  ],
  work: ['DROP TRIGGER nothing_ends'],
};

/** The statements for a type of DataSource. */
const STATEMENTS: Record<string, typeof SQLITE> = { postgres: POSTGRES, mariadb: MARIADB };

/** Runs `work` while the database refuses to end a session, and does everything else. */
export async function whileNothingEnds<T>(app: INestApplication, work: () => Promise<T>): Promise<T> {
  const dataSource = app.get(DataSource);
  const statements = STATEMENTS[dataSource.options.type] ?? SQLITE;
  for (const statement of statements.fail) await dataSource.query(statement);
  try {
    return await work();
  } finally {
    for (const statement of statements.work) await dataSource.query(statement);
  }
}
