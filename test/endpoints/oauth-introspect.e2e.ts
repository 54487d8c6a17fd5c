import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { OAuthController, RefreshTokenController, RefreshTokenService, SessionService } from 'nest-refresh-token';
import { DataSource } from 'typeorm';
import { SessionStore } from '../../src/auth/session/session.store.js';
import { createDatabase, describeOnEachDatabase } from '../support/databases/databases.js';
import { forgedAccessTokens } from '../support/http/forged-access-tokens.js';
import { provided, startGuardedHost, type GuardedHost } from '../support/hosts/guarded-host.js';
import { hostOptions } from '../support/hosts/host.js';
import { bearer, call, json, logout, refresh, refreshed, signIn, type Answer } from '../support/http/http.js';
import { withInstance } from '../support/servers/instances.js';
import { decoded } from '../support/http/jwt.js';
import { startLegacyHost, type LegacyHost } from '../support/hosts/legacy-host.js';
import { eventsIn } from '../support/servers/log.js';
import {
  basic,
  exchanged,
  FORM_TYPE,
  INACTIVE,
  INVALID_BEARER_CLIENT,
  INVALID_CLIENT,
  introspect,
  oauthError,
  postForm,
} from '../support/http/oauth.js';
import { postRaw } from '../support/http/raw-http.js';
import { refusedTokens, REFUSING } from '../support/http/refused-tokens.js';
import { serviceForEachTest, serviceForTheSuite, withService } from '../support/servers/running-service.js';
import { ISSUER, SERVICE_KEY, type TestService } from '../support/servers/service.js';
import { signInWith } from '../support/http/session-calls.js';
import { endOf, loseSession, restoreSession, sessionRow } from '../support/databases/session-rows.js';
import { signing } from '../support/http/signing.js';
import { DAY, HOUR, MINUTE, SECOND } from '../support/test-clock.js';
import { json as jsonAnswer, NOT_FOUND, SERVER_ERROR, TOO_LARGE, UNAVAILABLE, wire } from '../support/http/wire.js';
import { DEADLINE } from '../support/time.js';

type Introspection = Record<string, unknown>;

/** What is told of a token, which must be answered. */
async function told(url: string, token: string): Promise<Introspection> {
  const answer = await introspect(url, token);
  const { status, headers } = jsonAnswer(200, '');
  expect(wire(answer)).toEqual({ status, headers, text: answer.text });
  return json<Introspection>(answer);
}

async function expectInactive(url: string, token: string): Promise<void> {
  expect(wire(await introspect(url, token))).toEqual(INACTIVE);
}

/** Runs `work`, and proves that it has changed nothing in the session's row, and left nothing in the log. */
async function withoutATrace<T>({ app, log }: TestService, id: string, work: () => Promise<T>): Promise<T> {
  const before = await sessionRow(app, id);
  const logged = log.length;
  const result = await work();
  expect(before).not.toBeNull();
  expect(await sessionRow(app, id)).toEqual(before);
  expect(log.slice(logged)).toEqual([]);
  return result;
}

