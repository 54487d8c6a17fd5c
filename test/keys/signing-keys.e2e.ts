import type { JsonWebKey } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { AuthModule, ConfigurationError, JwksController, type AuthModuleOptions } from 'nest-refresh-token';
import { generateSigningKey } from '../../src/auth/keys/key-generation.js';
import { copiesOf } from '../support/databases/database-copies.js';
import {
  createDatabase,
  describeOnEachDatabase,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases/databases.js';
import { hostOptions, sqlite, startHost } from '../support/hosts/host.js';
import { call, signIn } from '../support/http/http.js';
import { startService, type TestService } from '../support/servers/service.js';
import { DAY, HOUR, MINUTE, TestClock } from '../support/test-clock.js';
import { keyIdOf, publishedBy } from '../support/http/token-parts.js';

const DELAY = 5 * MINUTE;
const MAX_AGE = MINUTE;
const KEYS = new Map(['old', 'new', 'newest'].map((kid) => [kid, { ...generateSigningKey(), kid } as JsonWebKey]));

function keyOf(keyId: string): JsonWebKey {
  return KEYS.get(keyId) as JsonWebKey;
}

/** Instances of the service on one database and one clock, and what they come to. */
class Deployment {
  readonly clock = new TestClock();
  private readonly started: Promise<TestService>[] = [];

  private constructor(readonly database: TestDatabase) {}

  static async on(name: DatabaseName): Promise<Deployment> {
    return new Deployment(await createDatabase(name));
  }

  /** Starts an instance with these keys, the first of which is to sign. */
  start(keyIds: string[], env: Record<string, string> = {}): Promise<TestService> {
    const { database, clock } = this;
    const SIGNING_KEYS = JSON.stringify({ keys: keyIds.map(keyOf) });
    const service = startService(database.url, { env: { SIGNING_KEYS, ...env }, clock });
    this.started.push(service);
    return service;
  }

  /** Starts with these keys, and stops it: a roll-out that ends. @returns the key that signed */
  async rollOut(keyIds: string[], env: Record<string, string> = {}): Promise<string | undefined> {
    const service = await this.start(keyIds, env);
    const { access_token } = await signIn(service.url);
    expect(await publishedBy(service.url)).toEqual(keyIds);
    await service.close();
    return keyIdOf(access_token);
  }

  /** @returns why it doesn't start */
  async refused(keyIds: string[], env: Record<string, string> = {}): Promise<string> {
    const error = await this.start(keyIds, env).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).message;
  }

  /** What the database knows: by id, the times without nulls. */
  async known(): Promise<Record<string, Record<string, number>>> {
    const copies = await copiesOf(this.database.url);
    try {
      const rows = await copies.query('SELECT * FROM access_token_keys');
      const times = (row: Record<string, unknown>) =>
        Object.entries(row).filter(([name, time]) => name !== 'key_id' && time !== null);
      const inNumbers = (row: Record<string, unknown>) =>
        times(row).map(([name, time]) => [name, Number(time)] as const);
      return Object.fromEntries(rows.map((row) => [String(row['key_id']), Object.fromEntries(inNumbers(row))]));
    } finally {
      await copies.close();
    }
  }

  async end(): Promise<void> {
    // Those that are still starting, and have closed already, too.
    const started = await Promise.allSettled(this.started);
    await Promise.all(started.map((start) => start.status === 'fulfilled' && start.value.close()));
    await this.database.drop();
  }
}

