import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  OAuthController,
  RefreshTokenController,
  RefreshTokenService,
  type ScopedTokenResponse,
  SessionService,
} from 'nest-refresh-token';
import { DataSource } from 'typeorm';
import { AccessTokenIssuer } from '../../src/auth/access-token/access-token.issuer.js';
import { SessionStore } from '../../src/auth/session/session.store.js';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { whileNothingEnds } from '../support/databases/failing-writes.js';
import { provided, startGuardedHost, type GuardedHost } from '../support/hosts/guarded-host.js';
import { bearer, call, json, logout, refresh, refreshed, signIn, type Answer } from '../support/http/http.js';
import type { Host } from '../support/hosts/host.js';
import { withInstance } from '../support/servers/instances.js';
import { decoded } from '../support/http/jwt.js';
import { eventsIn } from '../support/servers/log.js';
import {
  basic,
  exchange,
  exchanged,
  FORM_TYPE,
  INVALID_BEARER_CLIENT,
  INVALID_CLIENT,
  INVALID_GRANT,
  INVALID_SCOPE,
  oauthError,
  postForm,
  tokenResponse,
  type FormParameters,
} from '../support/http/oauth.js';
import { postRaw } from '../support/http/raw-http.js';
import { refusedTokens, REFUSING } from '../support/http/refused-tokens.js';
import { serviceForEachTest, serviceForTheSuite, withService } from '../support/servers/running-service.js';
import { Script, ScriptedPolicy, ScriptModule } from '../support/hosts/scripted-host.js';
import { SERVICE_KEY, type TestService } from '../support/servers/service.js';
import { signInWith } from '../support/http/session-calls.js';
import { endOf, loseSession, sessionRow } from '../support/databases/session-rows.js';
import { DAY, MINUTE, SECOND } from '../support/test-clock.js';
import {
  invalidRequest,
  NOT_FOUND,
  NOT_WHAT_ITS_TYPE_SAYS,
  SERVER_ERROR,
  TOO_LARGE,
  UNAVAILABLE,
  wire,
} from '../support/http/wire.js';
import { DEADLINE } from '../support/time.js';

const PARALLEL = 20;
const LEEWAY = 10 * SECOND;

function claimsOf({ access_token }: { access_token: string }): Record<string, unknown> {
  return decoded(access_token).claims;
}

/** Runs `work`, and proves that it has changed nothing in the session's row. */
async function withoutAChange<T>({ app }: Pick<Host, 'app'>, id: string, work: () => Promise<T>): Promise<T> {
  const before = await sessionRow(app, id);
  const result = await work();
  expect(before).not.toBeNull();
  expect(await sessionRow(app, id)).toEqual(before);
  return result;
}

/** A session of which two tokens were used, a leeway apart: its first one is dead, and was not presented since. */
async function displaced({ url, clock }: TestService, body: object = {}) {
  const session = await signInWith(url, { subject: 'alice', ...body });
  const second = await refreshed(url, session.refresh_token);
  clock.advance(MINUTE);
  const third = await refreshed(url, second.refresh_token);
  clock.advance(MINUTE);
  return { id: session.session_id, first: session.refresh_token, newest: third.refresh_token };
}