describeOnEachDatabase('POST /oauth/introspect', (databaseName) => {
  const running = serviceForTheSuite(databaseName, { ACCESS_TOKEN_TTL: '10m' });

  describe('of a good access token', () => {
    it('tells its claims, that it is active, and its type, and nothing else', async () => {
      const { url, clock } = running.service;
      const { access_token, session_id } = await signIn(url);
      const now = clock.now() / SECOND;
      expect(await told(url, access_token)).toEqual({
        active: true,
        token_type: 'Bearer',
        iss: ISSUER,
        sub: 'alice',
        aud: ISSUER,
        exp: now + 600,
        iat: now,
        jti: expect.stringMatching(/^[\w-]{22}$/),
        sid: session_id,
        auth_time: now,
      });
    });

    it('tells client, scope and the host’s own claims where it has them', async () => {
      const { url } = running.service;
      const claims = { tenant: 7, roles: ['admin'], username: 'Alice' };
      const session = await signInWith(url, { subject: 'alice', client_id: 'web', scope: 'read write', claims });
      expect(await told(url, session.access_token)).toEqual({
        ...decoded(session.access_token).claims,
        ...claims,
        client_id: 'web',
        scope: 'read write',
        active: true,
        token_type: 'Bearer',
      });
    });

    it('tells the scope of this one token where it was narrowed', async () => {
      const { url } = running.service;
      const session = await signInWith(url, { subject: 'alice', scope: 'read write' });
      const narrowed = await exchanged(url, session.refresh_token, { scope: 'read' });
      expect(await told(url, narrowed.access_token)).toMatchObject({ active: true, scope: 'read' });
      expect(await told(url, narrowed.refresh_token)).toMatchObject({ active: true, scope: 'read write' });
    });

    it.each<[string, object]>([
      ['say that it is not active', { active: false }],
      ['say another type', { token_type: 'refresh_token' }],
      ['say both, of other kinds', { active: null, token_type: ['N_A'] }],
    ])('is not taken in by claims that %s', async (_, claims) => {
      const { url } = running.service;
      const session = await signInWith(url, { subject: 'alice', claims });
      expect(await told(url, session.access_token)).toMatchObject({ active: true, token_type: 'Bearer' });
    });

    it('is inactive at its end, to the second, and in any case once its session is over', async () => {
      const { url, clock } = running.service;
      const [expiring, ended] = [await signIn(url), await signIn(url)];
      clock.advance(10 * MINUTE - SECOND);
      expect(await told(url, expiring.access_token)).toMatchObject({ active: true });
      expect(await told(url, ended.access_token)).toMatchObject({ active: true });
      await logout(url, ended.refresh_token);
      await expectInactive(url, ended.access_token);
      clock.advance(SECOND);
      await expectInactive(url, expiring.access_token);
    });

    it('is inactive where it says of itself that it is active, and its session is over', async () => {
      const { url } = running.service;
      const session = await signInWith(url, { subject: 'alice', claims: { active: true, token_type: 'Bearer' } });
      await logout(url, session.refresh_token);
      await expectInactive(url, session.access_token);
    });

    it('is inactive where its session’s row was lost', async () => {
      const { url, app } = running.service;
      const session = await signIn(url);
      await loseSession(app, session.session_id);
      await expectInactive(url, session.access_token);
    });
  });

  describe('of a good refresh token', () => {
    it('tells whose it is, since when and until when, and nothing else', async () => {
      const { service } = running;
      const { url, clock } = service;
      const { refresh_token, session_id } = await signIn(url);
      const now = clock.now() / SECOND;
      clock.advance(HOUR);
      await withoutATrace(service, session_id, async () => {
        expect(await told(url, refresh_token)).toEqual({
          active: true,
          iss: ISSUER,
          sub: 'alice',
          aud: ISSUER,
          exp: now + 30 * 86_400,
          iat: now,
          sid: session_id,
        });
      });
    });

    it('tells client and scope where the session has them, as they are now, and none of the host’s claims', async () => {
      const { url, app } = running.service;
      const subject = 'who is told of';
      const claims = { active: false, tenant: 7 };
      const session = await signInWith(url, { subject, client_id: 'web', scope: 'read', claims });
      await app.get(SessionService).update(subject, { scope: 'read write' });
      const introspection = await told(url, session.refresh_token);
      expect(introspection).toMatchObject({ active: true, client_id: 'web', scope: 'read write' });
      const members = ['active', 'aud', 'client_id', 'exp', 'iat', 'iss', 'scope', 'sid', 'sub'];
      expect(new Set(Object.keys(introspection))).toEqual(new Set(members));
    });

    it('uses nothing up, however often it is asked, and whatever the hint is', async () => {
      const { service } = running;
      const { url } = service;
      const session = await signIn(url);
      await withoutATrace(service, session.session_id, async () => {
        for (const hint of ['refresh_token', 'access_token', 'x', '']) {
          const form = { token: session.refresh_token, token_type_hint: hint };
          const answer = await postForm(`${url}/oauth/introspect`, form, bearer(SERVICE_KEY));
          expect(json(answer)).toMatchObject({ active: true });
          const other = { token: session.access_token, token_type_hint: hint };
          expect(json(await postForm(`${url}/oauth/introspect`, other, bearer(SERVICE_KEY)))).toMatchObject({
            active: true,
          });
        }
      });
      await refreshed(url, session.refresh_token);
    });

    it('is active for the used token and its child, and tells when each was minted', async () => {
      const { service } = running;
      const { url, clock } = service;
      const session = await signIn(url);
      const first = clock.now();
      clock.advance(DAY);
      const { refresh_token } = await refreshed(url, session.refresh_token);
      const second = clock.now();
      for (const ahead of [0, 9 * SECOND, MINUTE]) {
        clock.set(second + ahead);
        await withoutATrace(service, session.session_id, async () => {
          const exp = (second + 30 * DAY) / SECOND;
          const used = await told(url, session.refresh_token);
          expect(used).toMatchObject({ active: true, iat: first / SECOND, exp });
          expect(await told(url, refresh_token)).toMatchObject({ active: true, iat: second / SECOND, exp });
        });
      }
    });

    it('tells an end that is never past the absolute one', async () => {
      const { url, clock } = running.service;
      const session = await signIn(url);
      const end = (clock.now() + 365 * DAY) / SECOND;
      let token = session.refresh_token;
      for (let month = 0; month < 13; month += 1) {
        clock.advance(27 * DAY);
        ({ refresh_token: token } = await refreshed(url, token));
      }
      expect(await told(url, token)).toMatchObject({ active: true, exp: end });
      clock.set(end * SECOND);
      await expectInactive(url, token);
    });

    it('that is newer than its row tells an end that is still to come', async () => {
      const { url, app, clock } = running.service;
      const session = await signIn(url);
      const row = await sessionRow(app, session.session_id);
      clock.advance(20 * DAY);
      const { refresh_token } = await refreshed(url, session.refresh_token);
      const mintedAt = clock.now();
      await loseSession(app, session.session_id);
      await restoreSession(app, row);
      clock.advance(20 * DAY);

      const exp = (mintedAt + 30 * DAY) / SECOND;
      expect(await told(url, refresh_token)).toMatchObject({ active: true, iat: mintedAt / SECOND, exp });
      await expectInactive(url, session.refresh_token);
      clock.set(exp * SECOND);
      await expectInactive(url, refresh_token);
    });

    it('that is newer than its row tells no end past the absolute one either', async () => {
      const { url, app, clock } = running.service;
      const session = await signIn(url);
      const end = (clock.now() + 365 * DAY) / SECOND;
      let token = session.refresh_token;
      let row = await sessionRow(app, session.session_id);
      for (let month = 0; month < 13; month += 1) {
        clock.advance(27 * DAY);
        row = await sessionRow(app, session.session_id);
        ({ refresh_token: token } = await refreshed(url, token));
      }
      await loseSession(app, session.session_id);
      await restoreSession(app, row);
      expect(await told(url, token)).toMatchObject({ active: true, exp: end });
    });
  });

  it('of a token that was displaced tells nothing, and the session goes on', async () => {
    const { service } = running;
    const { url, clock, app } = service;
    const session = await signIn(url);
    const second = await refreshed(url, session.refresh_token);
    clock.advance(MINUTE);
    const third = await refreshed(url, second.refresh_token);
    for (const ahead of [0, MINUTE]) {
      clock.advance(ahead);
      await withoutATrace(service, session.session_id, () => expectInactive(url, session.refresh_token));
    }
    expect(await told(url, third.refresh_token)).toMatchObject({ active: true });
    await refreshed(url, third.refresh_token);
    expect(await endOf(app, session.session_id)).toBeNull();
    expect(eventsIn(service.log, 'session.reuse_detected')).toEqual([]);
  });

  it('of a refresh token whose row was lost is 503, and told apart in the log', async () => {
    const { url, app, log } = running.service;
    const { refresh_token, session_id } = await signIn(url);
    await loseSession(app, session_id);
    expect(wire(await introspect(url, refresh_token))).toEqual(UNAVAILABLE);
    expect(eventsIn(log, 'session_lost')).toContainEqual({ event: 'session_lost', session_id });
    expect(await sessionRow(app, session_id)).toBeNull();
  });

  it('is 503 where the database can’t answer: nobody is told that a good token is not active', async () => {
    const { url, app } = running.service;
    const session = await signIn(url);
    const database = app.get(DataSource);
    await database.query('ALTER TABLE refresh_token_sessions RENAME TO elsewhere');
    for (const token of [session.refresh_token, session.access_token]) {
      expect(wire(await introspect(url, token))).toEqual(UNAVAILABLE);
    }
    // What is no token of ours needs no database.
    await expectInactive(url, 'nonsense');
    await database.query('ALTER TABLE elsewhere RENAME TO refresh_token_sessions');
    for (const token of [session.refresh_token, session.access_token]) {
      expect(await told(url, token)).toMatchObject({ active: true });
    }
  });
});

