import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';

/** A database of a test's own, empty at first. */
export interface TestDatabase {
  /** What DATABASE_URL takes. */
  readonly url: string;
  drop(): Promise<void>;
}

export type DatabaseName = 'SQLite' | 'PostgreSQL' | 'MariaDB';

const create: Record<DatabaseName, () => Promise<TestDatabase>> = {
  SQLite: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'refresh-token-'));
    return {
      url: `sqlite:${join(folder, 'test.sqlite')}`,
      drop: () => rm(folder, { recursive: true, force: true }),
    };
  },
  PostgreSQL: async () => {
    const server = new URL(process.env['TEST_POSTGRES_URL'] as string);
    const name = `refresh_token_${randomBytes(8).toString('hex')}`;
    await onServer(`CREATE DATABASE ${name}`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    return { url: url.href, drop: () => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
  },
  MariaDB: async () => {
    const server = process.env['TEST_MARIADB_URL'] as string;
    const name = `refresh_token_${randomBytes(8).toString('hex')}`;
    // As many servers come: neither the collation nor the character set that the module's tables need.
    await onMariadb(server, `CREATE DATABASE ${name} CHARACTER SET latin1 COLLATE latin1_swedish_ci`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    return { url: url.href, drop: async () => void (await onMariadb(server, `DROP DATABASE IF EXISTS ${name}`)) };
  },
};

/** Makes an empty database. */
export function createDatabase(name: DatabaseName): Promise<TestDatabase> {
  return create[name]();
}

/** The databases that there are, for what is begun before the suites that are about it. */
export function availableDatabases(): DatabaseName[] {
  const servers = {
    SQLite: 'none',
    PostgreSQL: process.env['TEST_POSTGRES_URL'],
    MariaDB: process.env['TEST_MARIADB_URL'],
  };
  return (Object.keys(create) as DatabaseName[]).filter((name) => servers[name] && !isLeftOut(name));
}

/** `describe` once for each kind of database; those whose server isn't there are skipped (see global-setup). */
export function describeOnEachDatabase(what: string, suite: (name: DatabaseName) => void): void {
  describe(`${what} on SQLite`, () => suite('SQLite'));
  describePostgres(`${what} on PostgreSQL`, () => suite('PostgreSQL'));
  describeMariadb(`${what} on MariaDB`, () => suite('MariaDB'));
}

/** The same for servers only. */
export function describeOnEachServer(what: string, suite: (name: 'PostgreSQL' | 'MariaDB') => void): void {
  describePostgres(`${what} on PostgreSQL`, () => suite('PostgreSQL'));
  describeMariadb(`${what} on MariaDB`, () => suite('MariaDB'));
}

/** `TEST_DATABASES` names the databases of a run or of a project of Jest: the others are left out without a word. */
export function isLeftOut(name: DatabaseName): boolean {
  return !(process.env['TEST_DATABASES'] ?? name).split(',').includes(name);
}

/** `describe` where there is a PostgreSQL server. */
export function describePostgres(what: string, suite: () => void): void {
  if (!process.env['TEST_POSTGRES_URL']) return describe.skip(what, suite);
  if (!isLeftOut('PostgreSQL')) describe(what, suite);
}

/** `describe` where there is a MariaDB server. */
export function describeMariadb(what: string, suite: () => void): void {
  if (!process.env['TEST_MARIADB_URL']) return describe.skip(what, suite);
  if (!isLeftOut('MariaDB')) describe(what, suite);
}

/** Runs a statement on a MariaDB server, or on a database of it. @returns its rows */
export async function onMariadb(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const connection = await createConnection({ uri: url });
  try {
    const [rows] = await connection.query(sql);
    return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
  } finally {
    await connection.end();
  }
}

/** Runs statements against the maintenance database of the PostgreSQL server. */
async function onServer(sql: string): Promise<void> {
  const client = new Client({ connectionString: process.env['TEST_POSTGRES_URL'] as string });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
