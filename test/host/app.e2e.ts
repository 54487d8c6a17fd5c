import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { Test } from '@nestjs/testing';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import {
  InvalidRefreshTokenError,
  InvalidRequestError,
  postgresMigrations,
  RefreshTokenService,
  SessionService,
  type IssuedSession,
  type TokenResponse,
} from 'nest-refresh-token';
import { signIn as signInTo, type SignedIn } from 'nest-refresh-token/testing';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { AppConfig } from '../fixtures/host-app/app.config.js';
import { AppModule } from '../fixtures/host-app/app.module.js';
import { configureApp } from '../fixtures/host-app/configure-app.js';
import { databaseOptions } from '../fixtures/host-app/database/database.options.js';
import { CreateUsers1780000000000 } from '../fixtures/host-app/users/create-users.migration.js';
import { User } from '../fixtures/host-app/users/user.entity.js';
import { UsersService } from '../fixtures/host-app/users/users.service.js';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { hostAdapter } from '../support/servers/http-adapter.js';
import { bearer, call, json, type Answer } from '../support/http/http.js';
import { listen } from '../support/http/listen.js';

const PARTNER_KEY = 'the-key-of-a-partner';
const PASSWORD = 'correct horse battery staple';
const PROBLEM_401 = '{"type":"about:blank","status":401}';

/** The app has PostgreSQL, whatever serves its HTTP. */
const describeIt = process.env['TEST_POSTGRES_URL'] ? describe : describe.skip;