describeOnEachDatabase('The emergency brake', (databaseName) => {
  const running = serviceForTheSuite(databaseName);

  it('makes earlier sessions inactive at POST /oauth/introspect, and changes none of them', async () => {
    const { url, clock } = running.service;
    const session = await signIn(url);
    clock.advance(MINUTE);
    await withInstance(running, { SESSIONS_NOT_BEFORE: new Date(clock.now()).toISOString() }, async (braked) => {
      await withoutATrace(braked, session.session_id, async () => {
        await expectInactive(braked.url, session.refresh_token);
        await expectInactive(braked.url, session.access_token);
      });
      const later = await signIn(braked.url);
      expect(await told(braked.url, later.access_token)).toMatchObject({ active: true });
    });
    expect(await told(url, session.refresh_token)).toMatchObject({ active: true });
  });
});

describeOnEachDatabase('A token that is not good, at POST /oauth/introspect', (databaseName) => {
  const running = serviceForTheSuite(databaseName, REFUSING);

  it.each(Object.entries(refusedTokens).filter(([name]) => name !== 'an access token'))(
    'is not active and nothing else, and changes nothing: %s',
    async (_, make) => {
      const { service } = running;
      const { token, session } = await make(service);
      const id = session?.session_id ?? '';
      const before = await sessionRow(service.app, id === '' ? '00000000-0000-4000-8000-000000000000' : id);
      const logged = service.log.length;
      await expectInactive(service.url, token);
      await expectInactive(service.url, token);
      expect(service.log.slice(logged)).toEqual([]);
      if (session) expect(await sessionRow(service.app, id)).toEqual(before);
    },
  );
});

