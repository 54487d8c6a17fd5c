import { afterEach, beforeEach, describe, it, jest } from '@jest/globals';
import { Client } from 'pg';
import { itWithPrlimit, limitFileSize } from '../support/databases/file-size-limit.js';
import { logout, postSession, refresh, signIn } from '../support/http/http.js';
import {
  askAll,
  expectLive,
  expectNotReady,
  expectRecovery,
  expectUnavailable,
  timed,
  type Timed,
} from '../support/servers/outages.js';
import {
  describePostgresServers,
  PostgresServer,
  stopPostgresServers,
  type Ending,
  type ServerSettings,
} from '../support/databases/postgres-server.js';
import { cleanUp, startProcess, until, type ServiceProcess } from '../support/servers/process.js';
import { productionEnvironment } from '../support/servers/service.js';
import { expectNobodyRefused } from '../support/servers/restarts.js';
import { itOnSmallDisk } from '../support/databases/small-disk.js';
import { takeAllConnections } from '../support/databases/take-all-connections.js';
import { limit } from '../support/time.js';

const CLIENTS = 20;
/** How large the table of sessions may grow, in bytes; the server's log comes in files of half of that. */
const FULL = 2 * 1024 * 1024;
/** The state by which PostgreSQL refuses one. */
const TOO_MANY_CONNECTIONS = '53300';

// Servers are made and killed; on a busy machine that takes its time.
jest.setTimeout(limit(180_000));

afterEach(stopPostgresServers);
afterEach(cleanUp);

function signInMany(url: string): Promise<string[]> {
  return Promise.all(Array.from({ length: CLIENTS }, async () => (await signIn(url)).refresh_token));
}

function refreshAll(url: string, tokens: readonly string[]): Promise<Timed[]> {
  return Promise.all(tokens.map((token) => timed(refresh(url, token))));
}

describePostgresServers('A PostgreSQL server', () => {
  let server: PostgresServer;
  let service: ServiceProcess;
  let url: string;

  async function start(settings: ServerSettings = {}): Promise<void> {
    server = await PostgresServer.start(settings);
    service = await startProcess({ env: { ...productionEnvironment(server.url), REFRESH_TOKEN_LEEWAY: '0' } });
    ({ url } = service);
  }

  it.each<Ending>(['fast', 'immediate'])('restarted under load (%s): nobody is refused, and recovery', async (how) => {
    await start();
    await expectNobodyRefused(url, await signInMany(url), {
      stop: () => server.stop(how),
      start: () => server.start(),
    });
  });

  it('that has no connection left: 503, and recovery', async () => {
    await start({ max_connections: '12', superuser_reserved_connections: '0' });
    const { refresh_token } = await signIn(url);
    await server.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nest-refresh-token'",
    );
    await until('nobody is connected', async () => {
      const [row] = await server.query(
        "SELECT count(*) AS others FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
      );
      return Number(row?.['others']) === 0 || undefined;
    });
    const others = await takeAllConnections(() => connectTo(server), TOO_MANY_CONNECTIONS);

    expectUnavailable(await askAll(url, refresh_token));
    await expectNotReady(url);
    await expectLive(url);
    await Promise.all(others.map((other) => other.end()));
    await expectRecovery(url, [refresh_token]);
  });

  itWithPrlimit('whose disk is full: 503, and recovery', async () => {
    await start({ autovacuum: 'off' });
    const [one, ...tokens] = await signInMany(url);
    await fillUp(server);

    const created = await timed(postSession(url, { subject: 'bob' }));
    expectUnavailable([created]);
    const answers = [...(await refreshAll(url, tokens)), await timed(logout(url, String(one)))];
    // Some find a place that was theirs before.
    expectUnavailable(answers.filter(({ status }) => status >= 300));
    await expectLive(url);
    await server.query("DELETE FROM refresh_token_sessions WHERE subject = 'filler'");
    await server.query('VACUUM refresh_token_sessions');
    await expectRecovery(url, tokens);
  });

  itWithPrlimit('that dies of a full disk: 503, and recovery', async () => {
    await start();
    const tokens = await signInMany(url);
    await server.limitFiles(8_192);
    const answers = await refreshAll(url, tokens);
    expectUnavailable(answers.filter(({ status }) => status !== 200));
    // It dies at the first commit that waits for the disk, at the latest; a rotation doesn't.
    expectUnavailable([await timed(postSession(url, { subject: 'bob' }))]);
    expectUnavailable(await askAll(url, String(tokens[0])));
    await expectNotReady(url);
    await server.restart('immediate');
    await expectRecovery(url, tokens);
  });
});

/** Has the table of sessions grow until it may not any more. */
async function fillUp(server: PostgresServer): Promise<void> {
  await server.limitFiles(FULL);
  // Small ones come last: they go where the large ones have left room.
  for (const size of [1_500, 1]) {
    await until('the table can not grow any more', () => server.query(insertFiller(size)).then(nothing, isFull));
  }
}

function insertFiller(size: number): string {
  return `
    INSERT INTO refresh_token_sessions
    SELECT made_up.*
    FROM (SELECT * FROM refresh_token_sessions LIMIT 1) AS one, generate_series(1, 100) AS n,
      LATERAL (SELECT jsonb_build_object(
        'id', md5(n::text || random())::uuid, 'subject', 'filler', 'claims', repeat('x', ${size})) AS filler) AS varied,
      LATERAL jsonb_populate_record(NULL::refresh_token_sessions, to_jsonb(one) || filler) AS made_up`;
}

const nothing = () => undefined;

function isFull(error: Error): true {
  if (!error.message.includes('could not extend file')) throw error;
  return true;
}

async function connectTo({ url }: PostgresServer): Promise<Client> {
  const client = new Client({ connectionString: url });
  // The server may be ended before it is.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

describe('A SQLite database', () => {
  let service: ServiceProcess;
  let url: string;

  beforeEach(async () => {
    const env = { ...productionEnvironment('sqlite:sessions.sqlite'), REFRESH_TOKEN_LEEWAY: '0' };
    service = await startProcess({ env });
    ({ url } = service);
  });

  itWithPrlimit('that can not be written (I/O error): 503, and recovery', async () => {
    const [leaver, ...tokens] = await signInMany(url);
    await limitFileSize(service.pid, 0);

    expectUnavailable(await refreshAll(url, tokens));
    expectUnavailable(await askAll(url, String(leaver)));
    await expectLive(url);
    await limitFileSize(service.pid, 'unlimited');
    await expectRecovery(url, [...tokens, String(leaver)]);
  });
});

describe('SQLite on a disk that is full', () => {
  itOnSmallDisk('503, whoever comes alone or with others, and recovery', async (disk) => {
    const { url } = disk.service;
    const [leaver, ...tokens] = await signInMany(url);
    await disk.fill();

    expectUnavailable(await refreshAll(url, tokens));
    expectUnavailable(await askAll(url, String(leaver)));
    expectUnavailable(await refreshAll(url, tokens.slice(0, 1)));
    await expectLive(url);
    await expectNotReady(url, 'full');
    const log = () => disk.service.stdout + disk.service.stderr;
    await until('the log says why', () => log().includes('database or disk is full') || undefined);
    await disk.free();
    await expectRecovery(url, [...tokens, String(leaver)]);
  });
});