describeIt('A Nest app with conventions of its own', () => {
  let database: TestDatabase;
  let app: INestApplication;
  let url: string;
  const users = new Map<string, User>();

  beforeAll(async () => {
    database = await createDatabase('PostgreSQL');
    const config: AppConfig = {
      databaseUrl: database.url,
      issuer: 'https://app.example.com',
      jwtSecret: 'the secret the app has always signed with',
      refreshTokenSecrets: ['refresh-token-secret-of-the-host-app-0123456789'],
      partnerKey: PARTNER_KEY,
    };
    await liveWithoutRefreshTokens(config);
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(AppConfig)
      .useValue(config)
      .compile();
    app = module.createNestApplication(hostAdapter());
    configureApp(app);
    url = await listen(app);
    for (const name of ['ada', 'bob']) {
      users.set(name, await app.get(UsersService).create(`${name}@example.com`, PASSWORD, 'acme'));
    }
  });

  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  describe('at its login', () => {
    it('hands out the first tokens, in its own envelope', async () => {
      const answer = await login('ada');
      expect(answer.status).toBe(200);
      expect(json<{ data: IssuedSession }>(answer).data).toEqual({
        session_id: expect.any(String),
        subject: expect.any(String),
        access_token: expect.any(String),
        token_type: 'Bearer',
        expires_in: 3_600,
        refresh_token: expect.stringMatching(/^rt_/),
        refresh_expires_in: 30 * 86_400,
      });
      expect(answer.headers['cache-control']).toBe('no-store');
    });

    it('signs access tokens with the options of the module, not with those of the global JwtModule', async () => {
      const { access_token, session_id, subject } = json<{ data: IssuedSession }>(await login('ada')).data;
      expect(decodeProtectedHeader(access_token)).toEqual({ alg: 'HS256', typ: 'at+jwt' });
      const claims = decodeJwt(access_token);
      expect(claims).toMatchObject({
        iss: 'https://app.example.com',
        aud: 'https://app.example.com',
        sub: subject,
        sid: session_id,
        tenant: 'acme',
      });
      expect(Number(claims.exp) - Number(claims.iat)).toBe(3_600);
    });
  });

  describe('at POST /api/refresh_token', () => {
    it('answers as the wire has it: past the guard, without envelope and without version', async () => {
      const { refresh_token } = await signIn('ada');
      const answer = await refresh(bearer(refresh_token));
      expect(answer.status).toBe(200);
      expect(json(answer)).toEqual({
        access_token: expect.any(String),
        token_type: 'Bearer',
        expires_in: 3_600,
        refresh_token: expect.stringMatching(/^rt_/),
        refresh_expires_in: 30 * 86_400,
      });
      expect(json<TokenResponse>(answer).refresh_token).not.toBe(refresh_token);
      expect(answer.headers['cache-control']).toBe('no-store');
    });

    it.each(['/refresh_token', '/api/v1/refresh_token'])('is not at %s', async (path) => {
      const { refresh_token } = await signIn('ada');
      expect((await call(`${url}${path}`, { headers: bearer(refresh_token) })).status).toBe(404);
    });

    it.each([
      ['application/json', '{"device":"phone"}'],
      ['application/json', '{}'],
      ['application/x-www-form-urlencoded', 'device=phone'],
    ])('ignores a body that ValidationPipe would refuse (%s %s)', async (type, body) => {
      const { refresh_token } = await signIn('ada');
      const answer = await refresh({ ...bearer(refresh_token), 'Content-Type': type }, body);
      expect([answer.status, Object.keys(json<object>(answer))]).toEqual([
        200,
        expect.arrayContaining(['access_token']),
      ]);
    });

    it.each([
      ['no header', {}],
      ['another scheme', { Authorization: 'Basic YWRhOnNlY3JldA==' }],
    ])('answers missing_token to %s', async (_, headers) => {
      expectRefusal(await refresh(headers), 401, 'Bearer', '{"error":"missing_token"}');
    });

    it.each([
      ['no token of ours', () => 'rt_forged'],
      ['two words', () => 'rt_forged twice'],
      ["a partner's key", () => PARTNER_KEY],
      ['an access token', async () => (await signIn('ada')).access_token],
      ['a dead token', async () => loggedOut(await signIn('ada'))],
    ])('answers invalid_refresh_token to %s, with the same bytes', async (_, token) => {
      const answer = await refresh(bearer(await token()));
      expectRefusal(answer, 401, 'Bearer error="invalid_token"', '{"error":"invalid_refresh_token"}');
    });

    it('answers invalid_request to a token in the body, the query or a second header', async () => {
      const { refresh_token } = await signIn('ada');
      const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
      const inBody = await refresh({ ...bearer(refresh_token), ...form }, `refresh_token=${refresh_token}`);
      const inQuery = await call(`${url}/api/refresh_token?access_token=x`, { headers: bearer(refresh_token) });
      const twice = await refresh({ Authorization: [`Bearer ${refresh_token}`, `Bearer ${refresh_token}`] });
      for (const [answer, description] of [
        [inBody, 'refresh_token: got it in the body, takes a token in the Authorization header only.'],
        [inQuery, 'access_token: got it in the query, takes a token in the Authorization header only.'],
        [twice, 'Authorization: got more than one such header, takes one.'],
      ] as const) {
        const body = JSON.stringify({ error: 'invalid_request', error_description: description });
        expectRefusal(answer, 400, 'Bearer error="invalid_request"', body);
      }
      expect((await refresh(bearer(refresh_token))).status).toBe(200);
    });
  });

  describe("at the app's own routes", () => {
    it('is the guard it has always had that accepts access tokens, refreshed ones too', async () => {
      const { authorization, refresh_token } = await signIn('ada');
      const { access_token } = json<TokenResponse>(await refresh(bearer(refresh_token)));
      for (const headers of [{ authorization }, bearer(access_token)]) {
        const answer = await get('/me', headers);
        expect([answer.status, answer.text]).toEqual([200, '{"data":{"email":"ada@example.com","tenant":"acme"}}']);
      }
    });

    it('goes on accepting the tokens that the app signs itself', async () => {
      const { subject } = await signIn('ada');
      const token = app.get(JwtService).sign({ sub: subject, tenant: 'acme' });
      expect(decodeJwt(token).iss).toBe('host-app');
      expect((await get('/me', bearer(token))).status).toBe(200);
    });

    it.each([
      ['nothing', async () => ({})],
      ['a refresh token', async () => bearer((await signIn('ada')).refresh_token)],
      ["a partner's key", async () => bearer(PARTNER_KEY)],
    ])('is not opened by %s', async (_, headers) => {
      const answer = await get('/me', await headers());
      expect([answer.status, answer.text]).toEqual([401, PROBLEM_401]);
    });

    it('leaves the strategy named bearer to the app', async () => {
      const { access_token, refresh_token } = await signIn('ada');
      expect((await get('/partners/report', bearer(PARTNER_KEY))).text).toBe('{"data":{"orders":3}}');
      for (const token of [access_token, refresh_token]) {
        expect((await get('/partners/report', bearer(token))).status).toBe(401);
      }
    });

    it('opens a route to refresh tokens with RefreshTokenGuard', async () => {
      const { refresh_token } = await signIn('ada');
      const answer = await signOutDevice(bearer(refresh_token));
      expect([answer.status, answer.text]).toEqual([204, '']);
      expect((await refresh(bearer(refresh_token))).status).toBe(401);
    });

    it.each([
      [401, 'Bearer', {}],
      [401, 'Bearer error="invalid_token"', bearer('rt_forged')],
      [400, 'Bearer error="invalid_request"', { Authorization: ['Bearer a', 'Bearer b'] }],
    ])('answers %i from that guard through its own exception filter (%s)', async (status, challenge, headers) => {
      const answer = await signOutDevice(headers);
      expect([answer.status, answer.text]).toEqual([status, JSON.stringify({ type: 'about:blank', status })]);
      expect(answer.headers['www-authenticate']).toBe(challenge);
    });
  });

  describe('when a session is over', () => {
    it('ends it at logout, and only it', async () => {
      const [here, elsewhere] = [await signIn('ada'), await signIn('ada')];
      const answer = await postLogout(here.refresh_token);
      expect([answer.status, answer.text]).toEqual([204, '']);
      expect((await refresh(bearer(here.refresh_token))).status).toBe(401);
      expect((await refresh(bearer(elsewhere.refresh_token))).status).toBe(200);
    });

    it('takes a logout with a forged token for done', async () => {
      expect((await postLogout('rt_forged')).status).toBe(204);
    });

    it('ends the others of a user who changes the password, and nobody else', async () => {
      const [here, elsewhere, bob] = [await signIn('ada'), await signIn('ada'), await signIn('bob')];
      const changed = await call(`${url}/api/v1/me/password`, {
        method: 'PUT',
        headers: { authorization: here.authorization, 'Content-Type': 'application/json' },
        body: JSON.stringify({ password: PASSWORD }),
      });
      expect(changed.status).toBe(204);
      expect((await refresh(bearer(elsewhere.refresh_token))).status).toBe(401);
      expect((await refresh(bearer(here.refresh_token))).status).toBe(200);
      expect((await refresh(bearer(bob.refresh_token))).status).toBe(200);
    });

    it('refuses what is no token at all; a logout without one is a mistake, and no logout', async () => {
      const service = app.get(RefreshTokenService);
      // As a cookie that isn't there reads.
      const nothing = undefined as never;
      await expect(service.refresh(nothing)).rejects.toBeInstanceOf(InvalidRefreshTokenError);
      await expect(service.revoke(nothing)).rejects.toBeInstanceOf(InvalidRequestError);
    });

    it('refuses to spare a session whose id can be none', async () => {
      const service = app.get(RefreshTokenService);
      const { refresh_token } = await service.issue({ subject: 'dave' });
      const ended = app.get(SessionService).endAll('dave', { exceptSessionId: 'mine' });
      await expect(ended).rejects.toBeInstanceOf(InvalidRequestError);
      await service.refresh(refresh_token);
    });

    it('tells its own code why, by the type of the error', async () => {
      const service = app.get(RefreshTokenService);
      const session = await service.issue({ subject: 'carol' });
      const sessions = app.get(SessionService);
      expect(await sessions.end(session.session_id)).toBe(true);
      expect(await sessions.end(session.session_id)).toBe(false);

      const dead: unknown = await service.refresh(session.refresh_token).catch((error: unknown) => error);
      expect(dead).toBeInstanceOf(InvalidRefreshTokenError);
      expect(dead).toMatchObject({ code: 'invalid_refresh_token', reason: 'revoked', sessionId: session.session_id });

      const forged: unknown = await service.refresh('rt_forged').catch((error: unknown) => error);
      expect(forged).toBeInstanceOf(InvalidRefreshTokenError);
      expect(forged).toMatchObject({ reason: 'malformed', sessionId: undefined });

      const nobody: unknown = await service.issue({ subject: '' }).catch((error: unknown) => error);
      expect(nobody).toBeInstanceOf(InvalidRequestError);
      expect(nobody).toMatchObject({ code: 'invalid_request', message: expect.stringMatching(/^subject: /) });
    });
  });

  describe('in its database', () => {
    it('keeps its tables where the app keeps everything', async () => {
      const rows = await query(
        database.url,
        `SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
         WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
      );
      expect(rows.map(({ name }) => name)).toEqual([
        'accounts.app_access_token_keys',
        'accounts.app_refresh_token_secrets',
        'accounts.app_refresh_token_sessions',
        'accounts.app_users',
        'accounts.migrations',
      ]);
    });

    it('differs in nothing from what the entities say', async () => {
      const { upQueries } = await app.get(DataSource).driver.createSchemaBuilder().log();
      expect(upQueries.map(({ query: sql }) => sql)).toEqual([]);
    });

    it('keeps one row a session, however often it refreshes', async () => {
      let { refresh_token, session_id } = await signIn('ada');
      for (let times = 0; times < 3; times += 1) {
        ({ refresh_token } = json<TokenResponse>(await refresh(bearer(refresh_token))));
      }
      const rows = await query(
        database.url,
        'SELECT id FROM accounts.app_refresh_token_sessions WHERE id = $1',
        session_id,
      );
      expect(rows).toHaveLength(1);
    });

    it('takes its tables away, and no other, when its migrations are undone', async () => {
      const dataSource = app.get(DataSource);
      const tables = async () =>
        (await query(database.url, `SELECT tablename FROM pg_tables WHERE schemaname = 'accounts' ORDER BY 1`)).map(
          ({ tablename }) => tablename,
        );
      for (const _ of postgresMigrations) await dataSource.undoLastMigration();
      expect(await tables()).toEqual(['app_users', 'migrations']);
      await dataSource.runMigrations();
      expect(await tables()).toHaveLength(5);
    });
  });

  function login(name: string): Promise<Answer> {
    return call(`${url}/api/v1/auth/login`, {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ email: `${name}@example.com`, password: PASSWORD }),
    });
  }

  /** Past the login, with what it would hand over. */
  async function signIn(name: string): Promise<SignedIn> {
    const { id, tenant } = users.get(name) as User;
    return signInTo(app, id, { claims: { tenant } });
  }

  async function loggedOut({ refresh_token }: IssuedSession): Promise<string> {
    await postLogout(refresh_token);
    return refresh_token;
  }

  function postLogout(refresh_token: string): Promise<Answer> {
    return call(`${url}/api/v1/auth/logout`, {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ refresh_token }),
    });
  }

  function refresh(headers: Record<string, string | string[]>, body?: string): Promise<Answer> {
    return call(`${url}/api/refresh_token`, { headers, ...(body === undefined ? {} : { body }) });
  }

  function signOutDevice(headers: Record<string, string | string[]>): Promise<Answer> {
    return call(`${url}/api/v1/auth/device`, { method: 'DELETE', headers });
  }

  function get(path: string, headers: Record<string, string | string[]>): Promise<Answer> {
    return call(`${url}/api/v1${path}`, { method: 'GET', headers });
  }
});

/** The app has been in use, and has migrated its own tables, before it is given refresh tokens. */
async function liveWithoutRefreshTokens(config: AppConfig): Promise<void> {
  await query(config.databaseUrl, 'CREATE SCHEMA accounts');
  const options = { ...databaseOptions(config), entities: [User], migrations: [CreateUsers1780000000000] };
  const dataSource = await new DataSource(options).initialize();
  await dataSource.destroy();
}

function expectRefusal(answer: Answer, status: number, challenge: string, body: string): void {
  expect([answer.status, answer.text]).toEqual([status, body]);
  expect(answer.headers['www-authenticate']).toBe(challenge);
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.headers['content-type']).toMatch(/^application\/json\b/);
}

async function query(connectionString: string, sql: string, ...values: string[]): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
