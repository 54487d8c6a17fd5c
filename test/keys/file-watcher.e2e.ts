import { mkdtemp, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonWebKey } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { generateSigningKey } from '../../src/auth/keys/key-generation.js';
import { tokenSecret } from '../../src/auth/keys/token-secret.js';
import { KeyFileWatcher } from '../../src/service/data-folder/key-file.watcher.js';
import { keyFiles, type KeyFiles } from '../../src/service/config/data-folder-paths.js';
import {
  createDatabase,
  describeOnEachDatabase,
  describePostgres,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases/databases.js';
import { refresh, refreshed, signIn } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { putFile } from '../support/put-file.js';
import { startService, type TestService } from '../support/servers/service.js';
import { TcpProxy } from '../support/databases/tcp-proxy.js';
import { DAY, HOUR, MINUTE, SECOND, TestClock } from '../support/test-clock.js';
import { isMadeWith, keyIdOf, publishedBy } from '../support/http/token-parts.js';

const DELAY = 5 * MINUTE;
const OLD = 'the-old-refresh-token-secret-of-the-tests-0123456789';
const NEW = 'the-new-refresh-token-secret-of-the-tests-0123456789';
const STRANGE = 'a-refresh-token-secret-of-another-service-0123456789';
const KEYS = new Map(['old', 'new'].map((kid) => [kid, { ...generateSigningKey(), kid } as JsonWebKey]));

let dataDir: string;
let files: KeyFiles;
let clock: TestClock;
let database: TestDatabase;
let running: TestService[];

/** Puts signing keys into the file, the first of which is to sign. */
function putKeys(...keyIds: string[]): Promise<void> {
  return putFile(files.signingKeys, JSON.stringify({ keys: keyIds.map((keyId) => KEYS.get(keyId)) }));
}

function putSecrets(secrets: string[], retired: string[] = []): Promise<void> {
  const fingerprints = retired.map((secret) => tokenSecret(secret).fingerprint);
  return putFile(
    files.secrets,
    JSON.stringify({ secrets: secrets.map((secret) => ({ secret })), retired: fingerprints }),
  );
}

/** An instance that takes its keys from the files. */
async function start(env: Record<string, string> = {}): Promise<TestService> {
  const fromFiles = { DATA_DIR: dataDir, SIGNING_KEYS: '', REFRESH_TOKEN_SECRETS: '' };
  const service = await startService(database.url, { env: { ...fromFiles, ...env }, clock });
  running.push(service);
  return service;
}

/** Has the instances look at the files, as they do by themselves every few seconds. */
async function look(...services: TestService[]): Promise<void> {
  for (const { app } of services) await app.get(KeyFileWatcher).look();
}

/** Runs `work`, which gives up at its first failure: by the watch that patience goes by, each look at it is a month on. */
async function withoutPatience(work: () => Promise<void>): Promise<void> {
  const now = performance.now();
  let looks = 0;
  const watch = jest.spyOn(performance, 'now').mockImplementation(() => now + ++looks * 30 * DAY);
  try {
    await work();
  } finally {
    watch.mockRestore();
  }
}

function refusalsOf({ log }: TestService): string[] {
  return eventsIn(log, 'keys.refused').map(({ path }) => String(path));
}

async function signerOf({ url }: TestService): Promise<string | undefined> {
  return keyIdOf((await signIn(url)).access_token);
}

/** The secret that mints. */
async function minterOf({ url }: TestService): Promise<string | undefined> {
  const { refresh_token } = await signIn(url);
  return [OLD, NEW, STRANGE].find((secret) => isMadeWith(refresh_token, tokenSecret(secret).fingerprint));
}

async function setUp(databaseName: DatabaseName): Promise<void> {
  dataDir = await mkdtemp(join(tmpdir(), 'refresh-token-'));
  files = keyFiles(dataDir);
  clock = new TestClock();
  running = [];
  database = await createDatabase(databaseName);
  await putKeys('old');
  await putSecrets([OLD]);
}

async function tearDown(): Promise<void> {
  await Promise.all(running.map((service) => service.close()));
  await database.drop();
  await rm(dataDir, { recursive: true });
}

describeOnEachDatabase('a key file', (name) => {
  beforeEach(() => setUp(name));
  afterEach(tearDown);

  it('with a new signing key: published at once, signs after the activation delay, to the millisecond', async () => {
    const service = await start();
    await putKeys('new', 'old');
    await look(service);

    expect(await publishedBy(service.url)).toEqual(['new', 'old']);
    clock.advance(DELAY - 1);
    expect(await signerOf(service)).toBe('old');
    clock.advance(1);
    expect(await signerOf(service)).toBe('new');
  });

  it('with a new secret: mints after the activation delay, to the millisecond', async () => {
    const service = await start();
    const { refresh_token } = await signIn(service.url);
    await putSecrets([NEW, OLD]);
    await look(service);

    clock.advance(DELAY - 1);
    expect(await minterOf(service)).toBe(OLD);
    clock.advance(1);
    expect(await minterOf(service)).toBe(NEW);
    await refreshed(service.url, refresh_token);
  });

  it('is looked at by all instances of one DATA_DIR: what one mints, the others verify', async () => {
    const [one, other] = [await start(), await start()];
    await putSecrets([NEW, OLD]);
    await look(one);
    clock.advance(5 * SECOND);
    await look(other);

    clock.advance(DELAY - 5 * SECOND);
    expect(await minterOf(one)).toBe(NEW);
    const { refresh_token } = await signIn(one.url);
    expect((await refreshed(other.url, refresh_token)).refresh_token).not.toBe(refresh_token);
    expect(await minterOf(other)).toBe(NEW);
  });

  it('is not waited for twice: a start in the activation delay signs and mints no earlier and no later', async () => {
    const before = await start();
    await putKeys('new', 'old');
    await putSecrets([NEW, OLD]);
    await look(before);
    clock.advance(DELAY - SECOND);

    const service = await start();
    expect([await signerOf(service), await minterOf(service)]).toEqual(['old', OLD]);
    clock.advance(SECOND);
    expect([await signerOf(service), await minterOf(service)]).toEqual(['new', NEW]);
  });

  it('without a secret that live tokens were made with is refused: nobody is signed out by a wrong file', async () => {
    const service = await start();
    const { refresh_token } = await signIn(service.url);
    await putSecrets([STRANGE]);
    await look(service);
    await look(service);

    expect(eventsIn(service.log, 'keys.refused')).toEqual([
      expect.objectContaining({ cause: expect.stringContaining(tokenSecret(OLD).fingerprint) }),
    ]);
    clock.advance(DELAY);
    await refreshed(service.url, refresh_token);
    expect(await minterOf(service)).toBe(OLD);

    // What was retired is no mistake.
    await putSecrets([STRANGE], [OLD]);
    await look(service);
    expect(await minterOf(service)).toBe(STRANGE);
    expect((await refresh(service.url, refresh_token)).status).toBe(401);
  });
});

describe('a key file that can’t be used', () => {
  const NOT_KEYS = '{"keys": [{"kty": "EC", "crv": "P-256", "d": "hunter2"}]}';
  beforeEach(() => setUp('SQLite'));
  afterEach(tearDown);

  it.each<[string, keyof KeyFiles, string | undefined]>([
    ['signing keys that are missing', 'signingKeys', undefined],
    ['no signing keys', 'signingKeys', ''],
    ['half a file of signing keys', 'signingKeys', NOT_KEYS.slice(0, 40)],
    ['what is no signing key', 'signingKeys', NOT_KEYS],
    ['an empty set of signing keys', 'signingKeys', '{"keys": []}'],
    ['secrets that are missing', 'secrets', undefined],
    ['no secrets', 'secrets', ''],
    ['half a file of secrets', 'secrets', `{"secrets": [{"secret": "${STRANGE}`],
    ['a secret that is too short', 'secrets', '{"secrets": [{"secret": "hunter2"}]}'],
    ['no secret in the file', 'secrets', '{"secrets": []}'],
  ])('leaves the keys before it in use, is logged once, and taken once it is right: %s', async (_, file, text) => {
    const service = await start();
    const { refresh_token } = await signIn(service.url);
    const spoil = () => (text === undefined ? unlink(files[file]) : putFile(files[file], text));

    await spoil();
    await look(service, service, service);
    expect(refusalsOf(service)).toEqual([files[file]]);
    expect(await publishedBy(service.url)).toEqual(['old']);
    expect([await signerOf(service), await minterOf(service)]).toEqual(['old', OLD]);
    clock.advance(MINUTE);
    await refreshed(service.url, refresh_token);

    await putKeys('new', 'old');
    await putSecrets([NEW, OLD]);
    await look(service);
    expect(await publishedBy(service.url)).toEqual(['new', 'old']);
    clock.advance(DELAY);
    expect([await signerOf(service), await minterOf(service)]).toEqual(['new', NEW]);

    // Another day it may go wrong in the same way.
    await spoil();
    await look(service);
    expect(refusalsOf(service)).toEqual([files[file], files[file]]);
    for (const secret of [OLD, NEW, STRANGE, 'hunter2']) expect(service.log.join('\n')).not.toContain(secret);
  });

  it('does not keep the other one from being taken', async () => {
    const service = await start();
    await putFile(files.signingKeys, NOT_KEYS);
    await putSecrets([NEW, OLD]);
    await look(service);

    clock.advance(DELAY);
    expect([await signerOf(service), await minterOf(service)]).toEqual(['old', NEW]);
  });

  it('makes a key wait from when an instance has it, however long it has stood there', async () => {
    const service = await start();
    await putFile(files.signingKeys, NOT_KEYS);
    await look(service);
    await putKeys('new', 'old');
    clock.advance(HOUR);
    await look(service);

    expect(await publishedBy(service.url)).toEqual(['new', 'old']);
    clock.advance(DELAY - 1);
    expect(await signerOf(service)).toBe('old');
    clock.advance(1);
    expect(await signerOf(service)).toBe('new');
  });
});

describePostgres('a database that does not answer when a key and a secret are added', () => {
  let network: TcpProxy;

  beforeEach(async () => {
    await setUp('PostgreSQL');
    network = await TcpProxy.before(database.url);
    database = { ...database, url: network.url };
  });
  afterEach(async () => {
    await tearDown();
    await network.close();
  });

  it('is asked again; neither the key nor the secret is used before it has been known for the activation delay', async () => {
    const service = await start();
    const { refresh_token } = await signIn(service.url);
    await putSecrets([NEW, OLD]);
    await putKeys('new', 'old');
    await network.refuse();
    await withoutPatience(() => look(service, service));
    expect(refusalsOf(service)).toEqual([files.signingKeys, files.secrets]);
    expect(await publishedBy(service.url)).toEqual(['old']);

    clock.advance(2 * DELAY);
    await network.pass();
    expect([await signerOf(service), await minterOf(service)]).toEqual(['old', OLD]);
    await look(service);
    clock.advance(DELAY - 1);
    expect([await signerOf(service), await minterOf(service)]).toEqual(['old', OLD]);
    clock.advance(1);
    expect([await signerOf(service), await minterOf(service)]).toEqual(['new', NEW]);
    await refreshed(service.url, refresh_token);
  });

  it('is told before the first token of the secret is out: 503 until it answers', async () => {
    const service = await start();
    const { refresh_token } = await signIn(service.url);
    await putSecrets([NEW, OLD]);
    await look(service);
    clock.advance(DELAY);
    await network.refuse();

    expect((await refresh(service.url, refresh_token)).status).toBe(503);
    await network.pass();
    const { refresh_token: next } = await refreshed(service.url, refresh_token);
    expect(isMadeWith(next, tokenSecret(NEW).fingerprint)).toBe(true);
  });
});
