import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import { Client } from 'pg';
import type { TokenResponse } from '../src/auth/refresh-token/token-response.js';
import { createDatabase, describePostgres, type TestDatabase } from './support/databases.js';
import { call, json, logout, postSession, refresh, refreshed, signIn, type Answer } from './support/http.js';
import { cleanUp, emptyFolder, startProcess, until, type ServiceProcess } from './support/process.js';
import { productionEnvironment } from './support/service.js';
import { TcpProxy } from './support/tcp-proxy.js';

/** A handler's deadline of 5 s, and what a busy machine may add, in milliseconds. */
const DEADLINE = 5_000 + 1_500;

interface Timed extends Answer {
  readonly took: number;
}

async function timed(answer: Promise<Answer>): Promise<Timed> {
  const begun = performance.now();
  return { ...(await answer), took: performance.now() - begun };
}

function get(url: string): Promise<Timed> {
  return timed(call(url, { method: 'GET' }));
}

/** One request to each endpoint that needs the database. */
function askAll(url: string, token: string): Promise<Timed[]> {
  const asked = [refresh(url, token), logout(url, token), postSession(url, { subject: 'bob' })];
  return Promise.all(asked.map(timed));
}

/** Not now, come again: what a client keeps its token on. */
function expectUnavailable(answers: readonly Timed[]): void {
  for (const { status, headers, text, took } of answers) {
    expect({ status, text }).toEqual({ status: 503, text: '{"error":"temporarily_unavailable"}' });
    expect(headers['retry-after']).toMatch(/^\d+$/);
    expect(headers['cache-control']).toBe('no-store');
    expect(took).toBeLessThan(DEADLINE);
  }
}

/** What `look` sees while `work` lasts. */
async function during<T>(work: Promise<unknown>, look: () => Promise<T>): Promise<T[]> {
  const over = new AbortController();
  void work.finally(() => over.abort());
  const seen: T[] = [];
  while (!over.signal.aborted) seen.push(await look());
  return seen;
}

async function isReady(url: string): Promise<boolean> {
  return (await get(`${url}/health/ready`)).status === 200;
}

async function expectNotReady(url: string): Promise<void> {
  const ready = await get(`${url}/health/ready`);
  expect(ready.status).toBe(503);
  expect(json(ready)).toMatchObject({ status: 'unavailable', checks: { database: 'no answer' } });
  expect(ready.took).toBeLessThan(DEADLINE);
}

/** The process is up, and nothing holds it up. */
async function expectLive(url: string): Promise<void> {
  const live = await get(`${url}/health/live`);
  expect(live.status).toBe(200);
  expect(live.took).toBeLessThan(500);
}

afterEach(cleanUp);