describeOnEachDatabase('POST /oauth/token', (databaseName) => {
  const running = serviceForTheSuite(databaseName);

  describe('with a good refresh token', () => {
    it('answers exactly what RFC 6749 §5.1 has, in its order, and no scope where the session has none', async () => {
      const { url, clock, app } = running.service;
      const session = await signIn(url);
      clock.advance(MINUTE);

      const answer = await exchange(url, session.refresh_token);

      const tokens = json<ScopedTokenResponse>(answer);
      expect(tokens).toEqual({
        access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]{86}$/),
        token_type: 'Bearer',
        expires_in: 3_600,
        refresh_token: expect.stringMatching(/^rt_[\w-]{60}$/),
        refresh_expires_in: 30 * 86_400,
      });
      const { access_token, token_type, expires_in, refresh_token, refresh_expires_in } = tokens;
      const inOrder = JSON.stringify({ access_token, token_type, expires_in, refresh_token, refresh_expires_in });
      expect(wire(answer)).toEqual(tokenResponse(inOrder));
      expect(refresh_token).not.toBe(session.refresh_token);
      expect(claimsOf(tokens)).toMatchObject({ sub: 'alice', sid: session.session_id });
      expect(claimsOf(tokens)).not.toHaveProperty('scope');
      expect(Number((await sessionRow(app, session.session_id))?.issued)).toBe(clock.now());
    });

    it('tells the scope, in the answer and in the access token, where the session has one', async () => {
      const { url } = running.service;
      const session = await signInWith(url, { subject: 'alice', scope: 'write read', client_id: 'web' });
      const answer = await exchange(url, session.refresh_token, { client_id: 'web' });
      const { scope, ...tokens } = json<ScopedTokenResponse>(answer);
      expect(wire(answer)).toEqual(tokenResponse(JSON.stringify({ ...tokens, scope: 'write read' })));
      expect(scope).toBe('write read');
      expect(claimsOf(tokens)).toMatchObject({ scope: 'write read', client_id: 'web' });
    });

    it('records the device that asks, as every refresh does', async () => {
      const { url, app } = running.service;
      const { refresh_token, session_id } = await signIn(url);
      const form = { grant_type: 'refresh_token', refresh_token };
      expect((await postForm(`${url}/oauth/token`, form, { 'User-Agent': 'App/7' })).status).toBe(200);
      expect(await sessionRow(app, session_id)).toMatchObject({ userAgent: 'App/7', ip: '127.0.0.1' });
    });

    it('leaves alone what it does not know, and parameters without a value (RFC 6749 §3.2)', async () => {
      const { url } = running.service;
      const { refresh_token } = await signInWith(url, { subject: 'alice', scope: 'read' });
      const ignored = { scope: '', client_id: '', client_secret: '', audience: 'x', resource: 'y', token: 'z' };
      const tokens = await exchanged(url, refresh_token, ignored);
      expect(tokens.scope).toBe('read');
    });

    it('takes a form whose charset is said, and whose type is in capitals', async () => {
      const { url } = running.service;
      for (const type of [`${FORM_TYPE}; charset=utf-8`, FORM_TYPE.toUpperCase()]) {
        const { refresh_token } = await signIn(url);
        const form = { grant_type: 'refresh_token', refresh_token };
        expect((await postForm(`${url}/oauth/token`, form, { 'Content-Type': type })).status).toBe(200);
      }
    });
  });

  describe('and POST /refresh_token', () => {
    it('take each other’s tokens', async () => {
      const { url, clock } = running.service;
      let { refresh_token: token } = await signInWith(url, { subject: 'alice', scope: 'read' });
      for (const trade of [exchanged, refreshed, exchanged, exchanged, refreshed]) {
        clock.advance(MINUTE);
        const tokens = await trade(url, token);
        expect(tokens.refresh_token).not.toBe(token);
        expect(claimsOf(tokens)).toMatchObject({ scope: 'read' });
        token = tokens.refresh_token;
      }
    });

    it('hand out one successor within the leeway, and write nothing for it', async () => {
      const { service } = running;
      const { url, clock } = service;
      const session = await signIn(url);
      clock.advance(MINUTE);
      const first = await exchanged(url, session.refresh_token);
      clock.advance(LEEWAY - 1);
      await withoutAChange(service, session.session_id, async () => {
        for (const token of [session.refresh_token, first.refresh_token]) {
          for (const trade of [exchanged, refreshed]) {
            expect((await trade(url, token)).refresh_token).toBe(first.refresh_token);
          }
        }
      });
      clock.advance(1);
      expect((await exchanged(url, first.refresh_token)).refresh_token).not.toBe(first.refresh_token);
    });

    it('forgive a lost answer, whichever of them it was the answer of', async () => {
      const { url, clock, app } = running.service;
      const session = await signIn(url);
      const handedOut = new Set<string>();
      for (const trade of [exchanged, refreshed, exchanged, refreshed]) {
        clock.advance(MINUTE);
        handedOut.add((await trade(url, session.refresh_token)).refresh_token);
      }
      expect(handedOut.size).toBe(4);
      clock.advance(MINUTE);
      // Each is good, for one of them: using one kills the others.
      await exchanged(url, [...handedOut][1] as string);
      expect(await endOf(app, session.session_id)).toBeNull();
      clock.advance(MINUTE);
      expect(wire(await exchange(url, [...handedOut][2] as string))).toEqual(INVALID_GRANT);
      expect(await endOf(app, session.session_id)).toMatchObject({ reason: 'reuse' });
    });

    it('of one token, many at once, some with less scope, rotate once and refuse nobody', async () => {
      const { url, clock, app } = running.service;
      const session = await signInWith(url, { subject: 'alice', scope: 'read write' });
      let token = session.refresh_token;
      for (let burst = 0; burst < 5; burst += 1) {
        clock.advance(MINUTE);
        const answers = await atOnce((at) =>
          at % 3 === 0 ? refresh(url, token) : exchange(url, token, at % 3 === 1 ? { scope: 'read' } : {}),
        );
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
        const tokens = answers.map((answer) => json<ScopedTokenResponse>(answer));
        expect(new Set(tokens.map(({ refresh_token }) => refresh_token)).size).toBe(1);
        expect(tokens.map((each) => claimsOf(each)['scope'])).toEqual(
          tokens.map((_, at) => (at % 3 === 1 ? 'read' : 'read write')),
        );
        // A second write would have issued a higher number.
        expect(Number((await sessionRow(app, session.session_id))?.issued)).toBe(clock.now());
        token = tokens[0]?.refresh_token as string;
      }
    });
  });

  describe('with a scope', () => {
    const SCOPE = 'read write admin';
    let session: { refresh_token: string; session_id: string };

    beforeEach(async () => {
      session = await signInWith(running.service.url, { subject: 'alice', scope: SCOPE });
      running.service.clock.advance(MINUTE);
    });

    it.each([
      ['read', 'read'],
      ['admin', 'admin'],
      ['read write', 'read write'],
      ['write read', 'write read'],
      ['admin write read', 'admin write read'],
      ['read read', 'read'],
      ['write read write read', 'write read'],
    ])('narrows this one access token to %j as %j; the next has all of it again', async (asked, granted) => {
      const { url, clock, app } = running.service;
      const narrowed = await exchanged(url, session.refresh_token, { scope: asked });
      expect(narrowed.scope).toBe(granted);
      expect(claimsOf(narrowed)['scope']).toBe(granted);
      expect(await sessionRow(app, session.session_id)).toMatchObject({ scope: SCOPE });

      // The repeat within the leeway, and the successor at either endpoint.
      expect(claimsOf(await exchanged(url, session.refresh_token))['scope']).toBe(SCOPE);
      clock.advance(MINUTE);
      const next = await exchanged(url, narrowed.refresh_token);
      expect([next.scope, claimsOf(next)['scope']]).toEqual([SCOPE, SCOPE]);
      clock.advance(MINUTE);
      expect(claimsOf(await refreshed(url, next.refresh_token))['scope']).toBe(SCOPE);
    });

    it.each([
      'other',
      'read other',
      'other read',
      'READ',
      'rea',
      'reads',
      'read  write',
      ' read',
      'read ',
      ' ',
      'read\twrite',
      'read,write',
      'read+write',
      '"read"',
      'ä',
      '__proto__',
      'x'.repeat(60),
    ])('that is wider or none is invalid_scope, and nothing is used up: %j', async (scope) => {
      const { service } = running;
      const { url, log } = service;
      const before = log.length;
      await withoutAChange(service, session.session_id, async () => {
        expect(wire(await exchange(url, session.refresh_token, { scope }))).toEqual(INVALID_SCOPE);
      });
      expect(log.slice(before)).toEqual([]);
      expect(claimsOf(await exchanged(url, session.refresh_token, { scope: 'write' }))['scope']).toBe('write');

      // Nor is it granted within the leeway.
      await withoutAChange(service, session.session_id, async () => {
        expect(wire(await exchange(url, session.refresh_token, { scope }))).toEqual(INVALID_SCOPE);
      });
    });

    it('of a session that has none is invalid_scope', async () => {
      const { service } = running;
      const { refresh_token, session_id } = await signIn(service.url);
      await withoutAChange(service, session_id, async () => {
        for (const scope of ['read', 'null', 'undefined']) {
          expect(wire(await exchange(service.url, refresh_token, { scope }))).toEqual(INVALID_SCOPE);
        }
      });
    });

    it('tells nothing of a token that is not good: invalid_grant, and a reused one ends the session', async () => {
      const { service } = running;
      const { id, first, newest } = await displaced(service, { scope: 'read' });
      expect(wire(await exchange(service.url, 'nonsense', { scope: 'other' }))).toEqual(INVALID_GRANT);
      expect(wire(await exchange(service.url, first, { scope: 'other' }))).toEqual(INVALID_GRANT);
      expect(await endOf(service.app, id)).toMatchObject({ reason: 'reuse' });
      expect(wire(await exchange(service.url, newest, { scope: 'other' }))).toEqual(INVALID_GRANT);
    });

    it('that was amended in between is granted as it is now', async () => {
      const { url, clock, app } = running.service;
      const sessions = app.get(SessionService);
      const subject = 'who is promoted';
      const { refresh_token } = await signInWith(url, { subject, scope: 'read write' });
      await sessions.update(subject, { scope: 'read delete' });
      const wider = await exchanged(url, refresh_token, { scope: 'delete' });
      expect(wider.scope).toBe('delete');
      clock.advance(MINUTE);
      expect(wire(await exchange(url, wider.refresh_token, { scope: 'write' }))).toEqual(INVALID_SCOPE);
      expect((await exchanged(url, wider.refresh_token)).scope).toBe('read delete');
      clock.advance(MINUTE);

      await sessions.update(subject, { scope: null });
      expect(wire(await exchange(url, wider.refresh_token, { scope: 'read' }))).toEqual(INVALID_SCOPE);
      const none = await exchanged(url, wider.refresh_token);
      expect(none).not.toHaveProperty('scope');
      expect(claimsOf(none)).not.toHaveProperty('scope');
    });

    it.each([
      ['read', 'read write', 'read'],
      ['write read extra', 'read write', 'read write'],
      // RFC 6749 §5.1: left out, it would mean what was asked for.
      ['extra', 'read write', ''],
      [null, 'read', ''],
    ])('that became %j after it was looked at: of %j there is left %j, and that is told', async (now, asked, left) => {
      const { url, app } = running.service;
      const subject = 'who is demoted meanwhile';
      const { refresh_token } = await signInWith(url, { subject, scope: SCOPE });
      const store = app.get(SessionStore);
      const rotate = store.rotate.bind(store);
      const overtaken = jest.spyOn(store, 'rotate').mockImplementationOnce(async (...rotation) => {
        await app.get(SessionService).update(subject, { scope: now });
        return rotate(...rotation);
      });
      const tokens = await exchanged(url, refresh_token, { scope: asked });
      expect(overtaken).toHaveBeenCalledTimes(1);
      overtaken.mockRestore();
      expect(tokens.scope).toBe(left);
      expect(claimsOf(tokens)['scope'] ?? '').toBe(left);
    });
  });

  describe('of a session that belongs to a client', () => {
    const CLIENT = 'Web app: 1+1&2 %';

    it.each<[string, Record<string, string>]>([
      ['another client', { client_id: 'mobile' }],
      ['none', {}],
      ['an empty one', { client_id: '' }],
      ['one in other letters', { client_id: CLIENT.toUpperCase() }],
      ['the beginning of it', { client_id: CLIENT.slice(0, -1) }],
      ['more than it', { client_id: `${CLIENT} ` }],
      ['another client that asks for too much', { client_id: 'mobile', scope: 'admin' }],
    ])('refuses %s: invalid_grant, nothing is used up, and the log says why', async (_, parameters) => {
      const { service } = running;
      const { url, log } = service;
      const session = await signInWith(url, { subject: 'alice', client_id: CLIENT, scope: 'read' });
      const before = log.length;
      const form = { grant_type: 'refresh_token', refresh_token: session.refresh_token, ...parameters };
      await withoutAChange(service, session.session_id, async () => {
        expect(wire(await postForm(`${url}/oauth/token`, form, { 'X-Request-Id': 'wrong-1' }))).toEqual(INVALID_GRANT);
      });

      const entries = log.slice(before);
      expect(entries).toHaveLength(1);
      expect(eventsIn(entries, 'refresh.refused')).toEqual([
        {
          event: 'refresh.refused',
          reason: 'wrong_client',
          session_id: session.session_id,
          request_id: 'wrong-1',
        },
      ]);
      const tokens = await exchanged(url, session.refresh_token, { client_id: CLIENT });
      expect(claimsOf(tokens)).toMatchObject({ client_id: CLIENT });

      // Nor within the leeway, where nothing would be written.
      expect(wire(await exchange(url, session.refresh_token, parameters))).toEqual(INVALID_GRANT);
    });

    it('is not ended by another client, whatever its token is worth', async () => {
      const { service } = running;
      const { url, app, log } = service;
      const { id, first, newest } = await displaced(service, { client_id: CLIENT });
      const before = log.length;
      await withoutAChange(service, id, async () => {
        for (const parameters of [{ client_id: 'mobile' }, {}]) {
          expect(wire(await exchange(url, first, parameters))).toEqual(INVALID_GRANT);
        }
      });
      const reasons = eventsIn(log.slice(before), 'refresh.refused').map(({ reason }) => reason);
      expect(reasons).toEqual(['wrong_client', 'wrong_client']);
      expect(eventsIn(log.slice(before), 'session.reuse_detected')).toEqual([]);
      await exchanged(url, newest, { client_id: CLIENT });

      // The client itself does end it.
      expect(wire(await exchange(url, first, { client_id: CLIENT }))).toEqual(INVALID_GRANT);
      expect(await endOf(app, id)).toMatchObject({ reason: 'reuse' });
    });

    it('tells another client the same once it has ended', async () => {
      const { url, log } = running.service;
      const session = await signInWith(url, { subject: 'alice', client_id: CLIENT });
      await logout(url, session.refresh_token);
      const before = log.length;
      expect(wire(await exchange(url, session.refresh_token, { client_id: 'mobile' }))).toEqual(INVALID_GRANT);
      expect(wire(await exchange(url, session.refresh_token, { client_id: CLIENT }))).toEqual(INVALID_GRANT);
      const reasons = eventsIn(log.slice(before), 'refresh.refused').map(({ reason }) => reason);
      expect(reasons).toEqual(['wrong_client', 'revoked']);
    });
  });

  it.each([{}, { client_id: 'web' }, { client_id: '' }, { client_id: 'null' }])(
    'of a session that belongs to no client takes any, and makes none its own: %j',
    async (parameters) => {
      const { url, clock, app } = running.service;
      const session = await signIn(url);
      const tokens = await exchanged(url, session.refresh_token, parameters);
      expect(claimsOf(tokens)).not.toHaveProperty('client_id');
      clock.advance(MINUTE);
      await exchanged(url, tokens.refresh_token, { client_id: 'another' });
      expect(await sessionRow(app, session.session_id)).toMatchObject({ clientId: null });
    },
  );

  describe('with a token that proves a second holder', () => {
    it('ends the session, before it is answered, for both endpoints', async () => {
      const { service } = running;
      const { url, app, clock, log } = service;
      const { id, first, newest } = await displaced(service);
      const before = log.length;

      expect(wire(await exchange(url, first))).toEqual(INVALID_GRANT);

      expect(await endOf(app, id)).toEqual({ at: clock.now(), reason: 'reuse' });
      const entries = log.slice(before);
      expect(eventsIn(entries, 'refresh.refused')).toMatchObject([{ reason: 'reuse', session_id: id }]);
      expect(eventsIn(entries, 'session.ended')).toMatchObject([{ reason: 'reuse', session_id: id }]);
      expect(eventsIn(entries, 'session.reuse_detected')).toMatchObject([{ session_id: id, subject: 'alice' }]);
      expect(wire(await exchange(url, newest))).toEqual(INVALID_GRANT);
      expect((await refresh(url, newest)).status).toBe(401);
    });

    it('is 503 where the end can’t be committed, and the session is over with the next try', async () => {
      const { service } = running;
      const { id, first } = await displaced(service);
      expect(wire(await whileNothingEnds(service.app, () => exchange(service.url, first)))).toEqual(UNAVAILABLE);
      expect(await endOf(service.app, id)).toBeNull();
      expect(wire(await exchange(service.url, first))).toEqual(INVALID_GRANT);
      expect(await endOf(service.app, id)).toMatchObject({ reason: 'reuse' });
    });
  });

  it('of a session whose row was lost is 503, and told apart in the log', async () => {
    const { url, app, log } = running.service;
    const { refresh_token, session_id } = await signIn(url);
    await loseSession(app, session_id);
    expect(wire(await exchange(url, refresh_token, { client_id: 'web', scope: 'read' }))).toEqual(UNAVAILABLE);
    expect(eventsIn(log, 'session_lost')).toContainEqual({ event: 'session_lost', session_id });
    expect(await sessionRow(app, session_id)).toBeNull();
  });

  it('is 503 where the database can’t answer, never 400, and the token works afterwards', async () => {
    const { url, app } = running.service;
    const { refresh_token } = await signInWith(url, { subject: 'alice', scope: 'read', client_id: 'web' });
    const database = app.get(DataSource);
    await database.query('ALTER TABLE refresh_token_sessions RENAME TO elsewhere');
    for (const parameters of [{ client_id: 'web' }, { client_id: 'wrong' }, { client_id: 'web', scope: 'admin' }]) {
      expect(wire(await exchange(url, refresh_token, parameters))).toEqual(UNAVAILABLE);
    }
    await database.query('ALTER TABLE elsewhere RENAME TO refresh_token_sessions');
    await exchanged(url, refresh_token, { client_id: 'web' });
  });

  it('refuses sessions from before the emergency brake, and loses none of them for it', async () => {
    const { url, clock } = running.service;
    const session = await signIn(url);
    clock.advance(MINUTE);
    const brake = { SESSIONS_NOT_BEFORE: new Date(clock.now()).toISOString() };
    await withInstance(running, brake, async (braked) => {
      await withoutAChange(braked, session.session_id, async () => {
        expect(wire(await exchange(braked.url, session.refresh_token))).toEqual(INVALID_GRANT);
      });
      expect(eventsIn(braked.log, 'refresh.refused')).toMatchObject([{ reason: 'revoked' }]);
      await exchanged(braked.url, (await signIn(braked.url)).refresh_token);
    });
    await exchanged(url, session.refresh_token);
  });
});

