import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IssuedSession } from 'nest-refresh-token';
import { bearer, call, json, logout, refresh, refreshed, signIn } from '../support/http/http.js';
import { cleanUp, emptyFolder, startProcess, stop, until } from '../support/servers/process.js';
import { productionEnvironment, SECRET, SERVICE_KEY, SIGNING_KEYS } from '../support/servers/service.js';
import { describePostgres, createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { TcpProxy } from '../support/databases/tcp-proxy.js';

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly context?: string;
  readonly timestamp: number;
}

/** The lines of an output, each of which must be a log line in JSON. */
function logLines(output: string): LogLine[] {
  const lines = output.split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => {
    const entry = JSON.parse(line) as LogLine;
    expect(entry).toMatchObject({
      level: expect.stringMatching(/^(fatal|error|warn|log|debug)$/),
      message: expect.anything(),
      timestamp: expect.any(Number),
    });
    return entry;
  });
}

/** Refusals of every kind that a client can cause, with the texts they were caused with. */
async function beRefused(url: string): Promise<string[]> {
  const session = await signIn(url);
  const { refresh_token } = await refreshed(url, session.refresh_token);
  const forged = `${refresh_token.slice(0, -1)}${refresh_token.endsWith('A') ? 'B' : 'A'}`;
  const wrongKey = 'a-wrong-service-key-0123456789';
  const asJson = { 'Content-Type': 'application/json' };
  const asForm = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const refused = await Promise.all([
    refresh(url, forged),
    refresh(url, session.access_token),
    logout(url, forged),
    call(`${url}/refresh_token?refresh_token=${refresh_token}`),
    call(`${url}/refresh_token`, { headers: asForm, body: `token=${refresh_token}` }),
    call(`${url}/refresh_token`, { headers: asJson, body: `{"broken": "${refresh_token}` }),
    call(`${url}/refresh_token`, { headers: { Authorization: [`Bearer ${refresh_token}`, `Bearer ${forged}`] } }),
    call(`${url}/refresh_token`, { headers: { ...bearer(forged), 'X-Request-Id': refresh_token } }),
    call(`${url}/${refresh_token}`, { method: 'GET' }),
    call(`${url}/sessions`, { headers: { ...bearer(wrongKey), ...asJson }, body: '{}' }),
    call(`${url}/sessions`, { headers: { ...bearer(SERVICE_KEY), ...asJson }, body: `{"${refresh_token}":1}` }),
  ]);
  expect(refused.map(({ status }) => status).toSorted()).toEqual([
    204, 400, 400, 400, 400, 400, 401, 401, 401, 401, 404,
  ]);
  await logout(url, refresh_token);
  expect((await refresh(url, refresh_token)).status).toBe(401);
  return [session.refresh_token, session.access_token, refresh_token, forged, wrongKey];
}

/** What gives a secret away: its longer runs of characters; of a token, also the handle within it. */
function tracesOf(secrets: readonly string[]): (string | Buffer)[] {
  const words = secrets.flatMap((secret) => secret.match(/[\w-]{20,}/g) ?? []);
  const handles = words
    .filter((word) => word.startsWith('rt_'))
    .map((token) => Buffer.from(token.slice(3), 'base64url').subarray(1, 17));
  return [
    ...words.filter((word) => !/^[0-9a-f-]{36}$/.test(word)),
    ...handles,
    ...handles.map((h) => h.toString('hex')),
  ];
}

function expectNoTrace(traces: readonly (string | Buffer)[], written: readonly Buffer[]): void {
  expect(traces.length).toBeGreaterThan(5);
  expect(traces.filter((trace) => written.some((bytes) => bytes.includes(trace)))).toEqual([]);
}

afterAll(cleanUp);

