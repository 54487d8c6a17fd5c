import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { type IssuedSession, RefreshTokenService } from 'nest-refresh-token';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from '../support/databases/databases.js';
import { call, logout, postSession, refresh, refreshed, signIn, type Answer } from '../support/http/http.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { SERVICE_KEY, startService, type TestService } from '../support/servers/service.js';
import { deleteSessions, getSessions, patchSessions } from '../support/http/session-calls.js';
import { loseSession, restoreSession, sessionRow } from '../support/databases/session-rows.js';
import { gist, watchStatements } from '../support/databases/statements.js';
import { HOUR, MINUTE, SECOND } from '../support/test-clock.js';

describeOnEachDatabase('the statements of a request', (name) => {
  /** PostgreSQL's UPDATE hands over the row that it leaves as it is. */
  const look = name === 'PostgreSQL' ? [] : ['SELECT'];
  let database: TestDatabase;
  let service: TestService;
  let session: IssuedSession;
  let users = 0;

  beforeAll(async () => {
    database = await createDatabase(name);
    service = await startService(database.url);
  });

  beforeEach(async () => {
    session = await signIn(service.url);
  });

  afterAll(async () => {
    await service.close();
    await database.drop();
  });

  /** What a request that must be answered with `status` costs. */
  async function costOf(status: number, request: () => Promise<Answer>): Promise<string[]> {
    const statements: string[] = [];
    const stop = await watchStatements(service.app.get(DataSource), (sql) => statements.push(gist(sql)));
    const answer = await request();
    stop();
    expect(answer.status).toBe(status);
    // SQLite's PRAGMA sets the connection up; it is no work of the database.
    return statements.filter((statement) => statement !== 'PRAGMA');
  }

  const rotate = (token: string) => () => refresh(service.url, token);
  const row = () => sessionRow(service.app, session.session_id);

  it('are one for a refresh that rotates: no SELECT before it, no transaction around it', async () => {
    expect(await costOf(200, rotate(session.refresh_token))).toEqual(['UPDATE SET floor']);

    service.clock.advance(MINUTE);
    const { refresh_token: successor } = await refreshed(service.url, session.refresh_token);
    service.clock.advance(MINUTE);
    expect(await costOf(200, rotate(successor))).toEqual(['UPDATE SET floor']);
  });

  it('are one for a client whose response was lost', async () => {
    await refreshed(service.url, session.refresh_token);
    service.clock.advance(MINUTE);

    expect(await costOf(200, rotate(session.refresh_token))).toEqual(['UPDATE SET floor']);
  });

  it('are, within the leeway, the UPDATE that changes no row, and a look at it', async () => {
    const { refresh_token: successor } = await refreshed(service.url, session.refresh_token);
    const before = await row();
    service.clock.advance(9 * SECOND);

    expect(await costOf(200, rotate(session.refresh_token))).toEqual(['UPDATE SET floor', ...look]);
    expect(await costOf(200, rotate(successor))).toEqual(['UPDATE SET floor', ...look]);
    expect(await row()).toEqual(before);
  });

  it('are, on reuse, the UPDATE, the look and the UPDATE that revokes; afterwards nothing is written', async () => {
    const { refresh_token: successor } = await refreshed(service.url, session.refresh_token);
    service.clock.advance(MINUTE);
    await refreshed(service.url, successor);

    expect(await costOf(401, rotate(session.refresh_token))).toEqual([
      'UPDATE SET floor',
      ...look,
      'UPDATE SET revoked_at',
    ]);
    const before = await row();
    expect(await costOf(401, rotate(session.refresh_token))).toEqual(['UPDATE SET floor', ...look]);
    expect(await row()).toEqual(before);
  });

  it('are three where the store is behind: only a row that was read is overtaken', async () => {
    const before = await row();
    const { refresh_token: successor } = await refreshed(service.url, session.refresh_token);
    await loseSession(service.app, session.session_id);
    await restoreSession(service.app, before);
    service.clock.advance(MINUTE);

    expect(await costOf(200, rotate(successor))).toEqual(['UPDATE SET floor', ...look, 'UPDATE SET floor']);
  });

  it('are one for a sign-in, and one for a logout; a second logout reads only', async () => {
    expect(await costOf(201, () => postSession(service.url, { subject: 'bob' }))).toEqual(['INSERT']);
    expect(await costOf(204, () => logout(service.url, session.refresh_token))).toEqual(['UPDATE SET revoked_at']);

    const before = await row();
    expect(await costOf(204, () => logout(service.url, session.refresh_token))).toEqual([
      'UPDATE SET revoked_at',
      'SELECT',
    ]);
    expect(await row()).toEqual(before);
  });

  describe.each([1, 60])('on the sessions of a user who has %d', (count) => {
    let subject: string;
    let own: IssuedSession;

    beforeEach(async () => {
      subject = `user ${(users += 1)} of ${count}`;
      const refreshTokens = service.app.get(RefreshTokenService);
      const sessions = await Promise.all(Array.from({ length: count }, () => refreshTokens.issue({ subject })));
      own = sessions.at(-1) as IssuedSession;
    });

    it('are one to list them, after the one that asks whether who lists them is still signed in', async () => {
      const { url } = service;
      for (const query of ['', '?limit=1', '?limit=100']) {
        expect(await costOf(200, () => getSessions(url, own.access_token, query))).toEqual(['SELECT', 'SELECT']);
      }
      expect(await costOf(200, () => getSessions(url, SERVICE_KEY, `?subject=${subject}`))).toEqual(['SELECT']);
    });

    it('are one to name one of them', async () => {
      const rename = (id: string) => () =>
        patchSessions(service.url, own.access_token, `/${id}`, { label: 'My phone' });

      expect(await costOf(204, rename(own.session_id))).toEqual(['SELECT', 'UPDATE SET label']);
      expect(await costOf(404, rename(session.session_id))).toEqual(['SELECT', 'UPDATE SET label']);
    });

    it('are one to change what they say', async () => {
      const change = () =>
        patchSessions(service.url, SERVICE_KEY, `?subject=${subject}`, { claims: { role: 'admin' } });

      expect(await costOf(200, change)).toEqual(['UPDATE SET claims']);
    });

    it('are one to end one of them, and one more to tell one that had ended from one that is not there', async () => {
      const { url } = service;
      const end =
        (credential: string, { session_id }: IssuedSession) =>
        () =>
          deleteSessions(url, credential, `/${session_id}`);

      expect(await costOf(404, end(own.access_token, session))).toEqual(['SELECT', 'UPDATE SET revoked_at', 'SELECT']);
      expect(await costOf(204, end(own.access_token, own))).toEqual(['SELECT', 'UPDATE SET revoked_at']);
      expect(await costOf(204, end(SERVICE_KEY, own))).toEqual(['UPDATE SET revoked_at', 'SELECT']);
    });

    it('are one to end all of them, or all but one', async () => {
      const { url } = service;
      const endOthers = () => deleteSessions(url, own.access_token, '?except=current');
      const endAll = () => deleteSessions(url, SERVICE_KEY, `?subject=${subject}`);

      expect(await costOf(200, endOthers)).toEqual(['SELECT', 'UPDATE SET revoked_at']);
      expect(await costOf(200, endAll)).toEqual(['UPDATE SET revoked_at']);
      expect(await costOf(401, endOthers)).toEqual(['SELECT']);
    });

    it('are one more for a sign-in that ends the others', async () => {
      const signInAlone = () => postSession(service.url, { subject, revoke_others: true });

      expect(await costOf(201, signInAlone)).toEqual(['INSERT', 'UPDATE SET revoked_at']);
    });
  });

  describe('are none', () => {
    /** A token of the session with one character of it changed. */
    const forged = (position: number, text = session.refresh_token) =>
      text.slice(0, position) + (text[position] === 'A' ? 'B' : 'A') + text.slice(position + 1);

    it.each<[string, () => string]>([
      ['of an unknown secret', () => forged(3)],
      ['with another handle', () => forged(10)],
      ['with another number', () => forged(30)],
      ['with another tag', () => forged(62)],
      ['that is cut', () => session.refresh_token.slice(0, -1)],
      ['that is no refresh token', () => session.access_token],
      ['that is nothing at all', () => 'x'],
    ])('for a token %s', async (_, token) => {
      expect(await costOf(401, rotate(token()))).toEqual([]);
      expect(await costOf(204, () => logout(service.url, token()))).toEqual([]);
    });

    it.each<[number, string, Record<string, string | string[]>]>([
      [401, 'no token', {}],
      [401, 'two tokens in one header', { Authorization: 'Bearer a b' }],
      [400, 'two headers', { Authorization: ['Bearer a', 'Bearer b'] }],
    ])('for a request that is answered %d: %s', async (status, _, headers) => {
      expect(await costOf(status, () => call(`${service.url}/refresh_token`, { headers }))).toEqual([]);
    });

    it('for a good token that is in the query as well', async () => {
      const token = session.refresh_token;
      const request = () =>
        call(`${service.url}/refresh_token?refresh_token=${token}`, { headers: { Authorization: `Bearer ${token}` } });

      expect(await costOf(400, request)).toEqual([]);
    });

    it('for an access token that is forged, of another kind, or too old', async () => {
      const { url } = service;
      const { access_token, refresh_token } = session;
      for (const token of [forged(access_token.length - 10, access_token), refresh_token, 'x']) {
        expect(await costOf(401, () => getSessions(url, token))).toEqual([]);
        expect(await costOf(401, () => deleteSessions(url, token))).toEqual([]);
      }
      service.clock.advance(2 * HOUR);
      expect(await costOf(401, () => getSessions(url, access_token))).toEqual([]);
    });

    it('for sessions of nobody, and for ids that are none', async () => {
      const { url } = service;
      expect(await costOf(400, () => getSessions(url, SERVICE_KEY))).toEqual([]);
      expect(await costOf(400, () => deleteSessions(url, SERVICE_KEY, '?subject='))).toEqual([]);
      expect(await costOf(400, () => patchSessions(url, SERVICE_KEY, '', { scope: 'admin' }))).toEqual([]);
      expect(await costOf(404, () => deleteSessions(url, SERVICE_KEY, '/1'))).toEqual([]);
      expect(await costOf(404, () => patchSessions(url, SERVICE_KEY, '/1', { label: 'x' }))).toEqual([]);
    });

    it('for the keys that access tokens verify with', async () => {
      expect(await costOf(200, () => call(`${service.url}/.well-known/jwks.json`, { method: 'GET' }))).toEqual([]);
    });

    it('for a sign-in without the service key, or with a bad subject', async () => {
      const body = JSON.stringify({ subject: 'mallory' });
      const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${session.refresh_token}` };

      expect(await costOf(401, () => call(`${service.url}/sessions`, { headers, body }))).toEqual([]);
      expect(await costOf(400, () => postSession(service.url, { subject: '' }))).toEqual([]);
    });
  });
});

describeOnEachDatabase('the statements of a sign-in where sessions are limited', (name) => {
  const running = serviceForTheSuite(name, { MAX_SESSIONS_PER_SUBJECT: '2' });

  it('are two, whether there is one to end or none', async () => {
    const { url, app } = running.service;
    const statements: string[] = [];
    const stop = await watchStatements(app.get(DataSource), (sql) => statements.push(gist(sql)));
    for (const _ of [1, 2, 3, 4]) await signIn(url);
    stop();
    expect(statements.filter((statement) => statement !== 'PRAGMA')).toEqual(
      Array.from({ length: 4 }, () => ['INSERT', 'UPDATE SET revoked_at']).flat(),
    );
  });
});