describeOnEachDatabase('A refresh token that is not good, at POST /oauth/token', (databaseName) => {
  const running = serviceForTheSuite(databaseName, REFUSING);

  it.each(Object.entries(refusedTokens))(
    'is invalid_grant with the same bytes as every other, and logged once: %s',
    async (_, make) => {
      const { service } = running;
      const { token, reason, session } = await make(service);
      const before = service.log.length;

      expect(wire(await exchange(service.url, token))).toEqual(INVALID_GRANT);

      expect(eventsIn(service.log.slice(before), 'refresh.refused')).toEqual([
        {
          event: 'refresh.refused',
          reason,
          ...(session && { session_id: session.session_id }),
          request_id: expect.any(String),
        },
      ]);
      expect(wire(await exchange(service.url, token))).toEqual(INVALID_GRANT);
    },
  );
});

describeOnEachDatabase('POST /oauth/token without a leeway', (databaseName) => {
  it('and many at once, at both endpoints: nobody is refused, and each answer is good to go on with', () =>
    withService(databaseName, { REFRESH_TOKEN_LEEWAY: '0' }, async ({ url, clock, app }) => {
      const session = await signIn(url);
      let token = session.refresh_token;
      for (let burst = 0; burst < 5; burst += 1) {
        clock.advance(MINUTE);
        const answers = await atOnce((at) => (at % 4 === 0 ? refresh : exchange)(url, token));
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
        const successors = answers.map((answer) => json<ScopedTokenResponse>(answer).refresh_token);
        expect(new Set(successors).size).toBe(PARALLEL);
        token = successors[burst * 3] as string;
      }
      expect(await endOf(app, session.session_id)).toBeNull();
    }));
});

