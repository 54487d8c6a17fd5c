import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Module, UseGuards, ValidationPipe, VersioningType } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  AccessTokenVerifier,
  InvalidRequestError,
  RefreshTokenController,
  RefreshTokenService,
  SessionsController,
  SessionService,
  TemporarilyUnavailableError,
  type SessionListResponse,
} from 'nest-refresh-token';
import { signIn, type SignedIn } from 'nest-refresh-token/testing';
import { DataSource } from 'typeorm';
import { DataInterceptor } from '../fixtures/host-app/http/data.interceptor.js';
import { ProblemFilter } from '../fixtures/host-app/http/problem.filter.js';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { startGuardedHost, type GuardedHost } from '../support/hosts/guarded-host.js';
import { bearer, call, json, type Answer } from '../support/http/http.js';
import { deleteSessions, ended, getSessions, patchSessions } from '../support/http/session-calls.js';
import { DenyAll, NotFromMars, Public } from '../support/hosts/strict-host.js';
import {
  INVALID_TOKEN,
  invalidRequest,
  MISSING_TOKEN,
  NO_CONTENT,
  NOT_FOUND,
  UNAVAILABLE,
  wire,
} from '../support/http/wire.js';

@Public()
class PublicSessionsController extends SessionsController {}

@Public()
@UseGuards(NotFromMars)
@Controller({ path: 'account/devices', version: '2' })
class DevicesController extends SessionsController {}

/** As plain JavaScript may, and TypeScript without exactOptionalPropertyTypes: a user that was not found. */
const NO_SUBJECT = { subject: undefined } as unknown as { subject: string };

function ids(answer: Answer): string[] {
  expect(answer.status).toBe(200);
  return json<SessionListResponse>(answer).sessions.map(({ id }) => id);
}

