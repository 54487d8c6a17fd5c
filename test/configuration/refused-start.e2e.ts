import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import { ConfigurationError } from 'nest-refresh-token';
import { serviceConfig } from '../../src/service/service.config.js';
import { createDatabase, describeOnEachServer, type TestDatabase } from '../support/databases/databases.js';
import { call, refresh, refreshed, signIn } from '../support/http/http.js';
import { installWithout, installWithUnbuiltSqlite, type Installation } from '../support/servers/installation.js';
import {
  cleanUp,
  emptyFolder,
  ended,
  freePort,
  launch,
  startProcess,
  stop,
  until,
  type Ended,
  type TestProcess,
} from '../support/servers/process.js';
import { productionEnvironment, SECRET, SERVICE_KEY, startService } from '../support/servers/service.js';
import { openDatabase } from '../support/databases/service-database.js';
import { TcpProxy } from '../support/databases/tcp-proxy.js';
import { TestClock } from '../support/test-clock.js';
import { limit } from '../support/time.js';

/** How soon a start that waiting can't help is given up, in milliseconds; a database is waited for longer. */
const AT_ONCE = limit(10_000);

/** The reason of a refused start: exit code 1, and nothing on stderr but one readable line. */
function reasonOf({ code, stderr }: Ended): string {
  const [, reason] = /^nest-refresh-token can't start: (.+)\n$/.exec(stderr) ?? [];
  expect({ code, stderr }).toEqual({ code: 1, stderr: `nest-refresh-token can't start: ${reason}\n` });
  return reason ?? '';
}

async function refusal(env: Record<string, string>, cwd?: string): Promise<string> {
  return reasonOf(await ended(await launch({ env, ...(cwd !== undefined && { cwd }) }), AT_ONCE));
}

/** A start that takes 30 s, begun before the other tests. */
let hopeless: { readonly service: TestProcess; readonly took: Promise<number> };

beforeAll(async () => {
  const nobody = `postgres://user:hunter2@127.0.0.1:${await freePort()}/sessions`;
  const begun = performance.now();
  const service = await launch({ env: productionEnvironment(nobody) });
  hopeless = { service, took: service.exit.then(() => performance.now() - begun) };
});
afterAll(cleanUp);

/** Why the service is refused a configuration, without a process; one line too. */
function refusedConfiguration(env: Record<string, string>): string {
  let reason: unknown;
  try {
    serviceConfig(env);
  } catch (error) {
    reason = error;
  }
  expect(reason).toBeInstanceOf(ConfigurationError);
  const { message } = reason as ConfigurationError;
  expect(message).not.toMatch(/[\r\n]/);
  return message;
}