describe('An access token that was forged, at POST /oauth/introspect', () => {
  const keys = signing('ES256');
  let host: GuardedHost;
  let good: string;

  beforeAll(async () => {
    host = await startGuardedHost({
      options: { accessToken: keys.options, serviceKeys: [SERVICE_KEY] },
      extras: { controllers: [OAuthController] },
    });
    good = (await provided(host, RefreshTokenService).issue({ subject: 'alice' })).access_token;
    expect(await told(host.url, good)).toMatchObject({ active: true, sub: 'alice' });
  });
  afterAll(() => host?.close());

  it.each(forgedAccessTokens('ES256'))('is not active and nothing else: $name', async ({ make }) => {
    await expectInactive(host.url, make(good, keys));
  });
});

describeOnEachDatabase('A refresh token of the time before, at POST /oauth/introspect', (databaseName) => {
  const OLD = 'an-old-refresh-token-of-the-host';
  let host: LegacyHost;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await createDatabase(databaseName);
    ({ drop } = database);
    host = await startLegacyHost(database, {
      options: { ...hostOptions(), serviceKeys: [SERVICE_KEY] },
      extras: { controllers: [RefreshTokenController, OAuthController] },
    });
  });
  beforeEach(() => host.reset());
  afterAll(async () => {
    await host?.close();
    await drop();
  });

  it('is not ours to tell of: nobody is asked, and no session begins for it', async () => {
    host.world.users.set(OLD, { subject: 'alice' });
    await expectInactive(host.url, OLD);
    expect(host.world.asked).toEqual([]);
    expect(host.world.events).toEqual([]);
    expect(await host.rows()).toBe(0);

    // Nor is it used up.
    const { refresh_token } = await exchangedOnce();
    expect(await told(host.url, refresh_token)).toMatchObject({ active: true, sub: 'alice' });
    expect(await host.rows()).toBe(1);
  });

  async function exchangedOnce() {
    expect((await refresh(host.url, OLD)).status).toBe(200);
    return exchanged(host.url, OLD);
  }
});