describeOnEachDatabase('SessionsController in a host app', (databaseName) => {
  let host: GuardedHost;
  let ada: SignedIn;
  let second: SignedIn;
  let bob: SignedIn;
  let count = 0;

  beforeAll(async () => {
    host = await startGuardedHost({
      databaseName,
      extras: { controllers: [RefreshTokenController, SessionsController] },
    });
  });
  beforeEach(async () => {
    count += 1;
    ada = await signIn(host.app, `ada ${count}`, { label: 'Laptop', userAgent: 'Firefox', ip: '::ffff:203.0.113.7' });
    second = await signIn(host.app, `ada ${count}`);
    bob = await signIn(host.app, `bob ${count}`);
  });
  afterAll(() => host.close());

  it('lists, names and ends a user’s own sessions, as the service does', async () => {
    const { url } = host;
    const answer = await getSessions(url, ada.access_token);
    expect(wire(answer)).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
    const { sessions, next_cursor } = json<SessionListResponse>(answer);
    expect(next_cursor).toBeNull();
    expect(sessions.find(({ id }) => id === ada.session_id)).toEqual({
      id: ada.session_id,
      label: 'Laptop',
      user_agent: 'Firefox',
      ip: '203.0.113.7',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      last_used_at: expect.any(String),
      expires_at: expect.any(String),
      current: true,
    });
    expect(sessions.filter(({ current }) => !current).map(({ id }) => id)).toEqual([second.session_id]);

    expect(wire(await patchSessions(url, ada.access_token, `/${second.session_id}`, { label: 'x' }))).toEqual(
      NO_CONTENT,
    );
    expect(wire(await patchSessions(url, ada.access_token, `/${bob.session_id}`, { label: 'x' }))).toEqual(NOT_FOUND);
    expect(wire(await deleteSessions(url, ada.access_token, `/${bob.session_id}`))).toEqual(NOT_FOUND);
    expect(wire(await deleteSessions(url, ada.access_token, '?except=current'))).toEqual(ended(1));
    expect(wire(await deleteSessions(url, ada.access_token, `/${second.session_id}`))).toEqual(NO_CONTENT);
    expect(wire(await deleteSessions(url, ada.access_token))).toEqual(ended(1));
    expect(ids(await getSessions(url, bob.access_token))).toEqual([bob.session_id]);
  });

  it('asks for the session, though the module’s guards don’t', async () => {
    await host.app.get(SessionService).end(ada.session_id);
    const verifier = host.app.get(AccessTokenVerifier);
    expect(await verifier.verify(ada.access_token)).toMatchObject({ sid: ada.session_id });
    for (const answer of [
      await getSessions(host.url, ada.access_token),
      await deleteSessions(host.url, ada.access_token),
      await deleteSessions(host.url, ada.access_token, `/${second.session_id}`),
      await patchSessions(host.url, ada.access_token, `/${second.session_id}`, { label: 'x' }),
    ]) {
      expect(wire(answer)).toEqual(INVALID_TOKEN);
    }
    expect(ids(await getSessions(host.url, second.access_token))).toEqual([second.session_id]);
  });

  it('lets nobody else in', async () => {
    expect(wire(await call(`${host.url}/sessions`, { method: 'GET' }))).toEqual(MISSING_TOKEN);
    for (const token of ['x', ada.refresh_token]) {
      expect(wire(await getSessions(host.url, token))).toEqual(INVALID_TOKEN);
    }
    expect(wire(await getSessions(host.url, ada.access_token, `?subject=${bob.subject}`))).toMatchObject({
      status: 400,
    });
  });

  it('leaves what only a backend may do to the host’s own code', async () => {
    for (const method of ['POST', 'PATCH', 'PUT']) {
      const answer = await call(`${host.url}/sessions`, { method, headers: bearer(ada.access_token) });
      expect(answer.status).toBe(404);
    }
  });

  it('is 503 with Retry-After while the table is gone', async () => {
    const dataSource = host.app.get(DataSource);
    await dataSource.query('ALTER TABLE refresh_token_sessions RENAME TO elsewhere');
    try {
      for (const answer of [
        await getSessions(host.url, ada.access_token),
        await deleteSessions(host.url, ada.access_token),
        await deleteSessions(host.url, ada.access_token, `/${second.session_id}`),
        await patchSessions(host.url, ada.access_token, `/${second.session_id}`, { label: 'x' }),
      ]) {
        expect(wire(answer)).toEqual(UNAVAILABLE);
      }
      await expect(host.app.get(SessionService).list(ada.subject)).rejects.toBeInstanceOf(TemporarilyUnavailableError);
    } finally {
      await dataSource.query('ALTER TABLE elsewhere RENAME TO refresh_token_sessions');
    }
  });

  describe('SessionService beside it', () => {
    let sessions: SessionService;

    beforeEach(() => {
      sessions = host.app.get(SessionService);
    });

    it('lists as the endpoint does, with dates, page by page', async () => {
      const { sessions: page, nextCursor } = await sessions.list(ada.subject, { limit: 1 });
      const { sessions: rest, nextCursor: none } = await sessions.list(ada.subject, { cursor: String(nextCursor) });
      expect([...page, ...rest].map(({ id }) => id).toSorted()).toEqual([ada.session_id, second.session_id].toSorted());
      expect(none).toBeNull();
      expect([...page, ...rest].find(({ id }) => id === ada.session_id)).toEqual({
        id: ada.session_id,
        label: 'Laptop',
        userAgent: 'Firefox',
        ip: '203.0.113.7',
        createdAt: expect.any(Date),
        lastUsedAt: expect.any(Date),
        expiresAt: expect.any(Date),
      });
    });

    it('ends one, and says whether it was this call that did', async () => {
      expect(await sessions.end(ada.session_id, { subject: bob.subject })).toBe(false);
      expect(await sessions.end(ada.session_id.toUpperCase(), { subject: ada.subject })).toBe(true);
      expect(await sessions.end(ada.session_id)).toBe(false);
      expect(await sessions.end('x')).toBe(false);
      expect((await sessions.list(ada.subject)).sessions.map(({ id }) => id)).toEqual([second.session_id]);
      expect((await sessions.list(bob.subject)).sessions.length).toBe(1);
    });

    it('ends all but one, and none where that one is no id', async () => {
      await expect(sessions.endAll(ada.subject, { exceptSessionId: 'x' })).rejects.toThrow(
        "exceptSessionId: got something else, takes a session's id, a UUID.",
      );
      expect(await sessions.endAll(ada.subject, { exceptSessionId: second.session_id.toUpperCase() })).toBe(1);
      expect((await sessions.list(ada.subject)).sessions.map(({ id }) => id)).toEqual([second.session_id]);
    });

    it('names one, of that subject only', async () => {
      expect(await sessions.rename(second.session_id, 'x', { subject: bob.subject })).toBe(false);
      expect(await sessions.rename(second.session_id, 'x', { subject: ada.subject })).toBe(true);
      expect(await sessions.rename('x', 'x')).toBe(false);
      await sessions.end(ada.session_id);
      expect(await sessions.rename(ada.session_id, 'x')).toBe(false);
    });

    it('ends, names and asks for anybody’s where no subject is said at all', async () => {
      expect(await sessions.exists(ada.session_id)).toBe(true);
      expect(await sessions.exists(ada.session_id, {})).toBe(true);
      expect(await sessions.exists(ada.session_id, { subject: bob.subject })).toBe(false);
      expect(await sessions.rename(ada.session_id, 'x', {})).toBe(true);
      expect(await sessions.end(ada.session_id, { by: 'user' })).toBe(true);
      expect(await sessions.end(bob.session_id)).toBe(true);
    });

    it('changes claims and scope, in the next access token', async () => {
      expect(await sessions.update(ada.subject, { claims: { roles: ['admin'] }, scope: 'write' })).toBe(2);
      const { access_token } = await host.app.get(RefreshTokenService).refresh(ada.refresh_token);
      const claims = await host.app.get(AccessTokenVerifier).verify(access_token);
      expect(claims).toMatchObject({ sub: ada.subject, roles: ['admin'], scope: 'write' });
    });

    it.each<[string, (service: SessionService) => Promise<unknown>]>([
      ['an empty subject, to list', (service) => service.list('')],
      ['an empty subject, to end all', (service) => service.endAll('')],
      ['an empty subject, to change', (service) => service.update('', { scope: 'x' })],
      ['no subject, to end all', (service) => service.endAll(undefined as unknown as string)], // As plain JavaScript may.
      ['a limit of 0', (service) => service.list('a', { limit: 0 })],
      ['a limit of 101', (service) => service.list('a', { limit: 101 })],
      ['a limit that is no number', (service) => service.list('a', { limit: NaN })],
      ['a cursor of another kind', (service) => service.list('a', { cursor: 'x' })],
      ['a label too long', (service) => service.rename(ada.session_id, 'a'.repeat(101))],
      ['a subject that is not there, to end', (service) => service.end(ada.session_id, NO_SUBJECT)],
      [
        'a subject that is not there, to end, by its owner',
        (service) => service.end(ada.session_id, { ...NO_SUBJECT, by: 'user' }),
      ],
      ['a subject that is not there, to end what is no id', (service) => service.end('x', NO_SUBJECT)],
      ['a subject that is not there, to name', (service) => service.rename(ada.session_id, 'x', NO_SUBJECT)],
      ['a subject that is not there, to ask for', (service) => service.exists(ada.session_id, NO_SUBJECT)],
      ['null for a subject, to end', (service) => service.end(ada.session_id, { subject: null as unknown as string })], // As plain JavaScript may.
      ['an empty subject, to end', (service) => service.end(ada.session_id, { subject: '' })],
      ['an empty subject, to name', (service) => service.rename(ada.session_id, 'x', { subject: '' })],
      ['an empty subject, to ask for', (service) => service.exists(ada.session_id, { subject: '' })],
      ['nothing to change', (service) => service.update('a', {})],
      ['a registered claim', (service) => service.update('a', { claims: { sub: 'b' } })],
    ])('throws InvalidRequestError for %s', async (_, use) => {
      const { sessions: before } = await sessions.list(ada.subject);
      await expect(use(sessions)).rejects.toBeInstanceOf(InvalidRequestError);
      expect(before.length).toBe(2);
      expect((await sessions.list(ada.subject)).sessions).toEqual(before);
    });
  });
});

