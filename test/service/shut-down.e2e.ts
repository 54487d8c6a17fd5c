import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IssuedSession, TokenResponse } from 'nest-refresh-token';
import { Connection } from '../support/http/connection.js';
import {
  createDatabase,
  describeOnEachDatabase,
  describePostgres,
  type TestDatabase,
} from '../support/databases/databases.js';
import { IS_FASTIFY } from '../support/servers/http-adapter.js';
import { bearer, call, json, refresh, refreshed, signIn, type Answer } from '../support/http/http.js';
import {
  cleanUp,
  emptyFolder,
  ended,
  freePort,
  launch,
  run,
  startProcess,
  stop,
  until,
  type ServiceProcess,
} from '../support/servers/process.js';
import { productionEnvironment, SERVICE_KEY, startService } from '../support/servers/service.js';
import { TcpProxy } from '../support/databases/tcp-proxy.js';
import { TestClock } from '../support/test-clock.js';
import { DEADLINE, PROMPT } from '../support/time.js';

const SIGN_IN = {
  headers: { ...bearer(SERVICE_KEY), 'Content-Type': 'application/json' },
  body: JSON.stringify({ subject: 'bob' }),
};
/** How long a service may take that requests hold up: the deadline, and as much again, in milliseconds. */
const AT_MOST = 2 * DEADLINE;

function get(url: string): Promise<Answer> {
  return call(url, { method: 'GET' });
}

/** Asks the service to shut down, and waits until it accepts no new connection. */
async function beginShutDown(service: ServiceProcess): Promise<void> {
  service.signal('SIGTERM');
  await until('new connections are refused', () =>
    get(`${service.url}/health/live`).then(
      () => undefined,
      ({ code }: NodeJS.ErrnoException) => code === 'ECONNREFUSED' || undefined,
    ),
  );
}

/** Waits for the end of the service, which must be a success. */
async function exits(service: ServiceProcess, patience = AT_MOST): Promise<void> {
  const { code, signal, stderr } = await ended(service, patience);
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
}

function expectLastAnswer(answer: Answer, status: number): Answer {
  const { connection } = answer.headers;
  expect({ status: answer.status, connection }).toEqual({ status, connection: 'close' });
  return answer;
}

function onSqlite(): Promise<ServiceProcess> {
  return startProcess({ env: productionEnvironment('sqlite:sessions.sqlite') });
}

async function endsWithoutABody(service: ServiceProcess): Promise<void> {
  await new Connection(service.url).begin('/sessions', SIGN_IN);

  await beginShutDown(service);
  await exits(service);
}

async function endsWithSilentConnections(service: ServiceProcess): Promise<void> {
  const { hostname, port } = new URL(service.url);
  const unused = connect(Number(port), hostname);
  await once(unused, 'connect');
  const unusedCloses = once(
    unused.on('error', () => undefined),
    'close',
  );
  await new Connection(service.url).request('/health/live', { method: 'GET' });

  await beginShutDown(service);
  service.signal('SIGTERM');
  service.signal('SIGINT');
  // After a moment in which they could still bring a request.
  await exits(service, AT_MOST / 2);
  await unusedCloses;
}

/** What waits for seconds, begun before the other tests. */
let withoutABody: Promise<void>;
let withSilentConnections: Promise<void>;

beforeAll(async () => {
  const [one, other] = await Promise.all([onSqlite(), onSqlite()]);
  withoutABody = endsWithoutABody(one);
  withSilentConnections = endsWithSilentConnections(other);
  for (const begun of [withoutABody, withSilentConnections]) begun.catch(() => undefined);
});
afterAll(async () => {
  await Promise.allSettled([withoutABody, withSilentConnections]);
  await cleanUp();
});

describe('Shut-down where nothing is open', () => {
  it.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])('on %s is at once', async (name) => {
    const service = await onSqlite();
    await refreshed(service.url, (await signIn(service.url)).refresh_token);

    service.signal(name);
    await exits(service, PROMPT);
  });
});

