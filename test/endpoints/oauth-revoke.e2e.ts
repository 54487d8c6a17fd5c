import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { SessionStore } from '../../src/auth/session/session.store.js';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { whileNothingEnds } from '../support/databases/failing-writes.js';
import { bearer, call, json, refresh, signIn, type Answer } from '../support/http/http.js';
import { decoded, jwt } from '../support/http/jwt.js';
import { eventsIn } from '../support/servers/log.js';
import {
  basic,
  exchange,
  exchanged,
  FORM_TYPE,
  INVALID_BEARER_CLIENT,
  INVALID_CLIENT,
  INVALID_GRANT,
  oauthError,
  postForm,
  revoke,
  REVOKED,
  type FormParameters,
} from '../support/http/oauth.js';
import { postRaw } from '../support/http/raw-http.js';
import { refusedTokens, REFUSING } from '../support/http/refused-tokens.js';
import { serviceForEachTest, serviceForTheSuite, withService } from '../support/servers/running-service.js';
import { SERVICE_KEY } from '../support/servers/service.js';
import { getSessions, signInWith } from '../support/http/session-calls.js';
import { endOf, loseSession, sessionRow } from '../support/databases/session-rows.js';
import { DAY, HOUR, MINUTE } from '../support/test-clock.js';
import { usedSession } from '../support/hosts/used-session.js';
import { NOT_FOUND, REFUSED, SERVER_ERROR, TOO_LARGE, UNAVAILABLE, wire } from '../support/http/wire.js';
import { DEADLINE } from '../support/time.js';

const ACCESS_TOKEN = oauthError('unsupported_token_type', 'token: got an access token, takes a refresh token.');

