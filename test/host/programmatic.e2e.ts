import { expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { DataSource } from 'typeorm';
import {
  AuthError,
  InvalidRefreshTokenError,
  InvalidRequestError,
  RefreshTokenService,
  SessionService,
  TemporarilyUnavailableError,
  type IssuedSession,
} from 'nest-refresh-token';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { refresh, refreshed, signIn } from '../support/http/http.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { endOf, loseSession } from '../support/databases/session-rows.js';
import { DAY, MINUTE } from '../support/test-clock.js';

describeOnEachDatabase('RefreshTokenService and SessionService, in the code of a host', (databaseName) => {
  const running = serviceForTheSuite(databaseName);

  function sessions(): RefreshTokenService {
    return running.service.app.get(RefreshTokenService);
  }

  function sessionService(): SessionService {
    return running.service.app.get(SessionService);
  }

  let users = 0;
  /** A subject of the test's own. */
  function newUser(): string {
    return `user-${++users}`;
  }

  /** Whether a session still refreshes. */
  async function isAlive({ refresh_token }: IssuedSession): Promise<boolean> {
    return (await refresh(running.service.url, refresh_token)).status === 200;
  }

  it('issue starts a session that the endpoint refreshes', async () => {
    const session = await sessions().issue({ subject: 'alice', claims: { roles: [] }, scope: 'read', clientId: 'web' });
    expect(session).toEqual({
      session_id: expect.any(String),
      subject: 'alice',
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3_600,
      refresh_token: expect.any(String),
      refresh_expires_in: 2_592_000,
    });
    expect(decodeJwt((await refreshed(running.service.url, session.refresh_token)).access_token)).toMatchObject({
      sub: 'alice',
      roles: [],
      scope: 'read',
      client_id: 'web',
      sid: session.session_id,
    });
  });

  it('issue names what it can’t take', async () => {
    const issued = sessions().issue({ subject: '' });
    await expect(issued).rejects.toBeInstanceOf(InvalidRequestError);
    await expect(issued).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'subject: got 0 characters, takes a string of 1 to 255 characters.',
    });
  });

  it('refresh answers in the wire’s shape, with the successor that the endpoint gives', async () => {
    const session = await signIn(running.service.url);
    const tokens = await sessions().refresh(session.refresh_token);
    expect(Object.keys(tokens)).toEqual([
      'access_token',
      'token_type',
      'expires_in',
      'refresh_token',
      'refresh_expires_in',
    ]);
    const again = await refreshed(running.service.url, session.refresh_token);
    expect(again.refresh_token).toBe(tokens.refresh_token);
  });

  it('refresh throws why, where the session has to sign in again', async () => {
    const session = await signIn(running.service.url);
    const second = await sessions().refresh(session.refresh_token);
    running.service.clock.advance(MINUTE);
    await sessions().refresh(second.refresh_token);
    running.service.clock.advance(MINUTE);

    const reused = sessions().refresh(session.refresh_token);
    await expect(reused).rejects.toBeInstanceOf(InvalidRefreshTokenError);
    await expect(reused).rejects.toBeInstanceOf(AuthError);
    await expect(reused).rejects.toMatchObject({
      name: 'InvalidRefreshTokenError',
      code: 'invalid_refresh_token',
      reason: 'reuse',
      sessionId: session.session_id,
    });
    await expect(sessions().refresh(second.refresh_token)).rejects.toMatchObject({ reason: 'revoked' });
    await expect(sessions().refresh('garbage')).rejects.toMatchObject({ reason: 'malformed' });
    await expect(sessions().refresh('')).rejects.toMatchObject({ reason: 'malformed' });
    expect(await sessions().refresh(session.refresh_token).catch(String)).not.toContain(session.refresh_token);
  });

  it('revoke says whether it was this call that ended the session', async () => {
    const session = await signIn(running.service.url);
    const last = session.refresh_token.endsWith('A') ? 'B' : 'A';
    expect(await sessions().revoke(session.refresh_token.slice(0, -1) + last)).toBe(false);
    expect(await sessions().revoke('garbage')).toBe(false);
    for (const none of ['', undefined as never]) {
      await expect(sessions().revoke(none)).rejects.toThrow(InvalidRequestError);
    }
    expect(await isAlive(session)).toBe(true);

    expect(await sessions().revoke(session.refresh_token)).toBe(true);
    expect(await sessions().revoke(session.refresh_token)).toBe(false);
    expect(await isAlive(session)).toBe(false);
  });

  it('SessionService.end ends one session, by its id in any spelling', async () => {
    const [first, second, third] = [
      await signIn(running.service.url),
      await signIn(running.service.url),
      await signIn(running.service.url),
    ];
    expect(await sessionService().end(first.session_id)).toBe(true);
    expect(await sessionService().end(first.session_id)).toBe(false);
    expect(await sessionService().end(second.session_id.toUpperCase())).toBe(true);
    expect([await isAlive(first), await isAlive(second), await isAlive(third)]).toEqual([false, false, true]);
    const at = running.service.clock.now();
    expect(await endOf(running.service.app, first.session_id)).toEqual({ at, reason: 'service' });
  });

  it.each([
    '',
    'garbage',
    '%',
    '*',
    "' OR 1=1 --",
    '00000000-0000-0000-0000-000000000000',
    '{00000000-0000-0000-0000-000000000000}',
    'a\0b',
    'x'.repeat(10_000),
  ])('SessionService.end ends nothing where the id can’t be one: %.40j', async (id) => {
    const session = await signIn(running.service.url);
    expect(await sessionService().end(id)).toBe(false);
    expect(await isAlive(session)).toBe(true);
  });

  it('SessionService.endAll ends all sessions of a subject, and counts those that were alive', async () => {
    const { url, clock, app } = running.service;
    const [user, otherUser] = [newUser(), newUser()];
    const expired = await signIn(url, user);
    clock.advance(31 * DAY);
    const loggedOut = await signIn(url, user);
    await sessions().revoke(loggedOut.refresh_token);
    const [first, second] = [await signIn(url, user), await signIn(url, user)];
    const other = await signIn(url, otherUser);

    expect(await sessionService().endAll(user)).toBe(2);
    expect(await sessionService().endAll(user)).toBe(0);
    expect([await isAlive(first), await isAlive(second), await isAlive(other)]).toEqual([false, false, true]);
    const at = clock.now();
    expect(await endOf(app, expired.session_id)).toEqual({ at, reason: 'service' });
    expect(await endOf(app, loggedOut.session_id)).toEqual({ at, reason: 'logout' });
  });

  it('SessionService.endAll spares the session it is told to', async () => {
    const { url } = running.service;
    const [user, otherUser] = [newUser(), newUser()];
    const [here, there] = [await signIn(url, user), await signIn(url, user)];
    const elsewhere = await signIn(url, otherUser);
    expect(await sessionService().endAll(user, { exceptSessionId: here.session_id.toUpperCase() })).toBe(1);
    expect([await isAlive(here), await isAlive(there), await isAlive(elsewhere)]).toEqual([true, false, true]);

    expect(await sessionService().endAll(user, { exceptSessionId: elsewhere.session_id })).toBe(1);
    expect([await isAlive(here), await isAlive(elsewhere)]).toEqual([false, true]);
  });

  it.each(['', 'garbage', "' OR 1=1 --", 'a\0b'])(
    'SessionService.endAll ends nothing where the session to spare can’t be one: %j',
    async (exceptSessionId) => {
      const user = newUser();
      const session = await signIn(running.service.url, user);
      const revoked = sessionService().endAll(user, { exceptSessionId });
      await expect(revoked).rejects.toBeInstanceOf(InvalidRequestError);
      await expect(revoked).rejects.toMatchObject({
        message: expect.stringMatching(/^exceptSessionId: got .+, takes /),
      });
      expect(await isAlive(session)).toBe(true);
    },
  );

  it.each(['nobody', '%', 'alic_', "alice' OR 1=1 --", 'ALICE', ' alice', 'alice ', 'àlice'])(
    'SessionService.endAll takes a subject to the letter: %s',
    async (subject) => {
      const session = await signIn(running.service.url);
      expect(await sessionService().endAll(subject)).toBe(0);
      expect(await isAlive(session)).toBe(true);
    },
  );

  it.each(['', 'a\0', 'x'.repeat(256)])(
    'SessionService.endAll names a subject that can’t be one: %.20j',
    async (subject) => {
      await expect(sessionService().endAll(subject)).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringMatching(/^subject: got .+, takes a string of 1 to 255 characters\.$/),
      });
    },
  );

  it('a lost row is nothing to sign anybody out for', async () => {
    const session = await signIn(running.service.url);
    await loseSession(running.service.app, session.session_id);
    for (const lost of [sessions().refresh(session.refresh_token), sessions().revoke(session.refresh_token)]) {
      await expect(lost).rejects.toBeInstanceOf(TemporarilyUnavailableError);
      await expect(lost).rejects.toMatchObject({ code: 'temporarily_unavailable', reason: 'session_lost' });
    }
    expect(await sessionService().end(session.session_id)).toBe(false);
  });

  it('every method says "later" where the database can’t answer', async () => {
    const session = await signIn(running.service.url);
    const database = running.service.app.get(DataSource);
    await database.query('ALTER TABLE refresh_token_sessions RENAME TO elsewhere');
    const attempts = [
      () => sessions().issue({ subject: 'alice' }),
      () => sessions().refresh(session.refresh_token),
      () => sessions().revoke(session.refresh_token),
      () => sessionService().end(session.session_id),
      () => sessionService().endAll('alice'),
    ];
    for (const attempt of attempts) {
      const error: unknown = await attempt().then(
        () => 'it was answered',
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(TemporarilyUnavailableError);
      expect(error).toMatchObject({
        reason: 'database',
        cause: { message: expect.stringContaining('refresh_token_sessions') },
      });
    }
    await database.query('ALTER TABLE elsewhere RENAME TO refresh_token_sessions');
    expect(await isAlive(session)).toBe(true);
  });
});