describeOnEachDatabase('signing keys of the environment', (name) => {
  let deployment: Deployment;

  /** What is decided of the rows once they are read: on one database, since it is the same on each. */
  const itDecides: (what: string, test: () => Promise<void>) => void = name === 'SQLite' ? it : () => undefined;

  beforeEach(async () => {
    deployment = await Deployment.on(name);
  });
  afterEach(() => deployment.end());

  it('are noted by id and times, and by nothing of the key; another start changes nothing', async () => {
    await deployment.rollOut(['old', 'new']);
    const now = deployment.clock.now();
    deployment.clock.advance(DAY);
    await deployment.rollOut(['old', 'new']);
    expect(await deployment.known()).toEqual({
      old: { first_seen_at: now, used_at: now },
      new: { first_seen_at: now },
    });
  });

  it('sign once they were known for the activation delay, to the millisecond, and are noted as used then', async () => {
    const begin = deployment.clock.now();
    await deployment.rollOut(['old']);
    deployment.clock.advance(DAY);
    const seen = deployment.clock.now();
    const { url } = await deployment.start(['new', 'old']);
    const signer = async () => keyIdOf((await signIn(url)).access_token);

    expect(await signer()).toBe('old');
    deployment.clock.advance(DELAY - 1);
    expect(await signer()).toBe('old');
    deployment.clock.advance(1);
    expect(await signer()).toBe('new');
    expect(await deployment.known()).toEqual({
      old: { first_seen_at: begin, used_at: begin, replaced_at: seen + DELAY },
      new: { first_seen_at: seen, used_at: seen + DELAY },
    });
  });

  itDecides('sign at once without an activation delay', async () => {
    await deployment.rollOut(['old']);
    expect(await deployment.rollOut(['new', 'old'], { KEY_ACTIVATION_DELAY: '0' })).toBe('new');
  });

  itDecides('sign at once where they signed before: the order was turned back', async () => {
    await deployment.rollOut(['old']);
    await deployment.rollOut(['new', 'old'], { KEY_ACTIVATION_DELAY: '0' });
    expect(await deployment.rollOut(['old', 'new'])).toBe('old');
    expect(await deployment.rollOut(['new', 'old'])).toBe('new');
  });

  itDecides('wait anew where they signed before and were taken away', async () => {
    await deployment.rollOut(['old']);
    await deployment.rollOut(['new', 'old'], { KEY_ACTIVATION_DELAY: '0' });
    deployment.clock.advance(DAY);
    await deployment.rollOut(['new']);
    const taken = deployment.clock.now();
    expect((await deployment.known())['old']).toMatchObject({ withdrawn_at: taken });
    deployment.clock.advance(DAY);

    const { url } = await deployment.start(['old', 'new']);
    expect((await deployment.known())['old']).not.toHaveProperty('withdrawn_at');
    expect(keyIdOf((await signIn(url)).access_token)).toBe('new');
    deployment.clock.advance(DELAY);
    expect(keyIdOf((await signIn(url)).access_token)).toBe('old');
  });

  it('stop the start where one is missing that signs, or signed within the life of its tokens', async () => {
    await deployment.rollOut(['old']);
    deployment.clock.advance(10 * DAY);
    expect(await deployment.refused(['new'])).toContain('the key with the kid "old" signed');
    expect(Object.keys(await deployment.known())).toEqual(['old']);

    await deployment.rollOut(['new', 'old'], { KEY_ACTIVATION_DELAY: '0' });
    deployment.clock.advance(HOUR + MAX_AGE - 1);
    expect(await deployment.refused(['new'])).toContain('the key with the kid "old" signed');
    deployment.clock.advance(1);
    expect(await deployment.rollOut(['new'])).toBe('new');
  });

  it('are judged the same by ten instances that start at once', async () => {
    const ten = <T>(start: () => Promise<T>) => Promise.all(Array.from({ length: 10 }, start));
    await ten(() => deployment.start(['old']));
    const waiting = await ten(() => deployment.start(['new', 'old']));
    const signers = async () =>
      new Set((await Promise.all(waiting.map(({ url }) => signIn(url)))).map((token) => keyIdOf(token.access_token)));

    expect(await signers()).toEqual(new Set(['old']));
    deployment.clock.advance(DELAY);
    expect(await signers()).toEqual(new Set(['new']));
    await ten(() => deployment.refused(['newest']));
    expect(Object.keys(await deployment.known()).toSorted()).toEqual(['new', 'old']);
  });
});

describe('a host', () => {
  let database: TestDatabase;
  let app: INestApplication | undefined;

  beforeEach(async () => {
    database = await createDatabase('SQLite');
  });
  afterEach(async () => {
    await app?.close();
    await database.drop();
  });

  async function restart(accessToken: AuthModuleOptions['accessToken']): Promise<string> {
    await app?.close();
    app = undefined;
    const options = { ...hostOptions(), accessToken, controllers: [JwksController] };
    const started = await startHost({ imports: [sqlite(database), AuthModule.forRoot(options)] });
    ({ app } = started);
    return started.url;
  }

  it('is held to the same rule, by the thumbprint of a key without a name', async () => {
    const { kid: _, ...nameless } = generateSigningKey() as JsonWebKey & { kid: string };
    const issuer = 'https://app.example.com';
    await restart({ issuer, keys: [nameless] });
    const start = restart({ issuer, keys: [keyOf('new')] });
    await expect(start).rejects.toThrow(/^SIGNING_KEYS \(accessToken\.keys\): the key with the kid "[\w-]{43}" signed/);
  });

  it('that signs with a secret of its own takes no part: it may be another one at any time', async () => {
    const issuer = 'https://app.example.com';
    await restart({ issuer, algorithm: 'HS256', secret: 'a secret of the host, long enough for HS256' });
    await restart({ issuer, algorithm: 'HS256', secret: 'another secret of it, long enough for HS256' });
    // Nobody has had a key set of it.
    const url = await restart({ issuer, keys: [keyOf('new')] });
    expect((await call(`${url}/.well-known/jwks.json`, { method: 'GET' })).text).toContain('"kid":"new"');
  });
});