describeOnEachDatabase('POST /oauth/revoke', (databaseName) => {
  const running = serviceForTheSuite(databaseName);

  it.each<'first' | 'second' | 'third'>(['third', 'second', 'first'])(
    'ends the session of any of its tokens, the displaced one too, and says nothing: the %s',
    async (which) => {
      const { service } = running;
      const { url, app, clock, log } = service;
      const session = await usedSession(service);
      const before = log.length;

      expect(wire(await revoke(url, session[which]))).toEqual(REVOKED);

      expect(await endOf(app, session.id)).toEqual({ at: clock.now(), reason: 'logout' });
      const entries = log.slice(before);
      expect(entries).toHaveLength(1);
      expect(eventsIn(entries, 'session.ended')).toMatchObject([{ reason: 'logout', session_id: session.id }]);
      for (const token of [session.first, session.second, session.third]) {
        expect(wire(await exchange(url, token))).toEqual(INVALID_GRANT);
        expect(wire(await refresh(url, token))).toEqual(REFUSED);
      }
    },
  );

  it('ends this session only, and with it what its access tokens may do (RFC 7009 §2.1)', async () => {
    const { service } = running;
    const ended = await usedSession(service);
    const other = await signIn(service.url);
    await revoke(service.url, ended.third);
    await exchanged(service.url, other.refresh_token);
    expect((await getSessions(service.url, ended.accessToken)).status).toBe(401);
    expect((await getSessions(service.url, other.access_token)).status).toBe(200);
  });

  it('is 200 every time, and what ended the session first stands in its row', async () => {
    const { service } = running;
    const session = await usedSession(service);
    await exchange(service.url, session.first);
    const ended = await sessionRow(service.app, session.id);
    expect(await endOf(service.app, session.id)).toMatchObject({ reason: 'reuse' });
    service.clock.advance(MINUTE);
    for (const token of [session.third, session.first, session.third]) {
      expect(wire(await revoke(service.url, token))).toEqual(REVOKED);
    }
    expect(await sessionRow(service.app, session.id)).toEqual(ended);
  });

  it('of ten at once is 200 ten times, and one end', async () => {
    const { url, log } = running.service;
    const session = await signIn(url);
    const before = log.length;
    const answers = await Promise.all(Array.from({ length: 10 }, () => revoke(url, session.refresh_token)));
    expect(answers.map(wire)).toEqual(Array.from({ length: 10 }, () => REVOKED));
    expect(eventsIn(log.slice(before), 'session.ended')).toHaveLength(1);
  });

  it.each<[string, (token: string) => string]>([
    ['nonsense', () => 'x'],
    ['three words with dots', () => 'a.b.c'],
    ['a forged token of that session', (token) => token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')],
    ['a token cut off', (token) => token.slice(0, -1)],
    ['two tokens', (token) => `${token} ${token}`],
    ['a service key', () => SERVICE_KEY],
    ['a text of many bytes', () => 'ä'.repeat(3_000)],
    ['half an escape', () => '%'],
  ])('of what is no token of ours is 200, writes nothing and logs nothing: %s', async (_, forge) => {
    const { service } = running;
    const session = await signIn(service.url);
    const before = await sessionRow(service.app, session.session_id);
    const logged = service.log.length;
    const store = service.app.get(SessionStore);
    const spies = [jest.spyOn(store, 'end'), jest.spyOn(store, 'find')];
    for (const parameters of [{}, { client_id: 'web' }]) {
      expect(wire(await revoke(service.url, forge(session.refresh_token), parameters))).toEqual(REVOKED);
    }
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
    expect(service.log.slice(logged)).toEqual([]);
    expect(await sessionRow(service.app, session.session_id)).toEqual(before);
    await exchanged(service.url, session.refresh_token);
  });

  it.each(['refresh_token', 'access_token', 'something', ''])('looks past the hint %j', async (hint) => {
    const { url, app } = running.service;
    const session = await signIn(url);
    expect(wire(await revoke(url, session.refresh_token, { token_type_hint: hint }))).toEqual(REVOKED);
    expect(await endOf(app, session.session_id)).toMatchObject({ reason: 'logout' });
  });

  it('does not take an access token, good, expired or forged, and ends nothing for it', async () => {
    const { service } = running;
    const { url, app, clock } = service;
    const session = await signIn(url);
    const { header, claims } = decoded(session.access_token);
    const forged = jwt({ ...header, typ: 'application/AT+JWT' }, claims, () => Buffer.from('x'));
    clock.advance(2 * HOUR);
    const before = await sessionRow(app, session.session_id);
    for (const token of [session.access_token, forged, (await signIn(url)).access_token]) {
      for (const parameters of [{}, { token_type_hint: 'access_token' }, { token_type_hint: 'refresh_token' }]) {
        expect(wire(await revoke(url, token, parameters))).toEqual(ACCESS_TOKEN);
      }
    }
    expect(await sessionRow(app, session.session_id)).toEqual(before);
    expect(json(await exchange(url, session.refresh_token))).toMatchObject({ token_type: 'Bearer' });
  });

  describe('of a session that belongs to a client', () => {
    it('refuses another client: invalid_grant, nothing is ended, and the log says why', async () => {
      const { service } = running;
      const session = await usedSession(service, { client_id: 'web' });
      const before = await sessionRow(service.app, session.id);
      const logged = service.log.length;
      for (const token of [session.first, session.second, session.third]) {
        expect(wire(await revoke(service.url, token, { client_id: 'mobile' }))).toEqual(INVALID_GRANT);
      }
      expect(await sessionRow(service.app, session.id)).toEqual(before);
      const entries = service.log.slice(logged);
      expect(entries).toHaveLength(3);
      for (const refusal of eventsIn(entries, 'refresh.refused')) {
        expect(refusal).toMatchObject({ reason: 'wrong_client', session_id: session.id });
      }
      expect(eventsIn(entries, 'refresh.refused')).toHaveLength(3);
      await exchanged(service.url, session.third, { client_id: 'web' });
    });

    it.each([{ client_id: 'web' }, {}, { client_id: '' }])('ends it for its client, or for none: %j', async (by) => {
      const { service } = running;
      const session = await usedSession(service, { client_id: 'web' });
      expect(wire(await revoke(service.url, session.first, by))).toEqual(REVOKED);
      expect(await endOf(service.app, session.id)).toMatchObject({ reason: 'logout' });
    });
  });

  it('of a session that belongs to no client ends it for any', async () => {
    const { url, app } = running.service;
    const session = await signIn(url);
    expect(wire(await revoke(url, session.refresh_token, { client_id: 'web' }))).toEqual(REVOKED);
    expect(await endOf(app, session.session_id)).toMatchObject({ reason: 'logout' });
  });

  it('of a session that has expired ends it too, so that no restored row brings it back', async () => {
    const { url, app, clock } = running.service;
    const session = await signIn(url);
    clock.advance(31 * DAY);
    expect(wire(await revoke(url, session.refresh_token))).toEqual(REVOKED);
    expect(await endOf(app, session.session_id)).toEqual({ at: clock.now(), reason: 'logout' });
  });

  it.each([{}, { client_id: 'web' }])(
    'of a session whose row was lost is 503: it could come back with a token that works: %j',
    async (parameters) => {
      const { url, app, log } = running.service;
      const session = await signIn(url);
      await loseSession(app, session.session_id);
      expect(wire(await revoke(url, session.refresh_token, parameters))).toEqual(UNAVAILABLE);
      expect(eventsIn(log, 'session_lost')).toContainEqual({ event: 'session_lost', session_id: session.session_id });
    },
  );

  it('is 503 where the database can’t answer or can’t end it, and the session is not told to be over', async () => {
    const { url, app } = running.service;
    const session = await signInWith(url, { subject: 'alice', client_id: 'web' });
    const database = app.get(DataSource);
    await database.query('ALTER TABLE refresh_token_sessions RENAME TO elsewhere');
    for (const parameters of [{}, { client_id: 'web' }, { client_id: 'mobile' }]) {
      expect(wire(await revoke(url, session.refresh_token, parameters))).toEqual(UNAVAILABLE);
    }
    await database.query('ALTER TABLE elsewhere RENAME TO refresh_token_sessions');
    expect(wire(await whileNothingEnds(app, () => revoke(url, session.refresh_token)))).toEqual(UNAVAILABLE);
    await exchanged(url, session.refresh_token, { client_id: 'web' });
    expect(wire(await revoke(url, session.refresh_token))).toEqual(REVOKED);
  });
});

describeOnEachDatabase('A token that is not good, at POST /oauth/revoke', (databaseName) => {
  const running = serviceForTheSuite(databaseName, REFUSING);

  it.each(Object.entries(refusedTokens).filter(([name]) => name !== 'an access token'))(
    'is revoked already: %s',
    async (_, make) => {
      const { token } = await make(running.service);
      expect(wire(await revoke(running.service.url, token))).toEqual(REVOKED);
      expect(wire(await revoke(running.service.url, token, { client_id: 'web' }))).toEqual(REVOKED);
    },
  );
});

describe('POST /oauth/revoke of a session whose row was lost', () => {
  it('is 200 once the operator has accepted the loss', () =>
    withService('SQLite', { LOST_SESSIONS: 'refuse' }, async ({ url, app }) => {
      const session = await signIn(url);
      await loseSession(app, session.session_id);
      expect(wire(await revoke(url, session.refresh_token))).toEqual(REVOKED);
    }));
});

describe('A request to /oauth/revoke that is none', () => {
  const running = serviceForTheSuite('SQLite');
  let token: string;
  let sessionId: string;

  beforeAll(async () => {
    ({ refresh_token: token, session_id: sessionId } = await signIn(running.service.url));
  });

  /** Sends it, and proves that the session goes on. */
  async function refused(send: (url: string) => Promise<Answer>): Promise<unknown> {
    const { url, app } = running.service;
    const answer = await send(`${url}/oauth/revoke`);
    expect(await endOf(app, sessionId)).toBeNull();
    return wire(answer);
  }

  const noToken = oauthError('invalid_request', 'token: got nothing, takes a refresh token.');
  const twice = (name: string) => oauthError('invalid_request', `${name}: got it more than once, takes one.`);

  it.each<[string, (token: string) => FormParameters, object]>([
    ['no token', () => ({}), noToken],
    ['an empty token', () => ({ token: '' }), noToken],
    ['a token by another name', (t) => ({ refresh_token: t }), noToken],
    [
      'two tokens',
      (t) => [
        ['token', t],
        ['token', t],
      ],
      twice('token'),
    ],
    [
      'two clients',
      (t) => [
        ['token', t],
        ['client_id', 'a'],
        ['client_id', 'b'],
      ],
      twice('client_id'),
    ],
    ['a client secret', (t) => ({ token: t, client_secret: 'x' }), INVALID_CLIENT],
  ])('has %s', async (_, parameters, expected) => {
    expect(await refused((url) => postForm(url, parameters(token)))).toEqual(expected);
  });

  it('has credentials, which a public client has none of', async () => {
    for (const headers of [basic('web', 'secret'), basic('', SERVICE_KEY), { Authorization: '' }]) {
      expect(await refused((url) => postForm(url, { token }, headers))).toEqual(INVALID_CLIENT);
    }
    for (const headers of [bearer(SERVICE_KEY), bearer(token)]) {
      expect(await refused((url) => postForm(url, { token }, headers))).toEqual(INVALID_BEARER_CLIENT);
    }
    const body = `token=${token}`;
    const lines = ['Authorization: Basic eDp5', 'authorization: x', `Content-Type: ${FORM_TYPE}`];
    expect(await refused((url) => postRaw(url, [...lines, `Content-Length: ${body.length}`], body))).toEqual(
      oauthError('invalid_request', 'Authorization: got more than one such header, takes one.'),
    );
  });

  it('has its token in its URL', async () => {
    for (const name of ['token', 'refresh_token']) {
      const inQuery = oauthError('invalid_request', `${name}: got it in the query, takes it in the body.`);
      expect(await refused((url) => postForm(`${url}?${name}=${token}`, {}))).toEqual(inQuery);
      expect(await refused((url) => postForm(`${url}?${name}=${token}`, { token }))).toEqual(inQuery);
    }
  });

  it('has a body that is no form, or too much of it', async () => {
    const asJson = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token }) };
    expect(await refused((url) => call(url, asJson))).toEqual(
      oauthError('invalid_request', 'body: got something else, takes a form (application/x-www-form-urlencoded).'),
    );
    expect(await refused((url) => postForm(url, { token, x: 'x'.repeat(32 * 1_024) }))).toEqual(TOO_LARGE);
  });

  it.each(['GET', 'DELETE', 'PUT'])('is a %s: it is not there', async (method) => {
    expect(await refused((url) => call(url, { method }))).toEqual(NOT_FOUND);
  });
});

