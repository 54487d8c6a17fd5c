import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import { Client } from 'pg';
import type { TokenResponse } from 'nest-refresh-token';
import {
  createDatabase,
  describeMariadb,
  describePostgres,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases/databases.js';
import { json, logout, postSession, refresh, refreshed, signIn } from '../support/http/http.js';
import {
  askAll,
  expectLive,
  expectNotReady,
  expectRecovery,
  expectUnavailable,
  get,
  isReady,
  timed,
  type Timed,
} from '../support/servers/outages.js';
import { cleanUp, emptyFolder, startProcess, until, type ServiceProcess } from '../support/servers/process.js';
import { productionEnvironment } from '../support/servers/service.js';
import { TcpProxy } from '../support/databases/tcp-proxy.js';
import { limit, PROMPT } from '../support/time.js';

/** What `look` sees while `work` lasts. */
async function during<T>(work: Promise<unknown>, look: () => Promise<T>): Promise<T[]> {
  const over = new AbortController();
  void work.finally(() => over.abort());
  const seen: T[] = [];
  while (!over.signal.aborted) seen.push(await look());
  return seen;
}

afterEach(cleanUp);

describePostgres('While PostgreSQL is away', () => whileAway('PostgreSQL'));
describeMariadb('While MariaDB is away', () => whileAway('MariaDB'));

/** What holds for every server, whose address leads through a network that has faults. */
function whileAway(name: DatabaseName): void {
  let database: TestDatabase;
  let network: TcpProxy;
  let service: ServiceProcess;
  let url: string;

  beforeAll(async () => {
    database = await createDatabase(name);
  });
  beforeEach(async () => {
    network = await TcpProxy.before(database.url);
    service = await startProcess({ env: { ...productionEnvironment(network.url), REFRESH_TOKEN_LEEWAY: '0' } });
    ({ url } = service);
  });
  afterEach(() => network.close());
  afterAll(() => database.drop());

  it('refusing connections: 503 at once, and recovery', async () => {
    const { refresh_token } = await signIn(url);
    await network.refuse();

    const answers = await askAll(url, refresh_token);
    expectUnavailable(answers);
    expect(Math.max(...answers.map(({ took }) => took))).toBeLessThan(PROMPT);
    await expectNotReady(url);
    await expectLive(url);

    await network.pass();
    await expectRecovery(url, [refresh_token]);
  });

  it('cut off in the middle of requests: 503, and recovery', async () => {
    const { refresh_token } = await signIn(url);
    network.stall();
    const answers = askAll(url, refresh_token);
    await network.holdsBack();
    network.cut();

    expectUnavailable(await answers);
    await network.pass();
    await expectRecovery(url, [refresh_token]);
  });

  it('cut off between commit and answer: 503, the token before works, what was ended stays ended', async () => {
    const [one, other, leaver] = [await signIn(url), await signIn(url), await signIn(url)];
    const another = await signIn(url);
    const { refresh_token } = await refreshed(url, other.refresh_token);
    network.loseAnswers();
    expectUnavailable([await timed(refresh(url, one.refresh_token))]);
    await network.pass();
    await until('it is ready', async () => (await isReady(url)) || undefined);
    // So that the statement is prepared on the connection: the first answer on it is the outcome's.
    await logout(url, another.refresh_token);
    network.loseAnswers();
    expectUnavailable([await timed(logout(url, leaver.refresh_token))]);
    await network.pass();

    await expectRecovery(url, [one.refresh_token, refresh_token]);
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
    await expectRecovery(url, tokens);
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
      limit(12_000),
    );
    await expectRecovery(url, [successor]);
  });

  it('slow: late answers where there is time, 503 by the deadline where there is none, and recovery', async () => {
    const [one, other] = [await signIn(url), await signIn(url)];
    network.slowDown(700);
    const late = await timed(refresh(url, one.refresh_token));
    expect(late.status).toBe(200);
    expect(late.took).toBeGreaterThan(1_400);

    network.slowDown(3_000);
    // What is too late for an answer is committed all the same.
    expectUnavailable([await timed(refresh(url, other.refresh_token))]);
    expectUnavailable(await askAll(url, json<TokenResponse>(late).refresh_token));
    await expectNotReady(url);
    await expectLive(url);

    await network.pass();
    await expectRecovery(url, [other.refresh_token]);
  });
}

describePostgres('While the connections to PostgreSQL are of no use', () => {
  let database: TestDatabase;
  let network: TcpProxy;
  let service: ServiceProcess;
  let url: string;

  beforeEach(async () => {
    database = await createDatabase('PostgreSQL');
    network = await TcpProxy.before(database.url);
    service = await startProcess({ env: { ...productionEnvironment(network.url), REFRESH_TOKEN_LEEWAY: '0' } });
    ({ url } = service);
  });
  afterEach(async () => {
    await network.close();
    await database.drop();
  });

  it('restarted: idle connections are ended by the server, and nobody notices', async () => {
    const { refresh_token } = await signIn(url);
    await onServer(
      database,
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await until('the service has noticed', () => service.stdout.includes('connection was lost') || undefined);

    await expectRecovery(url, [refresh_token]);
  });

  it('failed over to a standby that does not take writes yet: 503, and recovery', async () => {
    const { refresh_token } = await signIn(url);
    const name = new URL(database.url).pathname.slice(1);
    await onServer(database, `ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    network.cut();

    expectUnavailable(await askAll(url, refresh_token));
    expectUnavailable(await askAll(url, refresh_token));
    const log = () => service.stdout + service.stderr;
    await until('the log says why', () => log().includes('read-only transaction') || undefined);
    await onServer(database, `ALTER DATABASE ${name} RESET default_transaction_read_only`);
    network.cut();
    await expectRecovery(url, [refresh_token]);
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
    expect(Math.max(...live.map(({ took }) => took))).toBeLessThan(PROMPT);

    other.exec('ROLLBACK');
    for (const token of tokens) await refreshed(url, token);
    await signIn(url);
  });
});