describe('A start with a bad value is refused in one line that names it, what it got and what it takes:', () => {
  let cwd: string;
  let DATA_DIR: string;

  beforeEach(async () => {
    cwd = await emptyFolder();
    DATA_DIR = join(cwd, 'data');
  });

  it.each<[string, string, string]>([
    ['PORT', '80000', '"80000"'],
    ['HTTP_ADAPTER', 'koa', '"koa"'],
    ['ACCESS_TOKEN_TTL', '1 hour', '"1 hour"'],
    ['REFRESH_TOKEN_LEEWAY', '6m', '"6m"'],
    ['REFRESH_TOKEN_IDLE_TTL', '10s', '"10s"'],
    ['CORS_ORIGINS', '*', '"*"'],
    ['LOG_LEVEL', 'loud', '"loud"'],
    // Of a secret, only its length is shown.
    ['DATABASE_URL', 'mssql://user:hunter2@db/app', 'a value of 27 characters'],
    ['REFRESH_TOKEN_SECRETS', 'hunter2', 'a value of 7 characters'],
    ['SIGNING_KEYS', 'hunter2', 'a value of 7 characters'],
    ['SERVICE_KEYS', 'hunter2', 'a value of 7 characters'],
  ])('%s=%s', async (name, value, got) => {
    const reason = refusedConfiguration({ DATA_DIR, [name]: value });

    expect(reason.startsWith(`${name}: got ${got}`)).toBe(true);
    expect(reason).toMatch(/, takes .{4,}/);
    expect(reason).not.toContain('hunter2');
    // Nothing was begun: no folder, no key, no database.
    expect(await readdir(cwd)).toEqual([]);
  });

  it.each([{ PORT: '80000' }, { REFRESH_TOKEN_SECRETS: 'hunter2' }])(
    'it is all that the process prints before it exits: %j',
    async (env) => {
      expect(await refusal({ DATA_DIR, ...env }, cwd)).toBe(refusedConfiguration({ DATA_DIR, ...env }));
      expect(await readdir(cwd)).toEqual([]);
    },
  );

  it('a secret that is given twice, as a value and as a file', async () => {
    const file = join(cwd, 'keys');
    await writeFile(file, SERVICE_KEY);

    expect(refusedConfiguration({ DATA_DIR, SERVICE_KEYS: SERVICE_KEY, SERVICE_KEYS_FILE: file })).toBe(
      'SERVICE_KEYS: got both SERVICE_KEYS and SERVICE_KEYS_FILE, takes one of them.',
    );
  });

  it('a file of a secret that is not there', () => {
    expect(refusedConfiguration({ DATA_DIR, REFRESH_TOKEN_SECRETS_FILE: '/nowhere/secrets' })).toMatch(
      /^REFRESH_TOKEN_SECRETS_FILE: got "\/nowhere\/secrets" .*, takes .*readable file/,
    );
  });

  it('a file of a secret whose content is bad', async () => {
    await writeFile(join(cwd, 'keys'), 'hunter2\n');

    const reason = await refusal({ SERVICE_KEYS_FILE: 'keys' }, cwd);
    expect(reason).toMatch(/^SERVICE_KEYS.*: got a value of 7 characters, takes /);
  });

  it.each([
    ['is a file', 'file'],
    ['is below a file', 'file/data'],
  ])('DATA_DIR that %s', async (_, path) => {
    await writeFile(join(cwd, 'file'), '');

    const reason = refusedConfiguration({ DATA_DIR: join(cwd, path) });
    expect(reason).toMatch(/^DATA_DIR: /);
    expect(reason).toContain(`"${join(cwd, path)}"`);
  });

  it('.env is read too', async () => {
    await writeFile(join(cwd, '.env'), '# mine\nPORT=eighty\n');

    expect(await refusal({}, cwd)).toMatch(/^PORT: got "eighty", takes /);
  });

  it('.env that can’t be read', async () => {
    await mkdir(join(cwd, '.env'));

    expect(await refusal({}, cwd)).toMatch(/^\.env: /);
  });

  it('what stands in the environment wins over .env', async () => {
    await writeFile(join(cwd, '.env'), 'PORT=eighty\nLOG_LEVEL=debug\n');

    expect(await refusal({ PORT: 'ninety' }, cwd)).toMatch(/^PORT: got "ninety", takes /);
  });
});

describe('A start without what must be given is refused', () => {
  let cwd: string;
  let given: Record<string, string>;

  beforeEach(async () => {
    cwd = await emptyFolder();
    given = { ...productionEnvironment('sqlite:sessions.sqlite'), DATA_DIR: join(cwd, 'data') };
  });

  it.each(['ISSUER', 'REFRESH_TOKEN_SECRETS', 'SIGNING_KEYS'])('in production: %s', async (name) => {
    const { [name]: _, ...env } = given;

    expect(refusedConfiguration(env)).toMatch(new RegExp(`^${name}: got nothing, takes .+ must be set in production`));
    expect(await readdir(cwd)).toEqual([]);
  });

  it.each(['REFRESH_TOKEN_SECRETS', 'SIGNING_KEYS'])('with PostgreSQL, in development too: %s', (name) => {
    const { [name]: _, ...env } = given;
    const development = { NODE_ENV: 'development', DATABASE_URL: 'postgres://127.0.0.1:1/sessions' };

    expect(refusedConfiguration({ ...env, ...development })).toMatch(new RegExp(`^${name}: got nothing, takes `));
  });

  it('in the same line of the process, which has begun nothing', async () => {
    const { ISSUER: _, ...env } = given;

    expect(await refusal(env, cwd)).toBe(refusedConfiguration(env));
    expect(await readdir(cwd)).toEqual([]);
  });
});