describeOnEachDatabase('Shut-down', (databaseName) => {
  let database: TestDatabase;
  let service: ServiceProcess;
  let env: Record<string, string>;

  beforeAll(async () => {
    database = await createDatabase(databaseName);
    env = { ...productionEnvironment(database.url), REFRESH_TOKEN_LEEWAY: '0' };
    service = await startProcess({ env });
  });
  afterAll(() => database.drop());

  it('answers what is in flight, and what still comes on open connections, and then ends', async () => {
    const { refresh_token } = await signIn(service.url);
    const leaver = await signIn(service.url);
    const paths = ['/sessions', '/refresh_token', '/logout', '/health/ready', '/health/live'];
    const [inFlight, refreshing, leaving, asking, looking] = paths.map(
      () => new Connection(service.url),
    ) as Connections;
    for (const idle of [refreshing, leaving, asking, looking]) {
      expect((await idle.request('/health/ready', { method: 'GET' })).headers.connection).toBe('keep-alive');
    }
    const begun = await inFlight.begin('/sessions', SIGN_IN);

    await beginShutDown(service);
    expect(service.hasExited).toBe(false);

    const ready = expectLastAnswer(await asking.request('/health/ready', { method: 'GET' }), 503);
    expect(json(ready)).toMatchObject({ status: 'unavailable', checks: { shutdown: 'shutting down', database: 'ok' } });
    expectLastAnswer(await looking.request('/health/live', { method: 'GET' }), 200);
    const rotated = await refreshing.request('/refresh_token', { headers: bearer(refresh_token) });
    const successor = json<TokenResponse>(expectLastAnswer(rotated, 200)).refresh_token;
    expectLastAnswer(await leaving.request('/logout', { headers: bearer(leaver.refresh_token) }), 204);
    const created = json<IssuedSession>(expectLastAnswer(await begun.finish(), 201));

    // Every connection has had its last answer.
    await exits(service, PROMPT);

    // What was answered was committed.
    const next = await startService(database.url, { env, clock: new TestClock(Date.now()) });
    await refreshed(next.url, successor);
    await refreshed(next.url, created.refresh_token);
    expect((await refresh(next.url, leaver.refresh_token)).status).toBe(401);
    await next.close();
  });
});

describe('Shut-down under load', () => {
  it('leaves no request without its answer on connections that are kept open', async () => {
    const env = { ...productionEnvironment('sqlite:sessions.sqlite'), REFRESH_TOKEN_LEEWAY: '0' };
    const service = await startProcess({ env });
    const clients = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const [connection, { refresh_token }] = [new Connection(service.url), await signIn(service.url)];
        return { connection, first: await connection.request('/refresh_token', { headers: bearer(refresh_token) }) };
      }),
    );

    const load = clients.map(async ({ connection, first }) => {
      const answers = [first];
      // A client's side of the bargain: it sends nothing after an answer that closes the connection.
      for (let last = first; last.headers.connection !== 'close'; answers.push(last)) {
        const { refresh_token } = json<TokenResponse>(last);
        last = await connection.request('/refresh_token', { headers: bearer(refresh_token) });
        if (answers.length === 5) service.signal('SIGTERM');
      }
      return answers;
    });
    const answered = await Promise.all(load);
    expect(answered.flat().filter(({ status }) => status !== 200)).toEqual([]);
    expect(answered.flat().length).toBeGreaterThan(clients.length + 5);
    await exits(service, PROMPT);
  });
});

type Connections = [Connection, Connection, Connection, Connection, Connection];

/** PostgreSQL, behind a network that stalls: a request is on its way. */
async function ends503ByTheDeadline(service: ServiceProcess, network: TcpProxy): Promise<void> {
  const { refresh_token } = await signIn(service.url);
  network.stall();
  const answer = refresh(service.url, refresh_token);
  await network.holdsBack();
  const begun = performance.now();
  await beginShutDown(service);

  expectLastAnswer(await answer, 503);
  expect((await ended(service, AT_MOST)).code).toBe(0);
  expect(performance.now() - begun).toBeLessThan(AT_MOST);
}