describe('The routes of sessions', () => {
  let host: GuardedHost;

  afterEach(() => host.close());

  it('are not there unless they are named', async () => {
    host = await startGuardedHost({});
    const { access_token, session_id } = await signIn(host.app, 'ada');
    for (const answer of [
      await getSessions(host.url, access_token),
      await deleteSessions(host.url, access_token),
      await deleteSessions(host.url, access_token, `/${session_id}`),
      await patchSessions(host.url, access_token, `/${session_id}`, { label: 'x' }),
    ]) {
      expect(answer.status).toBe(404);
    }
    expect((await host.app.get(SessionService).list('ada')).sessions.length).toBe(1);
  });

  it('keep their guard, answers and errors in an app with a prefix, versions, guards, pipes, filters and envelopes', async () => {
    const controllers = [PublicSessionsController, DevicesController];
    const providers = [{ provide: APP_GUARD, useClass: DenyAll }];
    host = await startGuardedHost({
      providers,
      extras: { controllers },
      configure: (app) => {
        app.setGlobalPrefix('api');
        app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
        app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
        app.useGlobalInterceptors(new DataInterceptor());
        app.useGlobalFilters(new ProblemFilter());
      },
    });
    for (const path of ['/api/sessions', '/api/v2/account/devices']) {
      const ada = await signIn(host.app, `ada at ${path}`);
      const second = await signIn(host.app, `ada at ${path}`);
      const send = (method: string, rest: string, token: string | undefined, body?: string) =>
        call(`${host.url}${path}${rest}`, {
          method,
          headers: {
            ...(token !== undefined && bearer(token)),
            // Fastify's own parser refuses the type of a body that isn't there.
            ...(body !== undefined && { 'Content-Type': 'application/json' }),
          },
          ...(body !== undefined && { body }),
        });
      const token = ada.access_token;

      expect(wire(await send('GET', '', undefined))).toEqual(MISSING_TOKEN);
      expect(wire(await send('GET', '', ada.refresh_token))).toEqual(INVALID_TOKEN);
      expect(new Set(ids(await send('GET', '?limit=2', token)))).toEqual(new Set([ada.session_id, second.session_id]));
      expect(wire(await send('GET', '?limit=x', token))).toEqual(
        invalidRequest('limit: got something else, takes a whole number from 1 to 100.'),
      );
      expect(wire(await send('PATCH', `/${second.session_id}`, token, '{"label":"x"}'))).toEqual(NO_CONTENT);
      expect(wire(await send('PATCH', `/${second.session_id}`, token, '{"label":7}'))).toMatchObject({ status: 400 });
      expect(wire(await send('PATCH', '/x', token, '{"label":"x"}'))).toEqual(NOT_FOUND);
      expect(wire(await send('DELETE', '/x', token))).toEqual(NOT_FOUND);
      // An id that is empty in the client's hand; Fastify's router knows no such route, and the app answers.
      expect(await send('DELETE', '/', token)).toMatchObject({ status: 404 });
      expect(wire(await send('DELETE', `/${second.session_id}`, token))).toEqual(NO_CONTENT);
      expect(wire(await send('DELETE', '', token))).toEqual(ended(1));
      expect(wire(await send('GET', '', token))).toEqual(INVALID_TOKEN);
    }

    const { access_token } = await signIn(host.app, 'ada');
    const devices = `${host.url}/api/v2/account/devices`;
    const fromMars = { ...bearer(access_token), 'X-Planet': 'mars' };
    expect((await call(devices, { method: 'GET', headers: fromMars })).status).toBe(403);
    expect((await call(`${host.url}/sessions`, { method: 'GET', headers: bearer(access_token) })).status).toBe(404);
  });

  it('are closed by a global guard where they are not made public', async () => {
    const providers = [{ provide: APP_GUARD, useClass: DenyAll }];
    host = await startGuardedHost({ providers, extras: { controllers: [SessionsController] } });
    const { access_token } = await signIn(host.app, 'ada');
    const answer = await getSessions(host.url, access_token);
    expect([answer.status, answer.text]).toEqual([401, '{"message":"Unauthorized","statusCode":401}']);
    expect((await deleteSessions(host.url, access_token)).status).toBe(401);
    expect((await host.app.get(SessionService).list('ada')).sessions.length).toBe(1);
  });

  it('may stand in a module of the host’s own', async () => {
    @Module({ controllers: [PublicSessionsController] })
    class AccountModule {}
    host = await startGuardedHost({ imports: [AccountModule], extras: { isGlobal: true } });
    const { access_token, session_id } = await signIn(host.app, 'ada');
    expect(ids(await getSessions(host.url, access_token))).toEqual([session_id]);
    expect(wire(await getSessions(host.url, 'x'))).toEqual(INVALID_TOKEN);
  });

  it('take HS256 with the host’s secret, and the host’s own trust in proxies', async () => {
    const accessToken = {
      issuer: 'https://app.example.com',
      algorithm: 'HS256' as const,
      secret: 'the secret the app has always signed with',
    };
    host = await startGuardedHost({
      options: { accessToken },
      extras: { controllers: [RefreshTokenController, SessionsController] },
      trustProxy: true,
    });
    const { access_token, refresh_token } = await signIn(host.app, 'ada');
    const headers = { ...bearer(refresh_token), 'User-Agent': 'Firefox', 'X-Forwarded-For': '203.0.113.7' };
    expect((await call(`${host.url}/refresh_token`, { headers })).status).toBe(200);
    const { sessions } = json<SessionListResponse>(await getSessions(host.url, access_token));
    expect(sessions).toEqual([expect.objectContaining({ user_agent: 'Firefox', ip: '203.0.113.7', current: true })]);
  });

  it.each([true, false])('record a device or not, as session.recordDevice says: %s', async (recordDevice) => {
    host = await startGuardedHost({
      options: { session: { recordDevice } },
      extras: { controllers: [SessionsController] },
    });
    const device = { label: 'Laptop', userAgent: 'Firefox', ip: '203.0.113.7' };
    const { access_token } = await signIn(host.app, 'ada', device);
    const { sessions } = json<SessionListResponse>(await getSessions(host.url, access_token));
    const { user_agent, ip } = recordDevice
      ? { user_agent: 'Firefox', ip: '203.0.113.7' }
      : { user_agent: null, ip: null };
    expect(sessions).toEqual([expect.objectContaining({ label: 'Laptop', user_agent, ip })]);
  });

  it('record where a refresh by the host’s own code came from, where it says so', async () => {
    host = await startGuardedHost({ extras: { controllers: [SessionsController] } });
    const { access_token, refresh_token } = await signIn(host.app, 'ada', { userAgent: 'Firefox', ip: '203.0.113.7' });
    await host.app.get(RefreshTokenService).refresh(refresh_token, { userAgent: 'Safari', ip: null });
    const { sessions } = json<SessionListResponse>(await getSessions(host.url, access_token));
    expect(sessions).toEqual([expect.objectContaining({ user_agent: 'Safari', ip: '203.0.113.7' })]);
  });
});
