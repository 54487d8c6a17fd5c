import { createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeJwt, decodeProtectedHeader, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import {
  InvalidRefreshTokenError,
  InvalidRequestError,
  RefreshTokenService,
  type IssueOptions,
  type SessionEvent,
  type SessionOptions,
  type TokenResponse,
} from 'nest-refresh-token';
import { DataSource } from 'typeorm';
import { tokenSecret } from '../../src/auth/keys/token-secret.js';
import { dump } from '../support/databases/database-dump.js';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from '../support/databases/databases.js';
import { HonestClient } from '../support/clients/honest-client.js';
import { hostOptions } from '../support/hosts/host.js';
import { bearer, call, json, logout, refresh, refreshed, type Answer } from '../support/http/http.js';
import { startLegacyHost, type LegacyHost } from '../support/hosts/legacy-host.js';
import { eventsIn } from '../support/servers/log.js';
import { until } from '../support/servers/process.js';
import { endOf, sessionRow } from '../support/databases/session-rows.js';
import { DAY, MINUTE, SECOND } from '../support/test-clock.js';
import { NO_CONTENT, MISSING_TOKEN, REFUSED, UNAVAILABLE, wire } from '../support/http/wire.js';
import { limit } from '../support/time.js';

const HOST_SECRET = 'the secret the host has always signed with';
type HostSettings = NonNullable<Parameters<typeof startLegacyHost>[1]>;

/** One set of keys, so that hosts can share a database. */
const OPTIONS = hostOptions();
const LEEWAY = 10 * SECOND;
const PARALLEL = 20;

const oldTokens: Record<string, () => string> = {
  'an opaque token': () => randomBytes(32).toString('hex'),
  'a JWT': () => jwt({ sub: 'alice', jti: randomBytes(8).toString('hex'), purpose: 'refresh' }),
};

describeOnEachDatabase('An old refresh token', (databaseName) => {
  let database: TestDatabase;
  let host: LegacyHost;

  beforeAll(async () => {
    database = await createDatabase(databaseName);
    host = await startLegacyHost(database, { options: OPTIONS });
  });
  beforeEach(() => host.reset());
  afterAll(async () => {
    await host.close();
    await database.drop();
  });

  /** Runs `work` with a host of other settings, and a database of its own, in the place of the suite's. */
  async function withHost(settings: HostSettings, work: (own: TestDatabase) => Promise<void>): Promise<void> {
    const [suites, own] = [host, await createDatabase(databaseName)];
    try {
      host = await startLegacyHost(own, settings);
      await work(own);
    } finally {
      await host.close();
      host = suites;
      await own.drop();
    }
  }

  const withSession = (session: SessionOptions) => ({ options: { ...OPTIONS, session } });
  const withRefreshToken = (changed: object) => ({
    options: { ...OPTIONS, refreshToken: { ...OPTIONS.refreshToken, ...changed } },
  });

  /** A token that the host handed out before. */
  function oldTokenOf(options: IssueOptions, token = randomBytes(24).toString('base64url')): string {
    host.world.users.set(token, options);
    return token;
  }

  describe.each(Object.entries(oldTokens))('that is %s', (_, make) => {
    let old: string;
    beforeEach(() => {
      old = oldTokenOf({ subject: 'alice', claims: { tenant: 'acme' }, scope: 'read', clientId: 'web' }, make());
    });

    it('is traded for the tokens of a session as the host says it should be', async () => {
      const { access_token, refresh_token } = await refreshed(host.url, old);
      const claims = decodeJwt(access_token);
      expect(claims).toMatchObject({ sub: 'alice', tenant: 'acme', scope: 'read', client_id: 'web' });
      expect(refresh_token).toMatch(/^rt_/);
      expect(await sessionRow(host.app, String(claims['sid']))).toMatchObject({ subject: 'alice', revokedAt: null });
      expect(host.world.asked).toEqual([old]);
      expect(host.world.events.map(({ type, sessionId }) => [type, sessionId])).toEqual([
        ['created', claims['sid']],
        ['refreshed', claims['sid']],
      ]);

      host.clock.advance(MINUTE);
      expect(decodeJwt((await refreshed(host.url, refresh_token)).access_token)['sid']).toBe(claims['sid']);
    });

    it('has the same successor as often as it comes within the leeway, and nothing is written', async () => {
      const first = await refreshed(host.url, old);
      const id = sidOf(first);
      const row = await sessionRow(host.app, id);
      host.clock.advance(LEEWAY - 1);
      expect((await refreshed(host.url, old)).refresh_token).toBe(first.refresh_token);
      expect((await refreshed(host.url, first.refresh_token)).refresh_token).toBe(first.refresh_token);
      expect(await sessionRow(host.app, id)).toEqual(row);
      expect(host.world.asked).toEqual([old]);
    });

    it('is good after the leeway too while no answer has arrived, without asking anew', async () => {
      const ids = new Set<string>();
      for (let lost = 0; lost < 3; lost += 1) {
        ids.add(sidOf(await refreshed(host.url, old)));
        host.clock.advance(DAY);
      }
      host.world.users.clear();
      const { refresh_token } = await refreshed(host.url, old);
      host.clock.advance(MINUTE);
      ids.add(sidOf(await refreshed(host.url, refresh_token)));
      expect(ids.size).toBe(1);
      expect(host.world.asked).toEqual([old]);
      expect(await host.rows()).toBe(1);
    });

    it('ends the session where it comes again after its successor was used', async () => {
      const second = await refreshed(host.url, old);
      host.clock.advance(MINUTE);
      const third = await refreshed(host.url, second.refresh_token);
      host.clock.advance(MINUTE);

      expect(wire(await refresh(host.url, old))).toEqual(REFUSED);
      for (const token of [old, second.refresh_token, third.refresh_token]) {
        expect(wire(await refresh(host.url, token))).toEqual(REFUSED);
      }
      const reuse = { sessionId: sidOf(third), subject: 'alice' };
      expect(host.world.events.slice(-2)).toEqual([
        expect.objectContaining({ type: 'ended', reason: 'reuse', ...reuse }),
        expect.objectContaining({ type: 'reuse_detected', ...reuse }),
      ]);
      expect(host.world.asked).toEqual([old]);
    });
  });

  describe('that two hold', () => {
    /** Refreshes outside of any leeway, with the last token that was answered. */
    function holder(token: string): () => Promise<number> {
      const store = { token };
      return async () => {
        host.clock.advance(MINUTE);
        const answer = await refresh(host.url, store.token);
        if (answer.status === 200) store.token = json<TokenResponse>(answer).refresh_token;
        return answer.status;
      };
    }

    it('is of no use to a thief who comes after the owner went on, and shows him', async () => {
      const old = oldTokenOf({ subject: 'alice' });
      const [owner, thief] = [holder(old), holder(old)];
      expect([await owner(), await owner(), await thief(), await owner()]).toEqual([200, 200, 401, 401]);
      expect(host.world.events.at(-1)?.type).toBe('reuse_detected');
    });

    it.each<[string, ('owner' | 'thief')[], number[]]>([
      ['goes on first', ['thief', 'thief', 'owner', 'thief'], [200, 200, 401, 401]],
      ['and the owner take turns', ['thief', 'owner', 'thief', 'owner', 'thief'], [200, 200, 200, 401, 401]],
      ['waits for the owner', ['thief', 'owner', 'owner', 'thief', 'owner'], [200, 200, 200, 401, 401]],
      ['comes between', ['owner', 'thief', 'owner', 'thief', 'owner'], [200, 200, 200, 401, 401]],
    ])('serves a thief for one refresh of the owner at most, where he %s', async (_, turns, expected) => {
      const old = oldTokenOf({ subject: 'alice' });
      const holders = { owner: holder(old), thief: holder(old) };
      const statuses: number[] = [];
      for (const who of turns) statuses.push(await holders[who]());
      expect(statuses).toEqual(expected);
      expect(await host.rows()).toBe(1);
      expect(host.world.events.filter(({ type }) => type === 'reuse_detected')).toHaveLength(1);
    });
  });

  it('starts one session with one successor, however many requests and instances it comes to at once', async () => {
    const other =
      databaseName === 'PostgreSQL' ? await startLegacyHost(database, { options: OPTIONS, clock: host.clock }) : host;
    const asked: string[] = [];
    const events: SessionEvent[] = [];
    for (const { world } of [host, other]) Object.assign(world, { asked, events });
    try {
      for (const round of [1, 2, 3, 4, 5]) {
        const old = oldTokenOf({ subject: `user-${round}` });
        other.world.users.set(old, { subject: `user-${round}` });
        const urls = Array.from({ length: PARALLEL }, (_, at) => (at % 2 === 0 ? host.url : other.url));
        // Nobody is told before several have asked: none of these has seen the session of another.
        let tell = () => {};
        const told = new Promise<void>((done) => (tell = done));
        for (const { world } of [host, other]) world.resolve = (token) => told.then(() => world.lookUp(token));
        const answering = Promise.all(urls.map((url) => refreshed(url, old)));
        await until('several have asked', () => asked.length > 1 || undefined);
        tell();
        const answers = await answering;
        expect(new Set(answers.map(({ refresh_token }) => refresh_token)).size).toBe(1);
        expect(await host.rows()).toBe(round);
        expect(events.filter(({ type }) => type === 'created')).toHaveLength(round);

        expect(new Set(asked.splice(0))).toEqual(new Set([old]));
        host.clock.advance(MINUTE);
        await refreshed(other.url, old);
        expect(asked).toEqual([]);
      }
    } finally {
      if (other !== host) await other.close();
    }
  });

  it('names the same session whatever secrets and databases there are: the id is derived from it', () =>
    withHost({ options: OPTIONS }, async (own) => {
      const old = oldTokenOf({ subject: 'alice' });
      const id = sidOf(await refreshed(host.url, old));
      expect(sidOf(await refreshed(host.url, oldTokenOf({ subject: 'alice' })))).not.toBe(id);
      const { clock } = host;
      clock.advance(MINUTE);

      await host.close();
      const fingerprint = tokenSecret(OPTIONS.refreshToken.secrets[0] as string).fingerprint;
      const secrets = ['another secret, after the first was given up 0123456789'];
      const rolled = withRefreshToken({ secrets, retiredSecrets: [fingerprint] });
      host = await startLegacyHost(own, { ...rolled, clock });
      expect(sidOf(await refreshed(host.url, old))).toBe(id);
      expect(host.world.asked).toEqual([]);

      await withHost(rolled, async () => {
        expect(sidOf(await refreshed(host.url, oldTokenOf({ subject: 'somebody' }, old)))).toBe(id);
      });
    }));

  describe('that the host says is none', () => {
    it('is refused as any other, and leaves nothing behind', async () => {
      for (const old of [
        ...Object.values(oldTokens).map((make) => make()),
        'x',
        'nonsense',
        'rt_short',
        'ü'.repeat(9),
      ]) {
        host.world.asked = [];
        expect(wire(await refresh(host.url, Buffer.from(old).toString('latin1')))).toEqual(REFUSED);
        expect(host.world.asked).toHaveLength(1);
      }
      expect(await host.rows()).toBe(0);
      expect(host.world.events).toEqual([]);
      const reasons = eventsIn(host.log, 'refresh.refused').map(({ reason, session_id }) => [reason, session_id]);
      expect(new Set(reasons.map((each) => JSON.stringify(each)))).toEqual(new Set(['["malformed",null]']));
    });

    it('is asked about whenever it comes, and is good once the host says so', async () => {
      const old = 'a-token-that-was-late';
      expect((await refresh(host.url, old)).status).toBe(401);
      host.world.users.set(old, { subject: 'alice' });
      await refreshed(host.url, old);
      expect(host.world.asked).toEqual([old, old]);
    });
  });

  const resolveFailures: Record<string, () => unknown> = {
    throws: () => {
      throw new Error('The old database is down.');
    },
    rejects: () => Promise.reject(new TypeError('The old database is down.')),
    'throws what is no error': () => {
      // oxlint-disable-next-line typescript/only-throw-error -- as a host may.
      throw 'down';
    },
    'says nothing of the user': () => ({}),
    'names nobody': () => ({ subject: '' }),
    'names a number': () => ({ subject: 7 }),
    'returns a text': () => 'alice',
    'returns a yes': () => true,
    'sets a registered claim': () => ({ subject: 'alice', claims: { sub: 'root' } }),
    'grants a scope that is none': () => ({ subject: 'alice', scope: 'a  b' }),
    'asks to end others by a word': () => ({ subject: 'alice', revokeOthers: 'yes' }),
  };

  it.each(Object.entries(resolveFailures))(
    'is answered 503 where the resolver %s, nothing is written, and it is good later',
    async (_, fail) => {
      const old = oldTokenOf({ subject: 'alice' });
      const { resolve } = host.world;
      host.world.resolve = fail;
      expect(wire(await refresh(host.url, old))).toEqual(UNAVAILABLE);
      expect(wire(await logout(host.url, old))).toEqual(UNAVAILABLE);
      expect(await host.rows()).toBe(0);
      expect(host.world.events).toEqual([]);
      expect(eventsIn(host.log, 'legacy_tokens.failed')).toHaveLength(2);
      expect(eventsIn(host.log, 'request.unavailable').map(({ reason }) => reason)).toEqual([
        'legacy_tokens',
        'legacy_tokens',
      ]);

      host.world.resolve = resolve;
      await refreshed(host.url, old);
    },
  );

  it('is answered 503 where the resolver takes too long, and what it says then starts nothing', () =>
    withHost(withSession({ policyTimeout: '1s' }), async () => {
      const old = oldTokenOf({ subject: 'alice' });
      const { resolve } = host.world;
      let wake = () => {};
      const late = new Promise<IssueOptions>((done) => (wake = () => done({ subject: 'alice' })));
      host.world.resolve = () => late;

      const begun = performance.now();
      expect(wire(await refresh(host.url, old))).toEqual(UNAVAILABLE);
      expect(performance.now() - begun).toBeLessThan(1_000 + limit(700));
      wake();
      await late;
      host.world.resolve = resolve;
      expect(wire(await refresh(host.url, 'another'))).toEqual(REFUSED);
      expect(await host.rows()).toBe(0);
      await refreshed(host.url, old);
    }));

  describe('while the database is away', () => {
    const rename = (from: string, to: string) =>
      host.app.get(DataSource).query(`ALTER TABLE ${from} RENAME TO ${to}`) as Promise<void>;

    it('is answered 503 without asking, and is good later', async () => {
      const old = oldTokenOf({ subject: 'alice' });
      await rename('refresh_token_sessions', 'gone');
      expect(wire(await refresh(host.url, old))).toEqual(UNAVAILABLE);
      expect(wire(await logout(host.url, old))).toEqual(UNAVAILABLE);
      expect(host.world.asked).toEqual([]);
      await rename('gone', 'refresh_token_sessions');
      await refreshed(host.url, old);
    });

    it('is answered 503 where that begins after it was resolved, and is good later', async () => {
      const old = oldTokenOf({ subject: 'alice' });
      const { resolve } = host.world;
      host.world.resolve = async (token) => {
        await rename('refresh_token_sessions', 'gone');
        return resolve(token);
      };
      expect(wire(await refresh(host.url, old))).toEqual(UNAVAILABLE);
      expect(host.world.events).toEqual([]);
      await rename('gone', 'refresh_token_sessions');
      host.world.resolve = resolve;
      await refreshed(host.url, old);
    });
  });

  describe('where the resolver accepts everything', () => {
    let service: RefreshTokenService;
    beforeEach(() => {
      host.world.resolve = () => ({ subject: 'mallory' });
      service = host.app.get(RefreshTokenService);
    });

    it('may be 8 KiB long', async () => {
      await refreshed(host.url, 'x'.repeat(8_192));
    });

    it.each([
      ['over 8 KiB', 'x'.repeat(8_193)],
      ['over 8 KiB in bytes', 'é'.repeat(4_097)],
      ['nothing', ''],
      ['a space', ' '],
      ['blanks', ' \t\r\n '],
      ['no text at all', undefined as never],
    ])('is refused by the service without asking: %s', async (_, text) => {
      await expect(service.refresh(text)).rejects.toBeInstanceOf(InvalidRefreshTokenError);
      await expect(service.refresh(text)).rejects.toMatchObject({ reason: 'malformed', sessionId: undefined });
      // At a logout, none at all is a mistake of the host's.
      if (text) expect(await service.revoke(text)).toBe(false);
      else await expect(service.revoke(text)).rejects.toBeInstanceOf(InvalidRequestError);
      expect(host.world.asked).toEqual([]);
      expect(await host.rows()).toBe(0);
    });

    it('is refused at the endpoint without asking: over 8 KiB, nothing, two words', async () => {
      expect(wire(await refresh(host.url, 'x'.repeat(8_193)))).toEqual(REFUSED);
      expect(wire(await refresh(host.url, ''))).toEqual(MISSING_TOKEN);
      expect(wire(await refresh(host.url, 'two words'))).toEqual(REFUSED);
      expect(host.world.asked).toEqual([]);
    });

    it('is no forged token of the form that the module makes', async () => {
      const session = await service.issue({ subject: 'alice' });
      const [first, last] = [session.refresh_token[3] as string, session.refresh_token.at(-1) as string];
      const otherThan = (letter: string) => (letter === 'A' ? 'B' : 'A');
      const badMac = session.refresh_token.slice(0, -1) + otherThan(last);
      const unknownSecret = `rt_${otherThan(first)}${session.refresh_token.slice(4)}`;
      for (const forged of [badMac, unknownSecret, `rt_${'A'.repeat(60)}`]) {
        expect(wire(await refresh(host.url, forged))).toEqual(REFUSED);
        expect(wire(await logout(host.url, forged))).toEqual(NO_CONTENT);
      }
      expect(host.world.asked).toEqual([]);
      expect(await host.rows()).toBe(1);
      await refreshed(host.url, session.refresh_token);
    });

    it.each([
      ['with a key of its own', () => OPTIONS.accessToken],
      [
        "with the host's secret",
        () => ({ issuer: 'https://app.example.com', algorithm: 'HS256' as const, secret: HOST_SECRET }),
      ],
    ])('is no access token of the module, signed %s', (_, accessToken) =>
      withHost({ options: { ...OPTIONS, accessToken: accessToken() } }, async () => {
        host.world.resolve = () => ({ subject: 'mallory' });
        const { access_token, refresh_token } = await host.app.get(RefreshTokenService).issue({ subject: 'alice' });
        for (const token of [access_token, (await refreshed(host.url, refresh_token)).access_token]) {
          expect(wire(await refresh(host.url, token))).toEqual(REFUSED);
          expect(wire(await logout(host.url, token))).toEqual(NO_CONTENT);
          host.clock.advance(DAY);
          expect(wire(await refresh(host.url, token))).toEqual(REFUSED);
        }
        expect(host.world.asked).toEqual([]);
        expect(await host.rows()).toBe(1);
      }),
    );

    it.each(['at+jwt', 'AT+JWT', 'application/at+jwt'])('is no access token of anybody: typ %s', async (typ) => {
      expect(wire(await refresh(host.url, jwt({ sub: 'alice' }, typ)))).toEqual(REFUSED);
      expect(host.world.asked).toEqual([]);
    });
  });

  it('starts one session whatever way its signature is spelt: a JWT has one text', async () => {
    const old = jwt({ sub: 'alice' });
    // A library that decodes before it compares.
    host.world.resolve = async (token) => {
      const { payload } = await jwtVerify(token, Buffer.from(HOST_SECRET)).catch(() => ({ payload: undefined }));
      return payload ? { subject: String(payload.sub) } : null;
    };
    const second = await refreshed(host.url, old);
    host.clock.advance(MINUTE);
    await refreshed(host.url, second.refresh_token);

    const variants = [...spellingsOf(old), `${old}=`];
    expect(variants.length).toBeGreaterThan(3);
    for (const variant of variants) expect(wire(await refresh(host.url, variant))).toEqual(REFUSED);
    expect(await host.rows()).toBe(1);
  });

  describe.each(['ES256', 'ES384', 'ES512'] as const)('that is a JWT with %s', (alg) => {
    it('is one token, whichever of its two good signatures it has: a thief starts no session with the other', async () => {
      const { publicKey, privateKey } = await generateKeyPair(alg);
      const old = await new SignJWT({}).setProtectedHeader({ alg }).setSubject('alice').sign(privateKey);
      const other = flipped(old);
      host.world.resolve = async (token) => {
        const { payload } = await jwtVerify(token, publicKey).catch(() => ({ payload: undefined }));
        return payload ? { subject: String(payload.sub) } : null;
      };
      expect(await host.world.resolve(other)).toEqual({ subject: 'alice' });

      const second = await refreshed(host.url, old);
      // Within the leeway it is the same token, and has the same successor.
      expect((await refreshed(host.url, other)).refresh_token).toBe(second.refresh_token);
      host.clock.advance(MINUTE);
      await refreshed(host.url, second.refresh_token);
      host.clock.advance(MINUTE);

      expect(wire(await refresh(host.url, other))).toEqual(REFUSED);
      expect(await endOf(host.app, sidOf(second))).toMatchObject({ reason: 'reuse' });
      expect(await host.rows()).toBe(1);
    });

    it('ends its session at a logout with either', async () => {
      const { privateKey } = await generateKeyPair(alg);
      const old = await new SignJWT({}).setProtectedHeader({ alg }).setSubject('alice').sign(privateKey);
      host.world.resolve = () => ({ subject: 'alice' });
      const second = await refreshed(host.url, old);
      expect(wire(await logout(host.url, flipped(old)))).toEqual(NO_CONTENT);
      expect(wire(await refresh(host.url, second.refresh_token))).toEqual(REFUSED);
      expect(await host.rows()).toBe(1);
    });
  });

  describe('at logout', () => {
    it('ends the session that it would have started', async () => {
      const old = oldTokenOf({ subject: 'alice' });
      expect(wire(await logout(host.url, old))).toEqual(NO_CONTENT);
      for (const wait of [0, MINUTE, DAY]) {
        host.clock.advance(wait);
        expect(wire(await refresh(host.url, old))).toEqual(REFUSED);
      }
      expect(host.world.asked).toEqual([old]);
      expect(wire(await logout(host.url, old))).toEqual(NO_CONTENT);
      expect(host.world.events).toContainEqual(expect.objectContaining({ type: 'ended', reason: 'logout' }));
    });

    it('ends the session that it has started, with its successors', async () => {
      const old = oldTokenOf({ subject: 'alice' });
      const { refresh_token } = await refreshed(host.url, old);
      expect(wire(await logout(host.url, old))).toEqual(NO_CONTENT);
      for (const token of [old, refresh_token]) expect(wire(await refresh(host.url, token))).toEqual(REFUSED);
    });

    it('ends nothing where the host says it is none', async () => {
      expect(wire(await logout(host.url, 'nonsense'))).toEqual(NO_CONTENT);
      expect(await host.rows()).toBe(0);
      expect(await host.app.get(RefreshTokenService).revoke('nonsense')).toBe(false);
    });

    it.each([false, true])('ends no other session, though a login would: revokeOthers %s', (revokeOthers) =>
      withHost(withSession({ maxSessionsPerSubject: 1 }), async () => {
        const here = await host.app.get(RefreshTokenService).issue({ subject: 'alice' });
        host.clock.advance(MINUTE);
        expect(wire(await logout(host.url, oldTokenOf({ subject: 'alice', revokeOthers })))).toEqual(NO_CONTENT);
        expect((await refresh(host.url, here.refresh_token)).status).toBe(200);
      }),
    );
  });

  describe("at a route of the host's own with RefreshTokenGuard", () => {
    const visit = (token: string): Promise<Answer> =>
      call(`${host.url}/device`, { method: 'GET', headers: bearer(token) });

    it('is let through when the resolver says so, and names its session', async () => {
      const old = oldTokenOf({ subject: 'alice' });
      const visited = await visit(old);
      expect(visited.status).toBe(200);
      expect(json<{ session: string }>(visited).session).toBe(sidOf(await refreshed(host.url, old)));
      expect(host.world.asked).toEqual([old]);
    });

    it('is stopped when it says no, or nothing', async () => {
      const refused = await visit('nonsense');
      expect([refused.status, refused.text]).toEqual([401, '{"error":"invalid_refresh_token"}']);
      expect(refused.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
      host.world.resolve = () => Promise.reject(new Error('down'));
      const unavailable = await visit('nonsense');
      expect([unavailable.status, unavailable.text]).toEqual([503, '{"error":"temporarily_unavailable"}']);
      expect(unavailable.headers['retry-after']).toBe('5');
      expect(await host.rows()).toBe(0);
    });
  });

  it('starts a session that counts as a login: the oldest beyond the limit ends', () =>
    withHost(withSession({ maxSessionsPerSubject: 2 }), async () => {
      const logins: string[] = [];
      for (const _ of [1, 2]) {
        logins.push((await host.app.get(RefreshTokenService).issue({ subject: 'alice' })).refresh_token);
        host.clock.advance(MINUTE);
      }
      const bystander = await host.app.get(RefreshTokenService).issue({ subject: 'bob' });
      const adopted = await refreshed(host.url, oldTokenOf({ subject: 'alice' }));
      host.clock.advance(MINUTE);
      const tokens = [...logins, adopted.refresh_token, bystander.refresh_token];
      const statuses = await Promise.all(tokens.map((token) => refresh(host.url, token)));
      expect(statuses.map(({ status }) => status)).toEqual([401, 200, 200, 200]);
      expect(host.world.events).toContainEqual(expect.objectContaining({ type: 'ended', reason: 'limit' }));
    }));

  it('ends the others where the resolver says so, once', async () => {
    const { refresh_token: before } = await host.app.get(RefreshTokenService).issue({ subject: 'alice' });
    const { refresh_token: bystander } = await host.app.get(RefreshTokenService).issue({ subject: 'bob' });
    const old = oldTokenOf({ subject: 'alice', revokeOthers: true });
    await refreshed(host.url, old);
    expect((await refresh(host.url, before)).status).toBe(401);
    expect((await refresh(host.url, bystander)).status).toBe(200);

    const { refresh_token: after } = await host.app.get(RefreshTokenService).issue({ subject: 'alice' });
    host.clock.advance(MINUTE);
    await refreshed(host.url, old);
    expect((await refresh(host.url, after)).status).toBe(200);
  });

  it('lives as long as a session that began when it was adopted', () =>
    withHost(withRefreshToken({ idleTtl: '2d', absoluteTtl: '3d' }), async () => {
      const [idle, old] = [oldTokenOf({ subject: 'alice' }), oldTokenOf({ subject: 'alice' })];
      host.clock.advance(30 * DAY);
      await refreshed(host.url, idle);
      let { refresh_token: token, refresh_expires_in } = await refreshed(host.url, old);
      expect(refresh_expires_in).toBe((2 * DAY) / SECOND);
      host.clock.advance(2 * DAY - MINUTE);
      ({ refresh_token: token, refresh_expires_in } = await refreshed(host.url, token));
      expect(refresh_expires_in).toBe((DAY + MINUTE) / SECOND);
      host.clock.advance(MINUTE);
      expect(wire(await refresh(host.url, idle))).toEqual(REFUSED);
      host.clock.advance(DAY);
      for (const each of [token, old, idle]) expect(wire(await refresh(host.url, each))).toEqual(REFUSED);
      expect(host.world.asked).toEqual([idle, old]);
      expect(await host.rows()).toBe(2);
    }));

  it('is refused as malformed by a host that takes none', () =>
    withHost({ extras: { legacyTokens: undefined } }, async () => {
      for (const old of Object.values(oldTokens).map((make) => oldTokenOf({ subject: 'alice' }, make()))) {
        expect(wire(await refresh(host.url, old))).toEqual(REFUSED);
        expect(wire(await logout(host.url, old))).toEqual(NO_CONTENT);
      }
      expect(eventsIn(host.log, 'refresh.refused').map(({ reason }) => reason)).toEqual(['malformed', 'malformed']);
      expect(host.world.asked).toEqual([]);
      expect(await host.rows()).toBe(0);
    }));

  it('leaves nothing of its text in log, events, errors and database', async () => {
    const olds = Object.values(oldTokens).map((make) => oldTokenOf({ subject: 'alice' }, make()));
    const quoting: Record<string, (token: string) => unknown> = {
      error: (token) => Promise.reject(Object.assign(new Error(`no ${token}`), { token, cause: token })),
      text: (token) => {
        // oxlint-disable-next-line typescript/only-throw-error -- as a host may.
        throw token;
      },
      claims: (token) => ({ subject: 'alice', claims: { iss: token } }),
      scope: (token) => ({ subject: 'alice', scope: `"${token}` }),
    };
    const { resolve } = host.world;
    const answers: Answer[] = [];
    const thrown: unknown[] = [];
    for (const old of olds) {
      for (const quote of [...Object.values(quoting), () => null]) {
        host.world.resolve = quote;
        answers.push(await refresh(host.url, old), await logout(host.url, old));
        thrown.push(
          await host.app
            .get(RefreshTokenService)
            .refresh(old)
            .catch((error: unknown) => error),
        );
      }
      host.world.resolve = resolve;
      const { refresh_token } = await refreshed(host.url, old);
      host.clock.advance(MINUTE);
      await refreshed(host.url, old);
      host.clock.advance(MINUTE);
      answers.push(await refresh(host.url, refresh_token), await refresh(host.url, old), await refresh(host.url, old));
    }
    expect(host.log.length).toBeGreaterThan(20);
    expect(thrown.every((error) => error instanceof Error)).toBe(true);
    expect(host.world.events.length).toBeGreaterThan(6);

    const shown = [...host.log, JSON.stringify([host.world.events, answers]), ...thrown.map(everythingOf)].join('\n');
    const atRest = (await dump(database)).toString('latin1');
    expect(atRest).toContain('alice');
    const traces = olds.flatMap(piecesOf).filter((piece) => shown.includes(piece) || atRest.includes(piece));
    expect(traces).toEqual([]);
  });
});

describeOnEachDatabase('The owner of an old refresh token', (databaseName) => {
  describe.each([LEEWAY, 0])('with a leeway of %d ms', (leeway) => {
    let database: TestDatabase;
    let host: LegacyHost;
    beforeAll(async () => {
      database = await createDatabase(databaseName);
      const refreshToken = { ...OPTIONS.refreshToken, leeway: leeway / SECOND };
      host = await startLegacyHost(database, { options: { ...OPTIONS, refreshToken } });
    });
    afterAll(async () => {
      await host.close();
      await database.drop();
    });

    it('is never refused, whatever is lost and however long it takes', async () => {
      const wait = fc.constantFrom(0, 1, ...(leeway > 0 ? [leeway - 1] : []), leeway, leeway + 1, MINUTE, DAY);
      const action = fc.oneof(
        { weight: 3, arbitrary: fc.constant('refresh' as const) },
        { weight: 3, arbitrary: fc.constant('loseAnswer' as const) },
        { weight: 1, arbitrary: fc.constant('failToResolve' as const) },
        { weight: 1, arbitrary: fc.constant('twoTabs' as const) },
      );
      const steps = fc.array(fc.record({ wait, action }), { minLength: 1, maxLength: 10, size: 'max' });
      await fc.assert(
        fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 2, size: 'max' }), async (lives) => {
          const rowsBefore = await host.rows();
          for (const life of lives) await live(life);
          expect(await host.rows()).toBe(rowsBefore + lives.length);
        }),
        { numRuns: databaseName === 'SQLite' ? 40 : 20 },
      );
    });

    async function live(
      steps: { wait: number; action: 'refresh' | 'loseAnswer' | 'failToResolve' | 'twoTabs' }[],
    ): Promise<void> {
      const old = randomBytes(24).toString('base64url');
      host.world.users.set(old, { subject: 'alice' });
      const store = { refreshToken: old };
      const sids = new Set<string>();
      const send = async (token: string) => {
        const answer = await refresh(host.url, token);
        if (answer.status === 200) sids.add(sidOf(json<TokenResponse>(answer)));
        return answer;
      };
      const client = new HonestClient(store, send);
      for (const { wait, action } of steps) {
        host.clock.advance(wait);
        const { resolve } = host.world;
        if (action === 'loseAnswer') expect((await send(store.refreshToken)).status).toBe(200);
        else if (action === 'twoTabs') {
          const tabs = await Promise.all([send(store.refreshToken), send(store.refreshToken)]);
          expect(tabs.map(({ status }) => status)).toEqual([200, 200]);
        } else if (action === 'failToResolve') {
          host.world.resolve = () => Promise.reject(new Error('down'));
          const { status } = await send(store.refreshToken);
          host.world.resolve = resolve;
          expect(status).toBe(sids.size === 0 ? 503 : 200);
        } else expect(await client.refresh()).toMatchObject({ outcome: 'refreshed' });
      }
      expect(await client.refresh()).toMatchObject({ outcome: 'refreshed' });
      expect(sids.size).toBe(1);
      expect(await endOf(host.app, [...sids][0] as string)).toBeNull();
      expect(host.world.asked.filter((token) => token === old).length).toBeGreaterThan(0);
    }
  });
});