describe('A deploy with wrong secrets', () => {
  const OTHER_SECRET = 'another-secret-for-refresh-tokens-0123456789';
  let database: TestDatabase;
  let env: Record<string, string>;

  beforeAll(async () => {
    database = await createDatabase('SQLite');
    env = productionEnvironment(database.url);
  });
  afterAll(() => database.drop());

  it('does not start; both ways out that its message names work', async () => {
    const clock = new TestClock(Date.now());
    const right = await startService(database.url, { clock });
    const { refresh_token } = await signIn(right.url);
    await right.close();

    const wrong = await launch({ env: { ...env, REFRESH_TOKEN_SECRETS: OTHER_SECRET, PORT: '0' } });
    const reason = reasonOf(await ended(wrong, AT_ONCE));
    expect(reason).toMatch(/^REFRESH_TOKEN_SECRETS/);
    expect(reason).not.toContain(SECRET);
    expect(reason).not.toContain(OTHER_SECRET);

    const secrets = { REFRESH_TOKEN_SECRETS: `${OTHER_SECRET},${SECRET}` };
    const both = await startService(database.url, { env: secrets, clock });
    const { refresh_token: successor } = await refreshed(both.url, refresh_token);
    await both.close();

    const [, fingerprints] = /RETIRED_SECRETS=([0-9a-f,]+)/.exec(reason) ?? [];
    const retired = await startProcess({
      env: { ...env, REFRESH_TOKEN_SECRETS: OTHER_SECRET, RETIRED_SECRETS: String(fingerprints) },
    });
    expect((await refresh(retired.url, successor)).status).toBe(401);
    await refreshed(retired.url, (await signIn(retired.url)).refresh_token);
    await stop(retired);
  });
});

describe('A port that is in use', () => {
  it('is told in one line, and whoever listens there goes on', async () => {
    const first = createServer((_, response) => response.end('first')).listen(0, '127.0.0.1');
    await once(first, 'listening');
    const { port } = first.address() as AddressInfo;

    expect(await refusal({ PORT: String(port) })).toContain(String(port));
    expect((await call(`http://127.0.0.1:${port}`, { method: 'GET' })).text).toBe('first');
    first.close();
  });
});

describe('A SQLite database that can’t be opened is told in one line, at once:', () => {
  let cwd: string;

  beforeEach(async () => {
    cwd = await emptyFolder();
    await writeFile(join(cwd, 'text.txt'), 'This is no database. '.repeat(100));
    await mkdir(join(cwd, 'folder'));
  });

  it.each([
    ['a folder', 'folder'],
    ['below a file', 'text.txt/sessions.sqlite'],
  ])('%s', async (_, name) => {
    const path = join(cwd, name);
    const reason: unknown = await openDatabase(`sqlite:${path}`).catch((error: unknown) => error);

    expect(reason).toBeInstanceOf(ConfigurationError);
    expect((reason as ConfigurationError).message).toMatch(/^DATABASE_URL: .+$/);
    expect((reason as ConfigurationError).message).toContain(`"${path}"`);
  });

  it('a file that is no database, by the process', async () => {
    const reason = await refusal({ DATABASE_URL: 'sqlite:text.txt' }, cwd);
    expect(reason).toMatch(/^DATABASE_URL: /);
    expect(reason).toContain('"text.txt"');
  });
});

describe('A made-up key file that was damaged stops the start in one line that names the file:', () => {
  let cwd: string;

  beforeEach(async () => {
    cwd = await emptyFolder();
    await mkdir(join(cwd, 'data'));
  });

  it.each([
    ['refresh-token-secret', 'hunter2'],
    ['signing-keys.json', 'hunter2'],
    ['signing-keys.json', '{"keys":[{"kty":"EC","crv":"P-256","d":"hunter2'],
    ['signing-keys.json', '{"keys":[{"kty":"EC","crv":"P-256","d":"hunter2"}]}'],
    ['service-key', ''],
  ])('%s with "%s"', async (name, content) => {
    await writeFile(join(cwd, 'data', name), content);

    const reason = refusedConfiguration({ DATA_DIR: join(cwd, 'data') });
    expect(reason).toContain(name);
    expect(reason).not.toContain('hunter2');
  });

  it('signing-keys.json, by the process', async () => {
    await writeFile(join(cwd, 'data/signing-keys.json'), '{"keys":[{"kty":"EC","crv":"P-256","d":"hunter2');

    const reason = await refusal({ PORT: '0' }, cwd);
    expect(reason).toContain('signing-keys.json');
    expect(reason).not.toContain('hunter2');
  });
});

describe('Without better-sqlite3', () => {
  it('the start names what to install', async () => {
    const { main, env } = await installWithout('better-sqlite3');

    expect(reasonOf(await ended(await launch({ main, env }), AT_ONCE))).toMatch(/npm install better-sqlite3/);
  });

  it('that was built, the start names what to install', async () => {
    const { main, env } = await installWithUnbuiltSqlite();

    const reason = reasonOf(await ended(await launch({ main, env }), AT_ONCE));
    expect(reason).toMatch(/python3.*make.*C\+\+ compiler.*npm rebuild better-sqlite3/);
  });
});