describePostgres('Shut-down while PostgreSQL does not answer', () => {
  let database: TestDatabase;
  let byTheDeadline: Promise<void>;
  const networks: TcpProxy[] = [];

  beforeAll(async () => {
    database = await createDatabase('PostgreSQL');
    const { service, network } = await start();
    byTheDeadline = ends503ByTheDeadline(service, network);
    byTheDeadline.catch(() => undefined);
  });
  afterAll(async () => {
    await Promise.all(networks.map((network) => network.close()));
    await database.drop();
  });

  /** A service behind a network of its own. */
  async function start(): Promise<{ service: ServiceProcess; network: TcpProxy }> {
    const network = await TcpProxy.before(database.url);
    networks.push(network);
    return { service: await startProcess({ env: productionEnvironment(network.url) }), network };
  }

  it('answers normally what the database answers in time', async () => {
    const { service, network } = await start();
    const { refresh_token } = await signIn(service.url);
    network.stall();
    const answer = refresh(service.url, refresh_token);
    await network.holdsBack();
    await beginShutDown(service);
    await network.pass();

    expectLastAnswer(await answer, 200);
    await exits(service, PROMPT);
  });

  it('ends where idle connections to the database are dead', async () => {
    const { service, network } = await start();
    await signIn(service.url);
    network.stall();

    service.signal('SIGTERM');
    await exits(service);
  });

  it('answers 503 by the deadline, and ends', async () => {
    await byTheDeadline;
  });
});

describe('Shut-down is not held up', () => {
  it('by connections on which nothing comes, whether they were used before or not, nor by more signals', async () => {
    await withSilentConnections;
  });

  it('nor cut short by signals that keep coming until it has ended', async () => {
    const service = await onSqlite();
    await signIn(service.url);
    const insisting = setInterval(() => service.signal('SIGTERM'), 1);
    try {
      await exits(service, PROMPT);
    } finally {
      clearInterval(insisting);
    }
  });

  it('by a request whose body never comes', async () => {
    await withoutABody;
  });
});

describe('Shut-down of what npm has started', () => {
  it('`npm run start:prod` hands SIGTERM on', async () => {
    const port = await freePort();
    const env = { ...productionEnvironment(`sqlite:${await emptyFolder()}/sessions.sqlite`), PORT: String(port) };
    const npm = await run('npm', ['run', '--silent', 'start:prod'], {
      cwd: process.cwd(),
      env: { ...env, HOME: String(process.env['HOME']) },
    });
    const url = `http://127.0.0.1:${port}`;
    await until('the service answers', () => get(`${url}/health/live`).catch(() => undefined));
    const service = Number(/"pid":(\d+)/.exec(npm.stdout)?.[1]);

    try {
      expect((await stop(npm)).code).toBe(0);
      await expect(get(`${url}/health/live`)).rejects.toThrow('ECONNREFUSED');
    } finally {
      kill(service);
    }
  });
});

/** Ends a process that may have ended already. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    expect(error).toMatchObject({ code: 'ESRCH' });
  }
}

/** Before there is a server, the adapter is all the same. */
const describeOnExpress: (what: string, suite: () => void) => void = IS_FASTIFY ? () => undefined : describe;

describeOnExpress('A signal while the start waits for its database', () => {
  it.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])('%s ends it at once', async (name) => {
    const nobody = `postgres://127.0.0.1:${await freePort()}/sessions`;
    const service = await launch({ env: productionEnvironment(nobody) });
    await until('it waits', () => /trying again/.test(service.stdout) || undefined);

    service.signal(name);
    const { code, signal } = await ended(service, PROMPT);
    // By its own hand: the first process of a container is not ended by a signal that it doesn't handle.
    expect({ code, signal }).toEqual({ code: 0, signal: null });
  });
});