/** A JWT of the host's, HS256. */
function jwt(claims: object, typ = 'JWT'): string {
  const encoded = [{ alg: 'HS256', typ }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  const input = encoded.join('.');
  return `${input}.${createHmac('sha256', HOST_SECRET).update(input).digest('base64url')}`;
}

/** Other texts of a JWT whose signature has the same bytes: the last character has bits to spare. */
function spellingsOf(token: string): string[] {
  const bytes = signatureOf(token);
  return [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
    .map((last) => token.slice(0, -1) + last)
    .filter((spelling) => spelling !== token && signatureOf(spelling).equals(bytes));
}

/** The orders of the curves (SEC 2). */
const ORDERS: Record<string, bigint> = {
  ES256: 115792089210356248762697446949407573529996955224135760342422259061068512044369n,
  ES384:
    39402006196394479212279040100143613805079739270465446667946905279627659399113263569398956308152294913554433653942643n,
  ES512:
    6864797660130609714981900799081393217269435300143305409394463459185543183397655394245057746333217197532963996371363321113864768612440380340372808892707005449n,
};

/** The same JWT with the other good signature: (r, n - s) for (r, s). */
function flipped(token: string): string {
  const signature = signatureOf(token);
  const size = signature.length / 2;
  const order = ORDERS[String(decodeProtectedHeader(token).alg)] as bigint;
  const s = order - BigInt(`0x${signature.subarray(size).toString('hex')}`);
  const other = Buffer.from(s.toString(16).padStart(2 * size, '0'), 'hex');
  const input = token.slice(0, token.lastIndexOf('.'));
  return `${input}.${Buffer.concat([signature.subarray(0, size), other]).toString('base64url')}`;
}

function signatureOf(token: string): Buffer {
  return Buffer.from(token.split('.')[2] as string, 'base64url');
}

function sidOf({ access_token }: TokenResponse): string {
  return String(decodeJwt(access_token)['sid']);
}

/** A token's parts that say something: a JWT's, and the halves of each. */
function piecesOf(token: string): string[] {
  return token
    .split('.')
    .flatMap((part) => [part, part.slice(0, part.length / 2), part.slice(part.length / 2)])
    .filter((piece) => piece.length >= 16);
}

function everythingOf(error: unknown): string {
  const { stack, cause, ...others } = error as Error;
  return JSON.stringify([stack, String(cause), others]);
}