describe('A caller of POST /oauth/introspect', () => {
  const KEYS = [
    SERVICE_KEY,
    'key+with%41+and&more=of:it:0123',
    ':;%%%25%2525+++&&&===???###"0123',
    '0123456789!#$%&()*+-./:;<=>?@[]^`{|}~',
  ];
  const running = serviceForTheSuite('SQLite', { SERVICE_KEYS: KEYS.join(',') });
  let token: string;

  beforeAll(async () => {
    token = (await signIn(running.service.url)).refresh_token;
  });

  function asked(headers: Record<string, string>): Promise<Answer> {
    return introspect(running.service.url, token, headers);
  }

  /** As `application/x-www-form-urlencoded` has it (RFC 6749 §2.3.1, appendix B). */
  function encoded(text: string): string {
    return new URLSearchParams({ x: text }).toString().slice(2);
  }

  describe.each(KEYS)('with the service key %j', (key) => {
    it('is let in where it is the bearer token, in any spelling of the scheme', async () => {
      expect(json(await asked(bearer(key)))).toMatchObject({ active: true });
      expect(json(await asked({ Authorization: `bEARER ${key}` }))).toMatchObject({ active: true });
    });

    it.each(['', 'api', 'web app', 'ä', 'a%3Ab', key.replaceAll(':', '')])(
      'is let in where it is the password of %j',
      async (user) => {
        expect(json(await asked(basic(user, key)))).toMatchObject({ active: true });
        expect(json(await asked(basic(user, encoded(key))))).toMatchObject({ active: true });
        // Some escape only what would be taken for an escape.
        const escaped = key.replaceAll('%', '%25').replaceAll('+', '%2B');
        expect(json(await asked(basic(user, escaped)))).toMatchObject({ active: true });
        expect(json(await asked(basic(encoded(user), encodeURIComponent(key))))).toMatchObject({ active: true });
        const spelled = basic(user, key).Authorization?.replace('Basic', 'bASIC') as string;
        expect(json(await asked({ Authorization: spelled }))).toMatchObject({ active: true });
      },
    );
  });

  it.each<[string, Record<string, string>]>([
    ['another key', bearer('another-key-0123456789-0123')],
    ['its beginning', bearer(SERVICE_KEY.slice(0, -1))],
    ['more than it', bearer(`${SERVICE_KEY}x`)],
    ['it in capitals', bearer(SERVICE_KEY.toUpperCase())],
    ['it twice', bearer(`${SERVICE_KEY} ${SERVICE_KEY}`)],
    ['it form-encoded', bearer(new URLSearchParams({ x: KEYS[1] as string }).toString().slice(2))],
    ['nothing', { Authorization: 'Bearer ' }],
  ])('with a wrong key as Bearer is sent away: %s', async (_, headers) => {
    const answer = await asked(headers);
    // Without anything behind it, Bearer is no Bearer (Node cuts the space off).
    expect(wire(answer)).toEqual(headers['Authorization'] === 'Bearer ' ? INVALID_CLIENT : INVALID_BEARER_CLIENT);
  });

  it.each<[string, Record<string, string>]>([
    ['another key', basic('api', 'another-key-0123456789-0123')],
    ['its beginning', basic('api', SERVICE_KEY.slice(0, -1))],
    ['more than it', basic('api', `${SERVICE_KEY}x`)],
    ['a space before it', basic('api', ` ${SERVICE_KEY}`)],
    ['a line feed behind it', basic('api', `${SERVICE_KEY}\n`)],
    ['it as the user', basic(SERVICE_KEY, '')],
    ['it without a user', { Authorization: `Basic ${Buffer.from(SERVICE_KEY).toString('base64')}` }],
    ['it behind two colons', basic('api', `:${SERVICE_KEY}`)],
    ['nothing', basic('', '')],
    ['no credentials', { Authorization: 'Basic' }],
    ['credentials that are not encoded', { Authorization: `Basic api:${SERVICE_KEY}` }],
    ['credentials twice', { Authorization: `${basic('api', SERVICE_KEY)['Authorization']} x` }],
    ['another alphabet', { Authorization: `Basic ${Buffer.from(`?>?>:${SERVICE_KEY}`).toString('base64url')}` }],
    ['no scheme', { Authorization: SERVICE_KEY }],
    ['another scheme', { Authorization: `Digest ${SERVICE_KEY}` }],
    [
      'another scheme for the same',
      { Authorization: basic('api', SERVICE_KEY)['Authorization']?.replace('Basic', 'Token') as string },
    ],
    ['an empty header', { Authorization: '' }],
    ['half an escape', basic('api', '%')],
    ['an ampersand', basic('api', `x&password=${SERVICE_KEY}`)],
  ])('with a wrong key as Basic, or in no known way, is sent away: %s', async (_, headers) => {
    expect(wire(await asked(headers))).toEqual(INVALID_CLIENT);
  });

  it('with a wrong key leaves a line in the log, without the key; with none it leaves none', async () => {
    const { url, log } = running.service;
    const wrong = 'a-wrong-key-0123456789-0123';
    const before = log.length;
    for (const headers of [bearer(wrong), basic('api', wrong)]) {
      await postForm(`${url}/oauth/introspect`, { token }, { ...headers, 'X-Request-Id': 'wrong-1' });
    }
    expect(wire(await asked({}))).toEqual(INVALID_CLIENT);
    const entries = log.slice(before);
    expect(entries).toHaveLength(2);
    const line = { event: 'service_key.refused', request_id: 'wrong-1' };
    expect(eventsIn(entries, 'service_key.refused')).toEqual([line, line]);
    for (const secret of [wrong, Buffer.from(`api:${wrong}`).toString('base64'), token]) {
      expect(log.join('\n')).not.toContain(secret);
    }
  });

  it('with what a user holds, or with a key where none belongs, is sent away', async () => {
    const { url } = running.service;
    const session = await signIn(url);
    for (const held of [session.refresh_token, session.access_token]) {
      expect(wire(await asked(bearer(held)))).toEqual(INVALID_BEARER_CLIENT);
      expect(wire(await asked(basic('alice', held)))).toEqual(INVALID_CLIENT);
    }
    for (const field of ['client_secret', 'access_token', 'service_key']) {
      const form = { token, client_id: 'api', [field]: SERVICE_KEY };
      expect(wire(await postForm(`${url}/oauth/introspect`, form))).toEqual(INVALID_CLIENT);
    }
  });

  it('is asked for a key before the input is looked at', async () => {
    const { url } = running.service;
    for (const type of [FORM_TYPE, 'application/json', 'text/plain']) {
      const headers = { 'Content-Type': type };
      expect(wire(await call(`${url}/oauth/introspect?token=${token}`, { headers, body: '{}' }))).toEqual(
        INVALID_CLIENT,
      );
    }
  });

  it('may not have two Authorization headers', async () => {
    const { url } = running.service;
    const body = `token=${token}`;
    const lines = [`Authorization: Bearer ${SERVICE_KEY}`, `authorization: Bearer ${SERVICE_KEY}`];
    const form = [`Content-Type: ${FORM_TYPE}`, `Content-Length: ${body.length}`];
    // Whichever of them is good.
    for (const pair of [
      lines,
      ['Authorization: Bearer x', lines[1] as string],
      [lines[0] as string, 'authorization: x'],
    ]) {
      expect(wire(await postRaw(`${url}/oauth/introspect`, [...pair, ...form], body))).toEqual(
        oauthError('invalid_request', 'Authorization: got more than one such header, takes one.'),
      );
    }
  });

  it.each<[string, Record<string, string> | [string, string][], string]>([
    ['no token', {}, 'token: got nothing, takes a token.'],
    ['an empty token', { token: '' }, 'token: got nothing, takes a token.'],
    ['a token by another name', { refresh_token: 'x' }, 'token: got nothing, takes a token.'],
    [
      'two tokens',
      [
        ['token', 'x'],
        ['token', 'y'],
      ],
      'token: got it more than once, takes one.',
    ],
  ])('with a key and %s has sent a bad request', async (_, parameters, description) => {
    const { url } = running.service;
    expect(wire(await postForm(`${url}/oauth/introspect`, parameters, bearer(SERVICE_KEY)))).toEqual(
      oauthError('invalid_request', description),
    );
  });

  it('with a key and a token in the URL, JSON, or too much, has sent a bad request, too', async () => {
    const { url } = running.service;
    const endpoint = `${url}/oauth/introspect`;
    expect(wire(await postForm(`${endpoint}?token=${token}`, { token }, bearer(SERVICE_KEY)))).toEqual(
      oauthError('invalid_request', 'token: got it in the query, takes it in the body.'),
    );
    const headers = { ...bearer(SERVICE_KEY), 'Content-Type': 'application/json' };
    expect(wire(await call(endpoint, { headers, body: JSON.stringify({ token }) }))).toEqual(
      oauthError('invalid_request', 'body: got something else, takes a form (application/x-www-form-urlencoded).'),
    );
    expect(wire(await postForm(endpoint, { token: 'x'.repeat(32 * 1_024) }, bearer(SERVICE_KEY)))).toEqual(TOO_LARGE);
    expect(wire(await call(endpoint, { method: 'GET', headers: bearer(SERVICE_KEY) }))).toEqual(NOT_FOUND);
  });
});