describeOnEachDatabase("POST /oauth/token with lostResponse 'revoke'", (databaseName) => {
  it('repeats within the leeway, and ends the session of a used token that comes later', () =>
    withService(databaseName, { REFRESH_TOKEN_LOST_RESPONSE: 'revoke' }, async ({ url, clock, app }) => {
      const session = await signIn(url);
      clock.advance(MINUTE);
      const { refresh_token } = await exchanged(url, session.refresh_token);
      clock.advance(LEEWAY - 1);
      expect((await exchanged(url, session.refresh_token)).refresh_token).toBe(refresh_token);
      clock.advance(1);
      expect(wire(await exchange(url, session.refresh_token))).toEqual(INVALID_GRANT);
      expect(await endOf(app, session.session_id)).toMatchObject({ reason: 'reuse' });
      expect(wire(await exchange(url, refresh_token))).toEqual(INVALID_GRANT);
    }));
});

describeOnEachDatabase('A session policy, at POST /oauth/token', (databaseName) => {
  let host: GuardedHost;
  let script: Script;
  let refreshTokens: RefreshTokenService;

  beforeAll(async () => {
    host = await startGuardedHost({
      databaseName,
      extras: {
        imports: [ScriptModule],
        sessionPolicy: ScriptedPolicy,
        controllers: [RefreshTokenController, OAuthController],
      },
    });
    script = provided(host, Script);
    refreshTokens = provided(host, RefreshTokenService);
  });
  beforeEach(() => script.reset());
  afterAll(() => host?.close());

  it.each([
    ['read write', undefined, 'read write'],
    ['read', undefined, 'read'],
    ['read', 'read write', 'read'],
    ['read', 'read', 'read'],
    ['read write extra', 'write read', 'write read'],
    ['write', 'read', ''],
    [null, 'read', ''],
  ])('that makes the scope %j when %j is asked for: %j is granted and told', async (decided, asked, granted) => {
    const { refresh_token, session_id } = await refreshTokens.issue({ subject: 'alice', scope: 'read write' });
    script.onRefresh = () => ({ allow: true, scope: decided });
    const tokens = await exchanged(host.url, refresh_token, asked === undefined ? {} : { scope: asked });
    expect(tokens.scope).toBe(granted);
    expect(claimsOf(tokens)['scope'] ?? '').toBe(granted);
    // What the policy says lasts; what the client asked for doesn't.
    expect(await sessionRow(host.app, session_id)).toMatchObject({ scope: decided });
    expect(script.asked).toMatchObject([{ scope: 'read write' }]);
  });

  it('is not asked for a client that is not the session’s, nor for more than the session has', async () => {
    const session = await refreshTokens.issue({ subject: 'alice', scope: 'read', clientId: 'web' });
    script.onRefresh = () => ({ allow: true, scope: 'read admin' });
    await withoutAChange(host, session.session_id, async () => {
      expect(wire(await exchange(host.url, session.refresh_token))).toEqual(INVALID_GRANT);
      const tooMuch = { client_id: 'web', scope: 'admin' };
      expect(wire(await exchange(host.url, session.refresh_token, tooMuch))).toEqual(INVALID_SCOPE);
    });
    expect(script.asked).toEqual([]);
  });

  it('that says no is invalid_grant, and the session is over', async () => {
    const { refresh_token, session_id } = await refreshTokens.issue({ subject: 'alice' });
    script.onRefresh = () => ({ allow: false, reason: 'banned' });
    expect(wire(await exchange(host.url, refresh_token))).toEqual(INVALID_GRANT);
    expect(await endOf(host.app, session_id)).toMatchObject({ reason: 'policy' });
  });

  it('that fails is 503, and nothing is used up', async () => {
    const { refresh_token, session_id } = await refreshTokens.issue({ subject: 'alice' });
    script.onRefresh = () => {
      throw new Error('the policy is out of order');
    };
    await withoutAChange(host, session_id, async () => {
      expect(wire(await exchange(host.url, refresh_token))).toEqual(UNAVAILABLE);
    });
    script.onRefresh = () => ({ allow: true });
    await exchanged(host.url, refresh_token);
  });
});

