import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { Client } from 'pg';

/** A database of a test's own, empty at first. */
export interface TestDatabase {
  /** What DATABASE_URL takes. */
  readonly url: string;
  drop(): Promise<void>;
}

export type DatabaseName = 'SQLite' | 'PostgreSQL';

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
};

/** Makes an empty database. */
export function createDatabase(name: DatabaseName): Promise<TestDatabase> {
  return create[name]();
}

/** `describe` once for each kind of database; those whose server isn't there are skipped (see global-setup). */
export function describeOnEachDatabase(what: string, suite: (name: DatabaseName) => void): void {
  describe(`${what} on SQLite`, () => suite('SQLite'));
  describePostgres(`${what} on PostgreSQL`, () => suite('PostgreSQL'));
}

/** `describe` where there is a PostgreSQL server. */
export function describePostgres(what: string, suite: () => void): void {
  (process.env['TEST_POSTGRES_URL'] ? describe : describe.skip)(what, suite);
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