describe('Without pg, mysql2, @nestjs/platform-fastify and @nestjs/swagger', () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await installWithout('pg', 'mysql2', '@nestjs/platform-fastify', '@nestjs/swagger');
  });

  it.each<[string, Record<string, string>, string]>([
    [
      'for PostgreSQL',
      productionEnvironment('postgres://127.0.0.1:1/sessions'),
      'DATABASE_URL: PostgreSQL needs the driver "pg", which is not installed: npm install pg',
    ],
    [
      'for MariaDB',
      productionEnvironment('mariadb://root@127.0.0.1:1/sessions'),
      'DATABASE_URL: MariaDB needs the driver "mysql2", which is not installed: npm install mysql2',
    ],
    [
      'for Fastify',
      { ...productionEnvironment('sqlite:s.sqlite'), HTTP_ADAPTER: 'fastify' },
      'HTTP_ADAPTER: fastify needs "@nestjs/platform-fastify", which is not installed: npm install @nestjs/platform-fastify',
    ],
  ])('the start names what to install %s', async (_, wanted, why) => {
    const { main, env } = installation;

    expect(reasonOf(await ended(await launch({ main, env: { ...wanted, ...env } }), AT_ONCE))).toBe(why);
  });

  it('SQLite and Express do; there is no /docs, the log says what to install, and all else works', async () => {
    const { main, env } = installation;
    const wanted = { ...productionEnvironment('sqlite:s.sqlite'), HTTP_ADAPTER: 'express' };
    const service = await startProcess({ main, env: { ...wanted, ...env } });
    const { url } = service;

    expect((await call(`${url}/health/ready`, { method: 'GET' })).status).toBe(200);
    expect((await call(`${url}/docs`, { method: 'GET' })).status).toBe(404);
    expect(service.stdout).toContain('npm install @nestjs/swagger');
    expect((await call(`${url}/openapi.json`, { method: 'GET' })).status).toBe(200);
    await refreshed(url, (await signIn(url)).refresh_token);
  });
});

/** Starts the service while its database doesn't answer; `recover` makes it answer once the service waits for it. */
async function expectItWaits(env: Record<string, string>, cwd: string, recover: () => unknown): Promise<void> {
  const port = await freePort();
  const service = await launch({ cwd, env: { ...env, PORT: String(port) } });
  const url = `http://127.0.0.1:${port}`;
  await until('the log says that it waits', () => /does not answer.*trying again/.test(service.stdout) || undefined);
  await expect(call(url)).rejects.toThrow('ECONNREFUSED');

  await recover();
  const { refresh_token } = await until('it answers', () => signIn(url).catch(() => undefined));
  await refreshed(url, refresh_token);
  expect((await stop(service)).stderr).toBe('');
}

describe('A database that does not answer at the start is waited for:', () => {
  it('a SQLite database that another process has locked', async () => {
    const cwd = await emptyFolder();
    const other = new SqliteDatabase(join(cwd, 'sessions.sqlite'));
    other.exec('BEGIN EXCLUSIVE');

    await expectItWaits(productionEnvironment('sqlite:sessions.sqlite'), cwd, () => other.close());
  });
});

describeOnEachServer('A database that does not answer at the start is waited for', (databaseName) => {
  const faults: [string, (network: TcpProxy) => Promise<void> | void][] = [
    ['one that refuses connections', (network) => network.refuse()],
    ['one that says nothing', (network) => network.stall()],
  ];
  let database: TestDatabase;
  const networks: TcpProxy[] = [];
  let waits: Promise<void>[];

  // Both at once: they wait for most of their time.
  beforeAll(async () => {
    database = await createDatabase(databaseName);
    for (const _ of faults) networks.push(await TcpProxy.before(database.url));
    waits = faults.map(async ([, fail], at) => {
      const network = networks[at] as TcpProxy;
      await fail(network);
      await expectItWaits(productionEnvironment(network.url), await emptyFolder(), () => network.pass());
    });
    await Promise.allSettled(waits);
  });
  afterAll(async () => {
    await Promise.all(networks.map((network) => network.close()));
    await database.drop();
  });

  it.each(faults.map(([what], at) => [what, at] as const))('%s', async (_, at) => {
    await waits[at];
  });
});

describe('A database that never answers', () => {
  it('is given up after 30 s, with a line a try in between', async () => {
    const result = await ended(hopeless.service, 30_000 + limit(15_000));

    const took = await hopeless.took;
    expect(took).toBeGreaterThan(29_000);
    expect(took).toBeLessThan(30_000 + limit(3_000));
    expect(reasonOf(result)).toMatch(/database.*30 s.*ECONNREFUSED/);
    expect(result.stdout.match(/trying again/g)?.length).toBeGreaterThan(15);
    expect(result.stdout + result.stderr).not.toContain('hunter2');
  });
});
