import type { INestApplication } from '@nestjs/common';
import { DataSource } from 'typeorm';

const TABLE = 'refresh_token_sessions';

interface Statements {
  begin(sqlState: string, times: number): string[];
  readonly attempts: string;
  readonly end: string[];
}

/** A sequence counts what is rolled back, too. */
const POSTGRES: Statements = {
  begin: (sqlState, times) => [
    'CREATE SEQUENCE attempts MINVALUE 0 START 1',
    "SELECT setval('attempts', 0)",
    `CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF nextval('attempts') <= ${times} THEN RAISE SQLSTATE '${sqlState}'; END IF;
       RETURN NEW;
     END $$`,
    `CREATE TRIGGER conflicts BEFORE INSERT OR UPDATE ON ${TABLE} FOR EACH ROW EXECUTE FUNCTION conflict()`,
  ],
  attempts: 'SELECT last_value AS attempts FROM attempts',
  end: [`DROP TRIGGER conflicts ON ${TABLE}`, 'DROP FUNCTION conflict', 'DROP SEQUENCE attempts'],
};

/** So does a table whose engine knows no transactions. An update is an insert of a row that is there already. */
const MARIADB: Statements = {
  begin: (sqlState, times) => [
    'CREATE TABLE attempts (attempts bigint) ENGINE = Aria TRANSACTIONAL = 0',
    'INSERT INTO attempts VALUES (0)',
    `CREATE TRIGGER conflicts BEFORE INSERT ON ${TABLE} FOR EACH ROW BEGIN
       UPDATE attempts SET attempts = attempts + 1;
       IF (SELECT attempts FROM attempts) <= ${times} THEN
         SIGNAL SQLSTATE '${sqlState}' SET MYSQL_ERRNO = 1213;
       END IF;
     END`,
  ],
  attempts: 'SELECT attempts FROM attempts',
  end: ['DROP TRIGGER conflicts', 'DROP TABLE attempts'],
};

/** Conflicts that are made up in the database. */
export interface Conflicts {
  /** How often the database was asked to write a row. */
  attempts(): Promise<number>;
}

/** Runs `work` while the database gives up on the first so many writes, as it does where transactions conflict. */
export async function whileWritesConflict<T>(
  app: INestApplication,
  { sqlState, times }: { sqlState: string; times: number },
  work: (conflicts: Conflicts) => Promise<T>,
): Promise<T> {
  const dataSource = app.get(DataSource);
  const statements = dataSource.options.type === 'postgres' ? POSTGRES : MARIADB;
  for (const statement of statements.begin(sqlState, times)) await dataSource.query(statement);
  try {
    return await work({
      attempts: async () => Number((await dataSource.query<{ attempts: unknown }[]>(statements.attempts))[0]?.attempts),
    });
  } finally {
    for (const statement of statements.end) await dataSource.query(statement);
  }
}
