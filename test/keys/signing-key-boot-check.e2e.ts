import type { JsonWebKey } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { AuthModule, ConfigurationError, JwksController, type AuthModuleOptions } from 'nest-refresh-token';
import { generateSigningKey } from '../../src/auth/keys/key-generation.js';
import { tokenSecret } from '../../src/auth/keys/token-secret.js';
import { copiesOf } from '../support/databases/database-copies.js';
import {
  createDatabase,
  describeOnEachDatabase,
  describePostgres,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases/databases.js';
import { hostOptions, sqlite, startHost } from '../support/hosts/host.js';
import { call, refreshed, signIn } from '../support/http/http.js';
import { startService, type TestService } from '../support/servers/service.js';
import { DAY, HOUR, MINUTE, SECOND, TestClock } from '../support/test-clock.js';
import { isMadeWith, keyIdOf, publishedBy } from '../support/http/token-parts.js';

const DELAY = 5 * MINUTE;
const KEYS = new Map(['old', 'new', 'newest'].map((kid) => [kid, { ...generateSigningKey(), kid } as JsonWebKey]));
const OLD_SECRET = 'the-old-refresh-token-secret-of-the-tests-0123456789';
const NEW_SECRET = 'the-new-refresh-token-secret-of-the-tests-0123456789';

function keyOf(keyId: string): JsonWebKey {
  return KEYS.get(keyId) as JsonWebKey;
}

/** A JWK set of these keys, the first of which is to sign. */
function keySet(...keyIds: string[]): string {
  return JSON.stringify({ keys: keyIds.map(keyOf) });
}

/** Instances of the service on one database and one clock, and what they come to. */
class Deployment {
  readonly clock = new TestClock();
  private readonly started: Promise<TestService>[] = [];

  private constructor(readonly database: TestDatabase) {}

  static async on(name: DatabaseName): Promise<Deployment> {
    return new Deployment(await createDatabase(name));
  }

  start(keyIds: string[], env: Record<string, string> = {}): Promise<TestService> {
    const { database, clock } = this;
    const service = startService(database.url, { env: { SIGNING_KEYS: keySet(...keyIds), ...env }, clock });
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

  async rowsOf(table: string): Promise<Record<string, unknown>[]> {
    const copies = await copiesOf(this.database.url);
    try {
      return await copies.query(`SELECT * FROM ${table}`);
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

  itDecides('sign at once where they are the first', async () => {
    expect(await deployment.rollOut(['old', 'new'])).toBe('old');
    // Of those, any may be the first: all have been published from the beginning.
    expect(await deployment.rollOut(['new', 'old'])).toBe('new');
  });

  itDecides('are those of the instance that was first: others, with keys of their own, do not start', async () => {
    await deployment.start(['old']);
    deployment.clock.advance(SECOND);

    await deployment.refused(['new']);
    await deployment.refused(['newest']);
    expect((await deployment.rowsOf('access_token_keys')).map((row) => row['key_id'])).toEqual(['old']);
  });

  it('are noted by id and time, and by nothing of the key', async () => {
    await deployment.rollOut(['old', 'new']);
    const now = deployment.clock.now();
    deployment.clock.advance(DAY);
    await deployment.rollOut(['old', 'new']);

    const rows = (await deployment.rowsOf('access_token_keys')).map((row) => ({
      ...row,
      first_seen_at: Number(row['first_seen_at']),
    }));
    const noted = ['old', 'new'].map((key_id) => ({ key_id, first_seen_at: now }));
    expect(rows).toHaveLength(2);
    expect(rows).toEqual(expect.arrayContaining(noted));
  });

  itDecides('are refused where the first was never published, with its kid and what to do', async () => {
    await deployment.rollOut(['old']);
    deployment.clock.advance(DAY);

    for (const keyIds of [['new', 'old'], ['new']]) {
      expect(await deployment.refused(keyIds)).toBe(
        'SIGNING_KEYS (accessToken.keys): the first key, with the kid "new", was not published for 300 s: verifiers that keep an older JWK set would refuse what it signs. ' +
          'Put it behind the one that signs now, roll that out everywhere, wait 300 s, then put it first. ' +
          'To use it at once all the same, set KEY_ACTIVATION_DELAY=0 (keyActivationDelay).',
      );
    }
  });

  it('are refused where the first was published a short time ago, with the time from which it may be', async () => {
    await deployment.rollOut(['old']);
    deployment.clock.advance(DAY);
    const from = new Date(deployment.clock.now() + DELAY).toISOString();
    await deployment.rollOut(['old', 'new']);

    deployment.clock.advance(MINUTE);
    expect(await deployment.refused(['new', 'old'])).toContain(` This one can be put first from ${from} on. `);
    // The time stands as it was, however often instances start with it.
    await deployment.rollOut(['old', 'new']);
    deployment.clock.advance(DELAY - MINUTE - 1);
    await deployment.refused(['new', 'old']);
    deployment.clock.advance(1);
    expect(await deployment.rollOut(['new', 'old'])).toBe('new');
  });

  it('leave no trace where they were refused: a refused start has published nothing', async () => {
    await deployment.rollOut(['old']);
    deployment.clock.advance(DAY);
    await deployment.refused(['new', 'newest', 'old']);
    deployment.clock.advance(DELAY);

    await deployment.refused(['new', 'old']);
    await deployment.refused(['newest', 'old']);
    expect(await deployment.rowsOf('access_token_keys')).toHaveLength(1);
    expect(await deployment.rollOut(['old'])).toBe('old');
  });

  itDecides('sign at once without an activation delay', async () => {
    await deployment.rollOut(['old']);
    deployment.clock.advance(DAY);

    expect(await deployment.rollOut(['new', 'old'], { KEY_ACTIVATION_DELAY: '0' })).toBe('new');
  });

  itDecides('roll back at once: what signed before has long been published', async () => {
    await deployment.rollOut(['old']);
    await deployment.rollOut(['old', 'new']);
    deployment.clock.advance(DELAY);
    expect(await deployment.rollOut(['new', 'old'])).toBe('new');

    expect(await deployment.rollOut(['old', 'new'])).toBe('old');
    expect(await deployment.rollOut(['new'])).toBe('new');
  });

  it('are judged the same by ten instances that start at once', async () => {
    const ten = <T>(start: () => Promise<T>) => Promise.all(Array.from({ length: 10 }, start));

    const first = await ten(() => deployment.start(['old']));
    expect(new Set(await Promise.all(first.map(({ url }) => publishedBy(url).then(String))))).toEqual(new Set(['old']));
    deployment.clock.advance(DAY);
    await ten(() => deployment.refused(['new', 'old']));
    await deployment.start(['old', 'new']);
    await ten(() => deployment.refused(['new', 'old']));
    deployment.clock.advance(DELAY);
    await ten(() => deployment.rollOut(['new', 'old']));
    expect(await deployment.rowsOf('access_token_keys')).toHaveLength(2);
  });
});

describeOnEachDatabase('the two roll-outs of the README, with old and new instances side by side', (name) => {
  let deployment: Deployment;
  let one: TestService;
  let other: TestService;
  /** The newest refresh token of each session. */
  let tokens: string[];
  /** The keys and secrets that tokens were made with. */
  let used: Set<string>;

  beforeEach(async () => {
    deployment = await Deployment.on(name);
    used = new Set();
  });
  afterEach(() => deployment.end());

  function start(keyIds: string[], secrets: string[]): Promise<TestService> {
    return deployment.start(keyIds, { REFRESH_TOKEN_SECRETS: secrets.join(',') });
  }

  /** Every session refreshes at both instances in turn, and signs in anew; every API knows the key of every token. */
  async function expectNobodyIsRefused(): Promise<void> {
    deployment.clock.advance(11 * SECOND);
    const published = await Promise.all([one, other].map(({ url }) => publishedBy(url)));
    const made: { access_token: string; refresh_token: string }[] = [];
    for (const [at, { url }] of [one, other].entries()) {
      made.push(await signIn(url));
      for (const [session, token] of tokens.entries()) {
        const answer = await refreshed([one, other][(at + session) % 2]?.url as string, token);
        tokens[session] = answer.refresh_token;
        made.push(answer);
      }
      deployment.clock.advance(11 * SECOND);
    }
    for (const { access_token, refresh_token } of made) {
      for (const keyIds of published) expect(keyIds).toContain(keyIdOf(access_token));
      used.add(String(keyIdOf(access_token)));
      for (const secret of [OLD_SECRET, NEW_SECRET]) {
        if (isMadeWith(refresh_token, tokenSecret(secret).fingerprint)) used.add(secret);
      }
    }
    tokens = [...tokens, ...made.map(({ refresh_token }) => refresh_token).slice(0, 1)];
  }

  it('refuse nobody at any step, and end with the new key and the new secret alone', async () => {
    one = await start(['old'], [OLD_SECRET]);
    other = await start(['old'], [OLD_SECRET]);
    tokens = await Promise.all([one, other, one].map(async ({ url }) => (await signIn(url)).refresh_token));
    await expectNobodyIsRefused();

    // The first roll-out, instance by instance.
    const replace = async (service: TestService, keyIds: string[], secrets: string[]) => {
      const next = await start(keyIds, secrets);
      await service.close();
      return next;
    };
    one = await replace(one, ['old', 'new'], [OLD_SECRET, NEW_SECRET]);
    await expectNobodyIsRefused();
    other = await replace(other, ['old', 'new'], [OLD_SECRET, NEW_SECRET]);
    await expectNobodyIsRefused();
    expect(used).toEqual(new Set(['old', OLD_SECRET]));

    // The second one.
    deployment.clock.advance(DELAY);
    one = await replace(one, ['new', 'old'], [NEW_SECRET, OLD_SECRET]);
    await expectNobodyIsRefused();
    expect(used).toEqual(new Set(['old', 'new', OLD_SECRET]));
    deployment.clock.advance(DELAY);
    await expectNobodyIsRefused();
    expect(used).toEqual(new Set(['old', 'new', OLD_SECRET, NEW_SECRET]));
    other = await replace(other, ['new', 'old'], [NEW_SECRET, OLD_SECRET]);
    await expectNobodyIsRefused();
    used.clear();
    await expectNobodyIsRefused();
    expect(used).toEqual(new Set(['new', NEW_SECRET]));

    // A signing key is needed for the life of an access token, a secret for that of a session.
    deployment.clock.advance(HOUR);
    one = await replace(one, ['new'], [NEW_SECRET, OLD_SECRET]);
    other = await replace(other, ['new'], [NEW_SECRET, OLD_SECRET]);
    await expectNobodyIsRefused();
  });
});

describePostgres('a signing key that is put first while instances of before are running', () => {
  let deployment: Deployment;

  beforeEach(async () => {
    deployment = await Deployment.on('PostgreSQL');
  });
  afterEach(() => deployment.end());

  it('stops the new instance, and those of before go on', async () => {
    const before = await deployment.start(['old']);
    const { refresh_token } = await signIn(before.url);
    deployment.clock.advance(DAY);

    await deployment.refused(['new', 'old']);
    await refreshed(before.url, refresh_token);
    expect(await publishedBy(before.url)).toEqual(['old']);
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

  it('is checked too, by the thumbprint of a key without a name', async () => {
    const { kid: _, ...nameless } = generateSigningKey() as JsonWebKey & { kid: string };
    const issuer = 'https://app.example.com';
    await restart({ issuer, keys: [keyOf('old')] });

    const start = restart({ issuer, keys: [nameless, keyOf('old')] });
    await expect(start).rejects.toThrow(/^SIGNING_KEYS \(accessToken\.keys\): the first key, with the kid "[\w-]{43}"/);
  });

  it('that signs with a secret of its own is not concerned: it may be another one at any time', async () => {
    const issuer = 'https://app.example.com';
    await restart({ issuer, algorithm: 'HS256', secret: 'a secret of the host, long enough for HS256' });
    await restart({ issuer, algorithm: 'HS256', secret: 'another secret of it, long enough for HS256' });
    // Nobody has had a key set of it.
    const url = await restart({ issuer, keys: [keyOf('new')] });
    expect((await call(`${url}/.well-known/jwks.json`, { method: 'GET' })).text).toContain('"kid":"new"');
  });
});
