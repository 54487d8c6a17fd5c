import { describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { SessionStore } from '../../src/auth/session/session.store.js';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { bearer, call, logout, refresh, refreshed, signIn } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { postRaw } from '../support/http/raw-http.js';
import { serviceForTheSuite, withService } from '../support/servers/running-service.js';
import { SERVICE_KEY } from '../support/servers/service.js';
import { endOf, loseSession, sessionRow } from '../support/databases/session-rows.js';
import { DAY, MINUTE } from '../support/test-clock.js';
import { usedSession } from '../support/hosts/used-session.js';
import {
  invalidRequest,
  NO_CONTENT,
  MISSING_TOKEN,
  NOT_FOUND,
  NOT_WHAT_ITS_TYPE_SAYS,
  REFUSED,
  TOO_LARGE,
  TWO_AUTHORIZATIONS,
  UNAVAILABLE,
  wire,
} from '../support/http/wire.js';

describeOnEachDatabase('POST /logout', (databaseName) => {
  const running = serviceForTheSuite(databaseName);

  it.each<'first' | 'second' | 'third'>(['third', 'second', 'first'])(
    'with the current, the last used or a displaced token ends the session: the %s',
    async (which) => {
      const { service } = running;
      const session = await usedSession(service);

      expect(wire(await logout(service.url, session[which]))).toEqual(NO_CONTENT);

      expect(await endOf(service.app, session.id)).toEqual({ at: service.clock.now(), reason: 'logout' });
      const before = service.log.length;
      for (const token of [session.first, session.second, session.third]) {
        expect(wire(await refresh(service.url, token))).toEqual(REFUSED);
      }
      expect(eventsIn(service.log.slice(before), 'refresh.refused').map(({ reason }) => reason)).toEqual([
        'revoked',
        'revoked',
        'revoked',
      ]);
    },
  );

  it('ends this session only', async () => {
    const { service } = running;
    const ended = await signIn(service.url);
    const other = await signIn(service.url);
    await logout(service.url, ended.refresh_token);
    expect(await refreshed(service.url, other.refresh_token)).toMatchObject({ token_type: 'Bearer' });
  });

  it('is 204 every time, and what ended the session first stands in its row', async () => {
    const { service } = running;
    const session = await usedSession(service);
    await refresh(service.url, session.first);
    const ended = await sessionRow(service.app, session.id);
    expect(await endOf(service.app, session.id)).toEqual({ at: service.clock.now(), reason: 'reuse' });

    service.clock.advance(MINUTE);
    for (const token of [session.third, session.first, session.third]) {
      expect(wire(await logout(service.url, token))).toEqual(NO_CONTENT);
    }
    expect(await sessionRow(service.app, session.id)).toEqual(ended);
  });

  it('of ten at once is 204 ten times', async () => {
    const { service } = running;
    const session = await signIn(service.url);
    const answers = await Promise.all(Array.from({ length: 10 }, () => logout(service.url, session.refresh_token)));
    expect(answers.map(wire)).toEqual(Array.from({ length: 10 }, () => NO_CONTENT));
  });

  it('ends a session that has expired too, so that no restored row brings it back', async () => {
    const { service } = running;
    const session = await signIn(service.url);
    service.clock.advance(31 * DAY);
    expect(wire(await logout(service.url, session.refresh_token))).toEqual(NO_CONTENT);
    expect(await endOf(service.app, session.session_id)).toEqual({ at: service.clock.now(), reason: 'logout' });
  });

  it.each<[string, (token: string) => string]>([
    ['a forged token of that session', (token) => token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A')],
    ['a token cut off', (token) => token.slice(0, -1)],
    ['two tokens', (token) => `${token} ${token}`],
    ['nonsense', () => 'x'],
    ['a service key', () => SERVICE_KEY],
  ])('with what is not authentic is 204, and writes nothing: %s', async (_, forge) => {
    const { service } = running;
    const session = await signIn(service.url);
    const before = await sessionRow(service.app, session.session_id);
    const store = service.app.get(SessionStore);
    const spies = [jest.spyOn(store, 'end'), jest.spyOn(store, 'find')];

    expect(wire(await logout(service.url, forge(session.refresh_token)))).toEqual(NO_CONTENT);

    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
    expect(await sessionRow(service.app, session.session_id)).toEqual(before);
    expect(await refreshed(service.url, session.refresh_token)).toMatchObject({ token_type: 'Bearer' });
  });

  it('with an access token is 204, and the session goes on', async () => {
    const { service } = running;
    const session = await signIn(service.url);
    expect(wire(await logout(service.url, session.access_token))).toEqual(NO_CONTENT);
    expect((await refresh(service.url, session.refresh_token)).status).toBe(200);
  });

  it('of a session whose row was lost is 503: it could come back with a token that works', async () => {
    const { service } = running;
    const session = await signIn(service.url);
    await loseSession(service.app, session.session_id);
    expect(wire(await logout(service.url, session.refresh_token))).toEqual(UNAVAILABLE);
    expect(eventsIn(service.log, 'session_lost')).toContainEqual({
      event: 'session_lost',
      session_id: session.session_id,
    });
  });

  it('is 503 where the database can’t write, and the session is not told to be over', async () => {
    const { service } = running;
    const session = await signIn(service.url);
    const database = service.app.get(DataSource);
    await database.query('ALTER TABLE refresh_token_sessions RENAME TO elsewhere');
    expect(wire(await logout(service.url, session.refresh_token))).toEqual(UNAVAILABLE);
    await database.query('ALTER TABLE elsewhere RENAME TO refresh_token_sessions');
    expect((await refresh(service.url, session.refresh_token)).status).toBe(200);
    expect(wire(await logout(service.url, session.refresh_token))).toEqual(NO_CONTENT);
  });
});

describe('POST /logout of a session whose row was lost', () => {
  it('is 204 once the operator has accepted the loss', () =>
    withService('SQLite', { LOST_SESSIONS: 'refuse' }, async ({ url, app }) => {
      const session = await signIn(url);
      await loseSession(app, session.session_id);
      expect(wire(await logout(url, session.refresh_token))).toEqual(NO_CONTENT);
    }));

  it('is 204 where the row may have been purged', () =>
    withService('SQLite', { SESSION_RETENTION: '2d' }, async ({ url, app, clock }) => {
      const session = await signIn(url);
      await loseSession(app, session.session_id);
      clock.advance(2 * DAY - 1);
      expect(wire(await logout(url, session.refresh_token))).toEqual(UNAVAILABLE);
      clock.advance(1);
      expect(wire(await logout(url, session.refresh_token))).toEqual(NO_CONTENT);
    }));
});

describe('a request to /logout that is none', () => {
  const running = serviceForTheSuite('SQLite');

  it.each(['', 'Bearer', 'Bearer  ', 'Basic eDp5'])('has no token in %j: 401', async (value) => {
    const answer = await call(`${running.service.url}/logout`, { headers: { Authorization: value } });
    expect(wire(answer)).toEqual(MISSING_TOKEN);
    expect(wire(await call(`${running.service.url}/logout`))).toEqual(MISSING_TOKEN);
  });

  it('has a token where none belongs: 400, and the session goes on', async () => {
    const { url } = running.service;
    const { refresh_token: token } = await signIn(url);
    const takes = 'takes a token in the Authorization header only.';
    for (const name of ['access_token', 'refresh_token', 'token']) {
      expect(wire(await call(`${url}/logout?${name}=${token}`, { headers: bearer(token) }))).toEqual(
        invalidRequest(`${name}: got it in the query, ${takes}`),
      );
      const headers = { ...bearer(token), 'Content-Type': 'application/x-www-form-urlencoded' };
      expect(wire(await call(`${url}/logout`, { headers, body: `${name}=${token}` }))).toEqual(
        invalidRequest(`${name}: got it in the body, ${takes}`),
      );
    }
    expect(wire(await call(`${url}/logout?token=${token}`))).toEqual(
      invalidRequest(`token: got it in the query, ${takes}`),
    );
    expect((await refresh(url, token)).status).toBe(200);
  });

  it('has two Authorization headers: 400, and the session goes on', async () => {
    const { url } = running.service;
    const { refresh_token: token } = await signIn(url);
    const headers = [`Authorization: Bearer ${token}`, `authorization: Bearer ${token}`];
    expect(wire(await postRaw(`${url}/logout`, headers))).toEqual(TWO_AUTHORIZATIONS);
    expect((await refresh(url, token)).status).toBe(200);
  });

  it('has a body that is not what its type says, or too much of it', async () => {
    const { url } = running.service;
    const { refresh_token: token } = await signIn(url);
    const headers = { ...bearer(token), 'Content-Type': 'application/json' };
    expect(wire(await call(`${url}/logout`, { headers, body: '{"' }))).toEqual(NOT_WHAT_ITS_TYPE_SAYS);
    expect(wire(await call(`${url}/logout`, { headers, body: ' '.repeat(32 * 1_024 + 1) }))).toEqual(TOO_LARGE);
    expect((await refresh(url, token)).status).toBe(200);
    expect(wire(await call(`${url}/logout`, { headers, body: '{}' }))).toEqual(NO_CONTENT);
  });

  it.each(['GET', 'DELETE', 'PUT'])('is a %s: 404, and the session goes on', async (method) => {
    const { url } = running.service;
    const { refresh_token: token } = await signIn(url);
    expect(wire(await call(`${url}/logout`, { method, headers: bearer(token) }))).toEqual(NOT_FOUND);
    expect((await refresh(url, token)).status).toBe(200);
  });
});