describe('A request to /oauth/token that is none', () => {
  const running = serviceForTheSuite('SQLite');
  let token: string;
  let sessionId: string;

  beforeAll(async () => {
    const session = await signInWith(running.service.url, { subject: 'alice', scope: 'read' });
    ({ refresh_token: token, session_id: sessionId } = session);
  });

  const GRANT = ['grant_type', 'refresh_token'] as [string, string];
  const twice = (name: string) => oauthError('invalid_request', `${name}: got it more than once, takes one.`);
  const noGrant = oauthError('invalid_request', 'grant_type: got nothing, takes refresh_token.');
  const otherGrant = oauthError('unsupported_grant_type', 'grant_type: got something else, takes refresh_token.');
  const noToken = oauthError('invalid_request', 'refresh_token: got nothing, takes one.');

  function post(parameters: FormParameters, headers?: Record<string, string | string[]>): Promise<Answer> {
    return postForm(`${running.service.url}/oauth/token`, parameters, headers);
  }

  it.each<[string, (token: string) => FormParameters, object]>([
    ['no grant type', (t) => [['refresh_token', t]], noGrant],
    ['nothing at all', () => [], noGrant],
    ['an empty grant type', (t) => ({ grant_type: '', refresh_token: t }), noGrant],
    ['a grant type in capitals', (t) => ({ grant_type: 'REFRESH_TOKEN', refresh_token: t }), otherGrant],
    ['the grant of a code', (t) => ({ grant_type: 'authorization_code', code: t }), otherGrant],
    ['the grant of client credentials', () => ({ grant_type: 'client_credentials' }), otherGrant],
    ['the grant of a password', () => ({ grant_type: 'password', username: 'a', password: 'b' }), otherGrant],
    ['a grant type that is a token', (t) => ({ grant_type: t, refresh_token: t }), otherGrant],
    ['no refresh token', () => [GRANT], noToken],
    ['an empty refresh token', () => [GRANT, ['refresh_token', '']], noToken],
    ['a token by another name', (t) => [GRANT, ['token', t]], noToken],
    ['grant_type twice', (t) => [GRANT, GRANT, ['refresh_token', t]], twice('grant_type')],
    ['refresh_token twice', (t) => [GRANT, ['refresh_token', t], ['refresh_token', t]], twice('refresh_token')],
    [
      'an empty refresh_token besides',
      (t) => [GRANT, ['refresh_token', t], ['refresh_token', '']],
      twice('refresh_token'),
    ],
    ['scope twice', (t) => [GRANT, ['refresh_token', t], ['scope', 'read'], ['scope', 'read']], twice('scope')],
    [
      'client_id twice',
      (t) => [GRANT, ['refresh_token', t], ['client_id', 'a'], ['client_id', 'a']],
      twice('client_id'),
    ],
    [
      'client_secret twice',
      (t) => [GRANT, ['refresh_token', t], ['client_secret', 'a'], ['client_secret', 'b']],
      twice('client_secret'),
    ],
    [
      'a client secret',
      (t) => [GRANT, ['refresh_token', t], ['client_id', 'a'], ['client_secret', 'b']],
      INVALID_CLIENT,
    ],
    ['a client secret and nothing else', () => ({ client_secret: 'b' }), INVALID_CLIENT],
    [
      'a client assertion',
      (t) => ({ grant_type: 'refresh_token', refresh_token: t, client_assertion: 'b' }),
      INVALID_CLIENT,
    ],
  ])('has %s', async (_, parameters, expected) => {
    const { service } = running;
    await withoutAChange(service, sessionId, async () => {
      const answer = await post(parameters(token));
      expect(wire(answer)).toEqual(expected);
      // RFC 6749 §5.2: what a description may be made of.
      const { error_description = '' } = json<{ error_description?: string }>(answer);
      expect(error_description).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]*$/);
    });
  });

  it.each<[string, Record<string, string>, object]>([
    ['Basic', basic('web', 'secret'), INVALID_CLIENT],
    ['Basic without a password', basic('web', ''), INVALID_CLIENT],
    ['Basic with a service key', basic('web', SERVICE_KEY), INVALID_CLIENT],
    ['an empty Authorization header', { Authorization: '' }, INVALID_CLIENT],
    ['another scheme', { Authorization: 'Digest username="web"' }, INVALID_CLIENT],
    ['Bearer with a service key', bearer(SERVICE_KEY), INVALID_BEARER_CLIENT],
  ])('has credentials, which a public client has none of: %s', async (_, headers, expected) => {
    const { service } = running;
    await withoutAChange(service, sessionId, async () => {
      expect(wire(await post({ grant_type: 'refresh_token', refresh_token: token }, headers))).toEqual(expected);
    });
  });

  it('has its token as Bearer', async () => {
    const { service } = running;
    await withoutAChange(service, sessionId, async () => {
      for (const parameters of [
        { grant_type: 'refresh_token' },
        { grant_type: 'refresh_token', refresh_token: token },
      ]) {
        expect(wire(await post(parameters, bearer(token)))).toEqual(INVALID_BEARER_CLIENT);
      }
    });
  });

  it('has two Authorization headers', async () => {
    const { service } = running;
    const body = `grant_type=refresh_token&refresh_token=${token}`;
    const headers = ['Authorization: Basic eDp5', 'authorization: Basic eDp5', `Content-Type: ${FORM_TYPE}`];
    const length = `Content-Length: ${body.length}`;
    await withoutAChange(service, sessionId, async () => {
      expect(wire(await postRaw(`${service.url}/oauth/token`, [...headers, length], body))).toEqual(
        oauthError('invalid_request', 'Authorization: got more than one such header, takes one.'),
      );
    });
  });

  it.each(['refresh_token', 'token', 'access_token', 'client_secret'])('has %s in its URL', async (name) => {
    const { service } = running;
    const inQuery = oauthError('invalid_request', `${name}: got it in the query, takes it in the body.`);
    const url = `${service.url}/oauth/token?x=y&${name}=${token}`;
    await withoutAChange(service, sessionId, async () => {
      for (const form of [[GRANT], [GRANT, ['refresh_token', token] as [string, string]]]) {
        expect(wire(await postForm(url, form))).toEqual(inQuery);
      }
    });
  });

  it('has its parameters in its URL', async () => {
    const { service } = running;
    const answer = await postForm(`${service.url}/oauth/token?grant_type=refresh_token`, { refresh_token: token });
    expect(wire(answer)).toEqual(noGrant);
  });

  it.each<[string, string, (token: string) => string]>([
    ['JSON', 'application/json', (t) => JSON.stringify({ grant_type: 'refresh_token', refresh_token: t })],
    ['a list', 'application/json', () => '[]'],
    ['JSON null', 'application/json', () => 'null'],
    ['text', 'text/plain', (t) => `grant_type=refresh_token&refresh_token=${t}`],
    ['a multipart form', 'multipart/form-data; boundary=x', (t) => `--x\r\n\r\n${t}\r\n--x--`],
    ['nothing', 'text/plain', () => ''],
  ])('has a body that is no form: %s', async (_, type, body) => {
    const { service } = running;
    const headers = { 'Content-Type': type };
    await withoutAChange(service, sessionId, async () => {
      const answer = await call(`${service.url}/oauth/token`, { headers, body: body(token) });
      expect(wire(answer)).toEqual(
        oauthError('invalid_request', 'body: got something else, takes a form (application/x-www-form-urlencoded).'),
      );
    });
  });

  it('has a form without a type, or a body that is not what its type says, or too much of it', async () => {
    const { service } = running;
    const url = `${service.url}/oauth/token`;
    const body = `grant_type=refresh_token&refresh_token=${token}`;
    await withoutAChange(service, sessionId, async () => {
      expect((await call(url, { body })).status).toBe(400);
      const charset = { 'Content-Type': `${FORM_TYPE}; charset=klingon` };
      expect(wire(await call(url, { headers: charset, body }))).toEqual(NOT_WHAT_ITS_TYPE_SAYS);
      const headers = { 'Content-Type': FORM_TYPE };
      const tooMuch = `${body}&x=${'x'.repeat(32 * 1_024)}`;
      expect(wire(await call(url, { headers, body: tooMuch }))).toEqual(TOO_LARGE);
    });
  });

  it.each(['GET', 'PUT', 'PATCH', 'DELETE'])('is a %s: it is not there', async (method) => {
    const { service } = running;
    await withoutAChange(service, sessionId, async () => {
      const query = `grant_type=refresh_token&refresh_token=${token}`;
      expect(wire(await call(`${service.url}/oauth/token?${query}`, { method }))).toEqual(NOT_FOUND);
    });
  });

  it('leaves the same token to POST /refresh_token, where a form with it is still a bad request', async () => {
    const { url } = running.service;
    const answer = await postForm(`${url}/refresh_token`, { refresh_token: token }, bearer(token));
    expect(wire(answer)).toEqual(
      invalidRequest('refresh_token: got it in the body, takes a token in the Authorization header only.'),
    );
    await refreshed(url, token);
  });
});