describe('When the service itself fails, POST /oauth/revoke', () => {
  const running = serviceForEachTest('SQLite');

  it('is 500 for a bug, without any detail', async () => {
    const { url, app } = running.service;
    const { refresh_token } = await signIn(url);
    jest.spyOn(app.get(SessionStore), 'end').mockRejectedValue(new TypeError('a private detail'));
    expect(wire(await revoke(url, refresh_token))).toEqual(SERVER_ERROR);
  });

  it('is 503 for a handler over its deadline', async () => {
    const { url, app } = running.service;
    const { refresh_token } = await signIn(url);
    jest.spyOn(app.get(SessionStore), 'end').mockImplementation(() => new Promise(() => undefined));
    const startedAt = performance.now();
    expect(wire(await revoke(url, refresh_token))).toEqual(UNAVAILABLE);
    expect(performance.now() - startedAt).toBeLessThan(DEADLINE);
  });
});

describe('What POST /oauth/revoke tells', () => {
  it('is never a token, to the client or to the log', () =>
    withService('SQLite', {}, async (service) => {
      const { url, log } = service;
      const session = await usedSession(service, { client_id: 'web' });
      const secrets = [session.first, session.second, session.third, session.accessToken, SERVICE_KEY];
      const answers: Answer[] = [];
      for (const secret of secrets) {
        answers.push(
          await revoke(url, secret, { client_id: 'mobile' }),
          await revoke(url, secret, { client_id: secret }),
          await postForm(`${url}/oauth/revoke?token=${secret}`, {}),
          await postForm(`${url}/oauth/revoke`, { token: secret }, { ...bearer(secret), 'X-Request-Id': secret }),
          await postForm(`${url}/oauth/revoke`, { [secret]: secret }),
        );
      }
      answers.push(await revoke(url, session.first));
      const told = answers.map(({ text, headers }) => text + JSON.stringify(headers)).join('\n') + log.join('\n');
      for (const secret of secrets) expect(told).not.toContain(secret);
    }));
});