describe('The log', () => {
  it('is JSON lines, and nothing else is written in production, from the start to the end', async () => {
    const service = await startProcess({ env: productionEnvironment('sqlite:sessions.sqlite') });
    await beRefused(service.url);

    const { stdout, stderr } = await stop(service);
    const lines = [...logLines(stdout), ...logLines(stderr)];
    expect(lines.map(({ message }) => message)).toContain('Nest application successfully started');
    expect(lines.filter(({ message }) => message === 'A refresh token was refused')).toContainEqual(
      expect.objectContaining({ level: 'warn', event: 'refresh.refused', reason: 'revoked' }),
    );
  });

  it('is JSON lines in development too, but for the lines to paste', async () => {
    const service = await startProcess();
    await until('the lines to paste are printed', () => service.stdout.includes('/docs\n') || undefined);

    const { stdout } = await stop(service);
    const [block] = /^\nnest-refresh-token listens on [\s\S]*\/docs\n/m.exec(stdout) ?? [];
    expect(logLines(stdout.replace(String(block), '')).length).toBeGreaterThan(5);
  });

  it.each<[string, string[]]>([
    ['error', []],
    ['warn', ['warn']],
    ['debug', ['log', 'warn']],
  ])('at LOG_LEVEL=%s holds that and worse', async (level, expected) => {
    const env = { ...productionEnvironment('sqlite:sessions.sqlite'), LOG_LEVEL: level };
    const service = await startProcess({ env });
    await beRefused(service.url);

    const { stdout, stderr } = await stop(service);
    const levels = new Set([...logLines(stdout), ...logLines(stderr)].map((line) => line.level));
    levels.delete('debug');
    expect([...levels].toSorted()).toEqual(expected);
  });
});

describe('No token, key or secret', () => {
  const KEY_FILES = ['refresh-token-secret', 'service-key', 'signing-keys.json'];

  it('is written to the log, or to the disk but for the key files', async () => {
    const cwd = await emptyFolder();
    const service = await startProcess({ cwd, env: { LOG_LEVEL: 'debug', SERVICE_KEYS: SERVICE_KEY } });
    const used = await beRefused(service.url);
    const madeUp = await startProcess({ cwd, env: { LOG_LEVEL: 'debug' } });
    const data = join(cwd, 'data');
    const keys = await Promise.all(KEY_FILES.map((name) => readFile(join(data, name), 'utf8')));
    const [, serviceKey = ''] = keys;
    const created = await call(`${madeUp.url}/sessions`, {
      headers: { ...bearer(serviceKey.trim()), 'Content-Type': 'application/json' },
      body: JSON.stringify({ subject: 'alice' }),
    });
    const session = json<IssuedSession>(created);
    const traces = tracesOf([...used, ...keys, session.refresh_token, session.access_token, SERVICE_KEY]);

    // As it is while the service runs, with its write-ahead log, and as it is afterwards.
    const names = await readdir(data);
    expect(names).toContain('refresh-tokens.sqlite-wal');
    const atRest = names.filter((name) => !KEY_FILES.includes(name)).map((name) => readFile(join(data, name)));
    const bytes = await Promise.all(atRest);
    const ends = [await stop(service), await stop(madeUp)];
    bytes.push(await readFile(join(data, 'refresh-tokens.sqlite')));
    // It is there that sessions are kept.
    expect(bytes.some((file) => file.includes(session.session_id))).toBe(true);
    bytes.push(...ends.map(({ stdout, stderr }) => Buffer.from(stdout + stderr)));
    expectNoTrace(traces, bytes);
  });
});

describePostgres('While PostgreSQL fails', () => {
  let database: TestDatabase;
  let network: TcpProxy;

  beforeAll(async () => {
    database = await createDatabase('PostgreSQL');
    network = await TcpProxy.before(database.url.replace('root@', 'root:hunter2-the-password@'));
  });
  afterAll(async () => {
    await network.close();
    await database.drop();
  });

  it('the log says why in JSON lines, without a token, a key, a secret or a password', async () => {
    const env = { ...productionEnvironment(network.url), LOG_LEVEL: 'debug' };
    const service = await startProcess({ env });
    const session = await signIn(service.url);
    await network.refuse();
    const headers = { ...bearer(session.refresh_token), 'X-Request-Id': 'the-request-of-the-test' };
    expect((await call(`${service.url}/refresh_token`, { headers })).status).toBe(503);
    await logout(service.url, session.refresh_token);

    const { stdout, stderr } = await stop(service);
    const lines = [...logLines(stdout), ...logLines(stderr)];
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        event: 'request.unavailable',
        reason: 'database',
        cause: expect.stringContaining('ECONNREFUSED'),
        request_id: 'the-request-of-the-test',
      }),
    );
    const traces = tracesOf([session.refresh_token, session.access_token, SERVICE_KEY, SECRET, SIGNING_KEYS]);
    expectNoTrace([...traces, 'hunter2'], [Buffer.from(stdout + stderr)]);
  });
});