describe('When the service itself fails, POST /oauth/token', () => {
  const running = serviceForEachTest('SQLite');

  it('is 500 server_error for a bug, without any detail; the log has it', async () => {
    const { url, app, log } = running.service;
    const { refresh_token } = await signIn(url);
    jest.spyOn(app.get(AccessTokenIssuer), 'issue').mockImplementation(() => {
      throw new TypeError('a private detail');
    });
    const form = { grant_type: 'refresh_token', refresh_token };
    expect(wire(await postForm(`${url}/oauth/token`, form, { 'X-Request-Id': 'bug-1' }))).toEqual(SERVER_ERROR);
    expect(eventsIn(log, 'request.failed')).toEqual([
      { event: 'request.failed', cause: expect.stringContaining('a private detail'), request_id: 'bug-1' },
    ]);
  });

  it('is 503 for a handler over its deadline', async () => {
    const { url, app, log } = running.service;
    const { refresh_token } = await signIn(url);
    jest.spyOn(app.get(SessionStore), 'find').mockImplementation(() => new Promise(() => undefined));
    const startedAt = performance.now();
    expect(wire(await exchange(url, refresh_token))).toEqual(UNAVAILABLE);
    expect(performance.now() - startedAt).toBeLessThan(DEADLINE);
    expect(eventsIn(log, 'request.unavailable')).toMatchObject([{ reason: 'deadline' }]);
  });
});

