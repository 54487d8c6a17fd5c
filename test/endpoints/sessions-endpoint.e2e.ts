import { describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose';
import { DataSource } from 'typeorm';
import { type IssuedSession, RefreshTokenSession } from 'nest-refresh-token';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { call, json, logout, postSession, refreshed, signIn } from '../support/http/http.js';
import { serviceForTheSuite, withService } from '../support/servers/running-service.js';
import { ISSUER, type TestService } from '../support/servers/service.js';
import { DAY, HOUR, SECOND } from '../support/test-clock.js';
import { json as jsonAnswer, NO_CONTENT, UNAVAILABLE, wire } from '../support/http/wire.js';

/** The claims of an access token, verified as a resource server would: with what the service publishes. */
async function verified({ url, clock }: TestService, accessToken: string): Promise<JWTPayload> {
  const published = await call(`${url}/.well-known/jwks.json`, { method: 'GET' });
  const { payload } = await jwtVerify(accessToken, createLocalJWKSet(json<JSONWebKeySet>(published)), {
    issuer: ISSUER,
    audience: ISSUER,
    typ: 'at+jwt',
    algorithms: ['ES256'],
    currentDate: new Date(clock.now()),
  });
  return payload;
}

describeOnEachDatabase('POST /sessions', (databaseName) => {
  const running = serviceForTheSuite(databaseName);

  it('starts a session, and answers 201 with exactly its fields, in their order', async () => {
    const answer = await postSession(running.service.url, { subject: 'alice' });

    const session = json<IssuedSession>(answer);
    expect(session).toEqual({
      session_id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      subject: 'alice',
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]{86}$/),
      token_type: 'Bearer',
      expires_in: 3_600,
      refresh_token: expect.stringMatching(/^rt_[\w-]{60}$/),
      refresh_expires_in: 30 * 86_400,
    });
    const { session_id, subject, access_token, token_type, expires_in, refresh_token, refresh_expires_in } = session;
    const inOrder = {
      session_id,
      subject,
      access_token,
      token_type,
      expires_in,
      refresh_token,
      refresh_expires_in,
    };
    expect(wire(answer)).toEqual(jsonAnswer(201, JSON.stringify(inOrder)));
  });

  it('its access token says who, until when and in which session, and nothing more', async () => {
    const { service } = running;
    const session = await signIn(service.url);
    const now = service.clock.now() / SECOND;
    expect(await verified(service, session.access_token)).toEqual({
      iss: ISSUER,
      sub: 'alice',
      aud: ISSUER,
      iat: now,
      exp: now + 3_600,
      jti: expect.stringMatching(/^[\w-]{22}$/),
      sid: session.session_id,
      auth_time: now,
    });
  });

  it('claims, scope and client stand in every access token of the session', async () => {
    const { service } = running;
    const claims = { roles: ['admin', 'staff'], tenant: { id: 7, name: 'Zoë 🦉', none: null }, active: true };
    const session = json<IssuedSession>(
      await postSession(service.url, { subject: 'alice', claims, scope: 'read write', client_id: 'web app' }),
    );
    const said = { ...claims, scope: 'read write', client_id: 'web app', sub: 'alice', sid: session.session_id };
    expect(await verified(service, session.access_token)).toMatchObject(said);

    service.clock.advance(DAY);
    const { access_token } = await refreshed(service.url, session.refresh_token);
    expect(await verified(service, access_token)).toMatchObject(said);
  });

  it('auth_time stays the time of the login, in whole seconds, however often it refreshes', async () => {
    const { service } = running;
    service.clock.advance(999);
    const login = Math.floor(service.clock.now() / SECOND);
    let { access_token, refresh_token } = await signIn(service.url);
    for (const _ of [1, 2, 3]) {
      expect(await verified(service, access_token)).toMatchObject({ auth_time: login });
      service.clock.advance(HOUR);
      ({ access_token, refresh_token } = await refreshed(service.url, refresh_token));
    }
    const claims = await verified(service, access_token);
    expect(claims).toMatchObject({ auth_time: login, iat: Math.floor(service.clock.now() / SECOND) });
  });

  it.each([
    ['one character', 'a'],
    ['255 characters', 'a'.repeat(255)],
    ['255 letters of three bytes', '語'.repeat(255)],
    ['quotes, a backslash and SQL', `'"\\'; DROP TABLE refresh_token_sessions; --`],
    ['an emoji of several parts', '👩‍🚀'],
    ['a space', ' '],
    ['what looks like a number', '007'],
    ['what looks like an escape', String.raw`\u0000`],
  ])('a subject is kept to the letter: %s', async (_, subject) => {
    const { service } = running;
    const session = await signIn(service.url, subject);
    expect(session.subject).toBe(subject);
    expect(await verified(service, session.access_token)).toMatchObject({ sub: subject });

    service.clock.advance(HOUR);
    const { access_token } = await refreshed(service.url, session.refresh_token);
    expect(await verified(service, access_token)).toMatchObject({ sub: subject });
  });

  it('each call starts a session of its own, one row each', async () => {
    const { service } = running;
    const sessions = await Promise.all(Array.from({ length: 10 }, () => signIn(service.url, 'ten times')));
    expect(new Set(sessions.map(({ session_id }) => session_id)).size).toBe(10);
    expect(new Set(sessions.map(({ refresh_token }) => refresh_token)).size).toBe(10);
    const rows = service.app.get(DataSource).getRepository(RefreshTokenSession);
    expect(await rows.countBy({ subject: 'ten times' })).toBe(10);

    const [ended, ...others] = sessions;
    expect(wire(await logout(service.url, ended?.refresh_token ?? ''))).toEqual(NO_CONTENT);
    for (const { refresh_token } of others) await refreshed(service.url, refresh_token);
  });

  it('is 503 where the row can’t be written, and no token is handed out', async () => {
    const { service } = running;
    await service.app.get(DataSource).query('ALTER TABLE refresh_token_sessions RENAME TO elsewhere');
    expect(wire(await postSession(service.url, { subject: 'alice' }))).toEqual(UNAVAILABLE);
    await service.app.get(DataSource).query('ALTER TABLE elsewhere RENAME TO refresh_token_sessions');
    expect((await postSession(service.url, { subject: 'alice' })).status).toBe(201);
  });
});

describe('the published keys', () => {
  const running = serviceForTheSuite('SQLite', { KEY_ACTIVATION_DELAY: '7m' });

  it('are public ones only, and may be kept for a fifth of the time that a new key waits', async () => {
    const answer = await call(`${running.service.url}/.well-known/jwks.json`, { method: 'GET' });
    const { keys } = json<{ keys: Record<string, string>[] }>(answer);
    expect(keys).toEqual([
      {
        kty: 'EC',
        crv: 'P-256',
        x: expect.stringMatching(/^[\w-]{43}$/),
        y: expect.stringMatching(/^[\w-]{43}$/),
        alg: 'ES256',
        use: 'sig',
        kid: expect.any(String),
      },
    ]);
    expect(wire(answer).headers).toEqual({
      'cache-control': 'public, max-age=84',
      'content-type': 'application/json; charset=utf-8',
    });
  });
});

describe('the audience', () => {
  it('is AUDIENCE where it is given', () =>
    withService('SQLite', { AUDIENCE: 'https://api.example.com' }, async (service) => {
      const { access_token } = await signIn(service.url);
      await expect(verified(service, access_token)).rejects.toMatchObject({ claim: 'aud' });
      const [, payload = ''] = access_token.split('.');
      expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
        iss: ISSUER,
        aud: 'https://api.example.com',
      });
    }));
});
