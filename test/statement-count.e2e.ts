import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { IssuedSession } from '../src/auth/refresh-token/token-response.js';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from './support/databases.js';
import { call, logout, postSession, refresh, refreshed, signIn, type Answer } from './support/http.js';
import { startService, type TestService } from './support/service.js';
import { loseSession, restoreSession, sessionRow } from './support/session-rows.js';
import { gist, watchStatements } from './support/statements.js';
import { MINUTE, SECOND } from './support/test-clock.js';

describeOnEachDatabase('the statements of a request', (name) => {
  let database: TestDatabase;
  let service: TestService;
  let session: IssuedSession;

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

  it('are, within the leeway, the UPDATE that changes no row and one SELECT', async () => {
    const { refresh_token: successor } = await refreshed(service.url, session.refresh_token);
    const before = await row();
    service.clock.advance(9 * SECOND);

    expect(await costOf(200, rotate(session.refresh_token))).toEqual(['UPDATE SET floor', 'SELECT']);
    expect(await costOf(200, rotate(successor))).toEqual(['UPDATE SET floor', 'SELECT']);
    expect(await row()).toEqual(before);
  });

  it('are, on reuse, the UPDATE, the SELECT and the UPDATE that revokes; afterwards nothing is written', async () => {
    const { refresh_token: successor } = await refreshed(service.url, session.refresh_token);
    service.clock.advance(MINUTE);
    await refreshed(service.url, successor);

    expect(await costOf(401, rotate(session.refresh_token))).toEqual([
      'UPDATE SET floor',
      'SELECT',
      'UPDATE SET revoked_at',
    ]);
    const before = await row();
    expect(await costOf(401, rotate(session.refresh_token))).toEqual(['UPDATE SET floor', 'SELECT']);
    expect(await row()).toEqual(before);
  });

  it('are three where the store is behind: only a row that was read is overtaken', async () => {
    const before = await row();
    const { refresh_token: successor } = await refreshed(service.url, session.refresh_token);
    await loseSession(service.app, session.session_id);
    await restoreSession(service.app, before);
    service.clock.advance(MINUTE);

    expect(await costOf(200, rotate(successor))).toEqual(['UPDATE SET floor', 'SELECT', 'UPDATE SET floor']);
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

  describe('are none', () => {
    /** The session's token with one character of it changed. */
    const forged = (position: number) => {
      const text = session.refresh_token;
      return text.slice(0, position) + (text[position] === 'A' ? 'B' : 'A') + text.slice(position + 1);
    };

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

    it('for a sign-in without the service key, or with a bad subject', async () => {
      const body = JSON.stringify({ subject: 'mallory' });
      const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${session.refresh_token}` };

      expect(await costOf(401, () => call(`${service.url}/sessions`, { headers, body }))).toEqual([]);
      expect(await costOf(400, () => postSession(service.url, { subject: '' }))).toEqual([]);
    });
  });
});