describe('Without service keys, POST /oauth/introspect', () => {
  it('lets nobody in', () =>
    withService('SQLite', { SERVICE_KEYS: '' }, async ({ url, app }) => {
      const { refresh_token } = await app.get(RefreshTokenService).issue({ subject: 'alice' });
      for (const key of ['', 'x', 'undefined', 'null', SERVICE_KEY, refresh_token]) {
        expect((await introspect(url, refresh_token, bearer(key))).status).toBe(401);
        expect(wire(await introspect(url, refresh_token, basic('', key)))).toEqual(INVALID_CLIENT);
      }
      expect(wire(await introspect(url, refresh_token, {}))).toEqual(INVALID_CLIENT);
    }));

  it('lets nobody in at a host either', async () => {
    const host = await startGuardedHost({ extras: { controllers: [OAuthController] } });
    const { refresh_token } = await provided(host, RefreshTokenService).issue({ subject: 'alice' });
    for (const headers of [{}, bearer(SERVICE_KEY), basic('', ''), bearer('undefined')]) {
      expect((await introspect(host.url, refresh_token, headers)).status).toBe(401);
    }
    await host.close();
  });
});

describe('When the service itself fails, POST /oauth/introspect', () => {
  const running = serviceForEachTest('SQLite');

  it('is 500 for a bug, without any detail', async () => {
    const { url, app } = running.service;
    const { refresh_token } = await signIn(url);
    jest.spyOn(app.get(SessionStore), 'find').mockRejectedValue(new TypeError('a private detail'));
    expect(wire(await introspect(url, refresh_token))).toEqual(SERVER_ERROR);
  });

  it('is 503 for a handler over its deadline', async () => {
    const { url, app } = running.service;
    const { refresh_token } = await signIn(url);
    jest.spyOn(app.get(SessionStore), 'find').mockImplementation(() => new Promise(() => undefined));
    const startedAt = performance.now();
    expect(wire(await introspect(url, refresh_token))).toEqual(UNAVAILABLE);
    expect(performance.now() - startedAt).toBeLessThan(DEADLINE);
  });
});