describePostgres('While PostgreSQL is away', () => {
  let database: TestDatabase;
  let network: TcpProxy;
  let service: ServiceProcess;
  let url: string;

  beforeAll(async () => {
    database = await createDatabase('PostgreSQL');
  });
  beforeEach(async () => {
    network = await TcpProxy.before(database.url);
    service = await startProcess({ env: { ...productionEnvironment(network.url), REFRESH_TOKEN_LEEWAY: '0' } });
    ({ url } = service);
  });
  afterEach(() => network.close());
  afterAll(() => database.drop());

  /** The database is back: the same process serves at once, and nobody was signed out. */
  async function expectRecovery(tokens: readonly string[]): Promise<void> {
    await until('it is ready', async () => (await isReady(url)) || undefined, 5_000);
    for (const token of tokens) await refreshed(url, token);
    await signIn(url);
    const leaver = await signIn(url);
    expect((await logout(url, leaver.refresh_token)).status).toBe(204);
    expect((await refresh(url, leaver.refresh_token)).status).toBe(401);
  }

  it('refusing connections: 503 at once, and recovery', async () => {
    const { refresh_token } = await signIn(url);
    await network.refuse();

    const answers = await askAll(url, refresh_token);
    expectUnavailable(answers);
    expect(Math.max(...answers.map(({ took }) => took))).toBeLessThan(1_500);
    await expectNotReady(url);
    await expectLive(url);

    await network.pass();
    await expectRecovery([refresh_token]);
  });

  it('cut off in the middle of requests: 503 at once, and recovery', async () => {
    const { refresh_token } = await signIn(url);
    // So that each finds a connection.
    await Promise.all([signIn(url), signIn(url), signIn(url)]);
    network.stall();
    const answers = askAll(url, refresh_token);
    await network.holdsBack(3);
    network.cut();

    expectUnavailable(await answers);
    await network.pass();
    await expectRecovery([refresh_token]);
  });

  it('cut off between commit and answer: 503, the token before works, what was ended stays ended', async () => {
    const [one, other, leaver] = [await signIn(url), await signIn(url), await signIn(url)];
    const { refresh_token } = await refreshed(url, other.refresh_token);
    network.loseAnswers();
    expectUnavailable([await timed(refresh(url, one.refresh_token))]);
    await network.pass();
    await until('it is ready', async () => (await isReady(url)) || undefined);
    network.loseAnswers();
    expectUnavailable([await timed(logout(url, leaver.refresh_token))]);
    await network.pass();

    await expectRecovery([one.refresh_token, refresh_token]);
    expect((await refresh(url, leaver.refresh_token)).status).toBe(401);
  });

  it('silent: 503 by the deadline however many ask, others are served, and recovery', async () => {
    const sessions = await Promise.all(Array.from({ length: 30 }, () => signIn(url)));
    const tokens = sessions.map(({ refresh_token }) => refresh_token);
    network.stall();

    const asked = Promise.all(tokens.flatMap((token) => [timed(refresh(url, token)), timed(refresh(url, token))]));
    await network.holdsBack();
    const others = Promise.all([postSession(url, { subject: 'bob' }), logout(url, 'rt_x')].map(timed));
    await expectNotReady(url);
    await expectLive(url);
    expectUnavailable(await asked);
    const [created, forged] = await others;
    expectUnavailable([created as Timed]);
    // A forged token needs no database.
    expect(forged?.status).toBe(204);

    await network.pass();
    await expectRecovery(tokens);
  });

  it('silent for good on its old connections: new ones are made', async () => {
    const { refresh_token } = await signIn(url);
    network.forgetConnections();

    // A client that comes again and again, as Retry-After asks it to.
    const successor = await until(
      'a refresh succeeds again',
      async () => {
        const answer = await timed(refresh(url, refresh_token));
        if (answer.status === 200) return json<TokenResponse>(answer).refresh_token;
        expectUnavailable([answer]);
        return undefined;
      },
      12_000,
    );
    await expectRecovery([successor]);
  });

  it('restarted: idle connections are ended by the server, and nobody notices', async () => {
    const { refresh_token } = await signIn(url);
    await onServer(
      database,
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await until('the service has noticed', () => service.stdout.includes('connection was lost') || undefined);

    await expectRecovery([refresh_token]);
  });

  it('failed over to a standby that does not take writes yet: 503, and recovery', async () => {
    const { refresh_token } = await signIn(url);
    const name = new URL(database.url).pathname.slice(1);
    await onServer(database, `ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    network.cut();

    expectUnavailable(await askAll(url, refresh_token));
    expectUnavailable(await askAll(url, refresh_token));
    expect(service.stdout + service.stderr).toContain('read-only transaction');
    await onServer(database, `ALTER DATABASE ${name} RESET default_transaction_read_only`);
    network.cut();
    await expectRecovery([refresh_token]);
  });
});

async function onServer({ url }: TestDatabase, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, options: '-c default_transaction_read_only=off' });
  await client.connect();
  await client.query(sql);
  await client.end();
}

describe('While another process holds the write lock of SQLite', () => {
  let service: ServiceProcess;
  let url: string;
  let other: SqliteDatabase.Database;

  beforeEach(async () => {
    const cwd = await emptyFolder();
    const env = { ...productionEnvironment('sqlite:sessions.sqlite'), REFRESH_TOKEN_LEEWAY: '0' };
    service = await startProcess({ cwd, env });
    ({ url } = service);
    other = new SqliteDatabase(join(cwd, 'sessions.sqlite'));
  });
  afterEach(() => void other.close());

  it('for a moment: requests wait, and succeed', async () => {
    const [one, leaver] = [await signIn(url), await signIn(url)];
    other.exec('BEGIN IMMEDIATE');
    const asked = [
      refresh(url, one.refresh_token),
      logout(url, leaver.refresh_token),
      postSession(url, { subject: 'bob' }),
    ];
    // The lock itself is held that long: there is nothing to poll for while all of them wait.
    await new Promise((done) => setTimeout(done, 1_500));
    other.exec('ROLLBACK');

    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses).toEqual([200, 204, 201]);
    expect((await refresh(url, leaver.refresh_token)).status).toBe(401);
  });

  it('for long: 503 by the deadline, others are served, and recovery', async () => {
    const sessions = await Promise.all(Array.from({ length: 30 }, () => signIn(url)));
    const tokens = sessions.map(({ refresh_token }) => refresh_token);
    other.exec('BEGIN IMMEDIATE');
    const asked = Promise.all(tokens.map((token) => timed(refresh(url, token))));
    const others = askAll(url, tokens[0] as string);

    const live = await during(asked, () => get(`${url}/health/live`));
    expectUnavailable([...(await asked), ...(await others)]);
    // Whoever needs no database is not made to wait.
    expect(live.length).toBeGreaterThan(10);
    expect(new Set(live.map(({ status }) => status))).toEqual(new Set([200]));
    expect(Math.max(...live.map(({ took }) => took))).toBeLessThan(500);

    other.exec('ROLLBACK');
    for (const token of tokens) await refreshed(url, token);
    await signIn(url);
  });
});