describe('What goes wrong at POST /oauth/token', () => {
  it('is told without tokens, keys and secrets, to the client and to the log', () =>
    withService('SQLite', REFUSING, async (service) => {
      const { url, log, clock } = service;
      const secrets = [SERVICE_KEY, 'a-client-secret-0123456789'];
      const answers: Answer[] = [];
      for (const make of Object.values(refusedTokens)) {
        const { token } = await make(service);
        if (token.length > 8) secrets.push(token);
        answers.push(await exchange(url, token, { client_id: 'web', scope: 'read' }));
      }
      const bound = await signInWith(url, { subject: 'alice', client_id: 'web', scope: 'read' });
      const held = bound.refresh_token;
      secrets.push(held, bound.access_token);
      const endpoint = `${url}/oauth/token`;
      for (const parameters of [
        { client_id: held },
        { client_id: 'web', scope: held },
        { client_secret: secrets[1] as string },
        { grant_type: held },
        { [held]: held },
      ]) {
        answers.push(await exchange(url, held, parameters));
      }
      answers.push(
        await postForm(`${endpoint}?refresh_token=${held}`, {}),
        await postForm(`${endpoint}/${held}`, {}),
        await postForm(endpoint, { grant_type: 'refresh_token', refresh_token: held }, basic('web', SERVICE_KEY)),
        await postForm(endpoint, { grant_type: 'refresh_token', refresh_token: held }, bearer(bound.access_token)),
        await call(endpoint, { headers: { 'Content-Type': 'application/json' }, body: `{"refresh_token": ${held}` }),
        await postForm(endpoint, {}, { 'X-Request-Id': held, Cookie: `x=${held}` }),
      );
      clock.advance(2 * DAY);
      answers.push(await exchange(url, held, { client_id: 'web' }));

      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400, 401, 404]));
      const told = answers.map(({ text, headers }) => text + JSON.stringify(headers)).join('\n') + log.join('\n');
      for (const secret of secrets) expect(told).not.toContain(secret);
    }));
});

function atOnce(send: (at: number) => Promise<Answer>): Promise<Answer[]> {
  return Promise.all(Array.from({ length: PARALLEL }, (_, at) => send(at)));
}
