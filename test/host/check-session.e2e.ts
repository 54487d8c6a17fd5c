import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Injectable, Post, UseFilters, UseGuards } from '@nestjs/common';
import {
  AccessTokenGuard,
  AccessTokenVerifier,
  AuthErrorFilter,
  CurrentToken,
  InvalidAccessTokenError,
  RefreshTokenController,
  RefreshTokenGuard,
  RefreshTokenService,
  SessionsController,
  SessionService,
  TemporarilyUnavailableError,
  type AccessTokenClaims,
  type AccessTokenOptions,
  type AuthModuleOptions,
} from 'nest-refresh-token';
import { signIn, type SignedIn } from 'nest-refresh-token/testing';
import { DataSource } from 'typeorm';
import { SessionStore } from '../../src/auth/session/session.store.js';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from '../support/databases/databases.js';
import { startGuardedHost, type GuardedHost } from '../support/hosts/guarded-host.js';
import { hostOptions } from '../support/hosts/host.js';
import { call, refresh } from '../support/http/http.js';
import { recorder } from '../support/servers/log-recorder.js';
import type { LoggedEvent } from '../support/servers/log.js';
import { watchStatements } from '../support/databases/statements.js';
import { HOUR, MINUTE, SECOND, TestClock } from '../support/test-clock.js';
import { INVALID_TOKEN, MISSING_TOKEN, UNAVAILABLE, wire, type Wire } from '../support/http/wire.js';
import { DEADLINE } from '../support/time.js';

/** For routes where a session that has ended is over at once. */
@Injectable()
class StrictGuard extends AccessTokenGuard {
  protected override prove(token: string): Promise<AccessTokenClaims> {
    return this.accessTokens.verify(token, { checkSession: true });
  }
}

@Controller('orders')
class OrdersController {
  @UseGuards(AccessTokenGuard)
  @Get()
  list(@CurrentToken() { sub }: AccessTokenClaims): object {
    return { sub };
  }

  @UseGuards(StrictGuard)
  @Post()
  add(@CurrentToken() { sub }: AccessTokenClaims): object {
    return { sub };
  }
}

describeOnEachDatabase('An access token of a session that has ended', (databaseName) => {
  const base = hostOptions();
  let database: TestDatabase;
  let clock: TestClock;
  let hosts: GuardedHost[];

  beforeAll(async () => {
    database = await createDatabase(databaseName);
  });
  beforeEach(() => {
    clock = new TestClock();
    hosts = [];
  });
  afterEach(async () => {
    for (const host of hosts) await host.close();
  });
  afterAll(() => database?.drop());

  /** One more instance of the host, with the same keys and the same database. */
  async function start(
    accessToken: Partial<AccessTokenOptions> = {},
    options: Partial<AuthModuleOptions> = {},
  ): Promise<GuardedHost> {
    const host = await startGuardedHost({
      options: { ...base, ...options, accessToken: { ...base.accessToken, ...accessToken } as AccessTokenOptions },
      controllers: [OrdersController],
      clock,
      database,
    });
    hosts.push(host);
    return host;
  }

  async function list(host: GuardedHost, { authorization }: SignedIn) {
    return wire(await call(`${host.url}/orders`, { method: 'GET', headers: { authorization } }));
  }

  async function add(host: GuardedHost, { authorization }: SignedIn) {
    return wire(await call(`${host.url}/orders`, { headers: { authorization } }));
  }

  const endings: [string, (host: GuardedHost, session: SignedIn) => Promise<unknown>][] = [
    ['by a logout', ({ app }, session) => app.get(RefreshTokenService).revoke(session.refresh_token)],
    ['by its id', ({ app }, session) => app.get(SessionService).end(session.session_id)],
    ['with all of its subject', ({ app }) => app.get(SessionService).endAll('alice')],
    ['by being one too many', async ({ app }) => signIn(app, 'alice', { revokeOthers: true })],
    [
      'by a reused token',
      async ({ app, url }, session) => {
        const second = await app.get(RefreshTokenService).refresh(session.refresh_token);
        clock.advance(MINUTE);
        await app.get(RefreshTokenService).refresh(second.refresh_token);
        clock.advance(MINUTE);
        expect((await refresh(url, session.refresh_token)).status).toBe(401);
      },
    ],
    [
      'by being deleted',
      ({ app }, session) =>
        app.get(DataSource).query(`DELETE FROM refresh_token_sessions WHERE id = '${session.session_id}'`),
    ],
  ];

  it.each(endings)('%s is refused at once with checkSession', async (_, end) => {
    const host = await start({ checkSession: true });
    const session = await signIn(host.app, 'alice');
    const bobs = await signIn(host.app, 'bob');
    expect((await list(host, session)).status).toBe(200);
    await end(host, session);
    expect(await list(host, session)).toEqual(INVALID_TOKEN);
    expect((await list(host, bobs)).status).toBe(200);
    await expect(host.app.get(AccessTokenVerifier).verify(session.access_token)).rejects.toMatchObject({
      reason: 'session_ended',
    });
  });

  it.each(endings)('%s is good without it until it expires', async (_, end) => {
    const host = await start();
    const session = await signIn(host.app, 'alice');
    const issuedAt = clock.now();
    await end(host, session);
    clock.set(issuedAt + HOUR - 1);
    expect((await list(host, session)).status).toBe(200);
    clock.set(issuedAt + HOUR);
    expect(await list(host, session)).toEqual(INVALID_TOKEN);
  });

  it('is refused on the routes alone whose guard asks for the session', async () => {
    const host = await start();
    const session = await signIn(host.app, 'alice');
    expect((await add(host, session)).status).toBe(201);
    await host.app.get(SessionService).end(session.session_id);
    expect(await add(host, session)).toEqual(INVALID_TOKEN);
    expect((await list(host, session)).status).toBe(200);
  });

  it('is refused or not as the call of the verifier says, over the option', async () => {
    const host = await start({ checkSession: true });
    const { access_token, session_id } = await signIn(host.app, 'alice');
    await host.app.get(SessionService).end(session_id);
    const verifier = host.app.get(AccessTokenVerifier);
    await expect(verifier.verify(access_token)).rejects.toBeInstanceOf(InvalidAccessTokenError);
    expect(await verifier.verify(access_token, { checkSession: false })).toMatchObject({ sub: 'alice' });
    await expect(verifier.verify(access_token, {})).rejects.toBeInstanceOf(InvalidAccessTokenError);
  });

  it('costs one SELECT to find out, and nothing where nobody asks', async () => {
    const host = await start();
    const session = await signIn(host.app, 'alice');
    const statements: string[] = [];
    const end = await watchStatements(host.app.get(DataSource), (sql) => void statements.push(sql.trim().slice(0, 6)));
    try {
      await list(host, session);
      expect(statements).toEqual([]);
      await add(host, session);
      expect(statements).toEqual(['SELECT']);
      // A token that isn't good by itself is refused before the database is asked.
      await add(host, { ...session, authorization: `${session.authorization}x` });
      expect(statements).toEqual(['SELECT']);
    } finally {
      end();
    }
  });

  describe('by the emergency brake', () => {
    it('is refused without asking the database, and those of later sessions are not', async () => {
      const before = await start();
      const early = await signIn(before.app, 'alice');
      clock.advance(MINUTE);
      const notBefore = new Date(clock.now());
      const late = await signIn(before.app, 'alice');
      const early2 = await before.app.get(RefreshTokenService).refresh(early.refresh_token);

      const after = await start({}, { session: { notBefore } });
      expect(await list(after, early)).toEqual(INVALID_TOKEN);
      // A new access token doesn't make a new session.
      expect(await list(after, { ...early, authorization: `Bearer ${early2.access_token}` })).toEqual(INVALID_TOKEN);
      expect((await list(after, late)).status).toBe(200);
      expect((await list(before, early)).status).toBe(200);

      await after.app.get(DataSource).destroy();
      expect(await list(after, early)).toEqual(INVALID_TOKEN);
      expect((await list(after, late)).status).toBe(200);
      await after.app.get(DataSource).initialize();
    });

    it('is refused to the millisecond with checkSession; without it, from the second before', async () => {
      const before = await start();
      clock.advance(400);
      const early = await signIn(before.app, 'alice');
      clock.advance(100);
      const notBefore = new Date(clock.now());
      const late = await signIn(before.app, 'alice');
      clock.advance(SECOND);
      const offline = await start({}, { session: { notBefore } });
      const asking = await start({ checkSession: true }, { session: { notBefore } });
      expect((await list(offline, early)).status).toBe(200);
      expect(await list(asking, early)).toEqual(INVALID_TOKEN);
      for (const host of [offline, asking]) expect((await list(host, late)).status).toBe(200);
    });

    it('is refused offline where the second its session began in is over', async () => {
      const before = await start();
      clock.advance(999);
      const early = await signIn(before.app, 'alice');
      clock.advance(1);
      const offline = await start({}, { session: { notBefore: new Date(clock.now()) } });
      expect(await list(offline, early)).toEqual(INVALID_TOKEN);
    });
  });

  describe('whose database does not answer', () => {
    it('is neither good nor bad: 503, and again what it was afterwards', async () => {
      const host = await start({ checkSession: true });
      const session = await signIn(host.app, 'alice');
      const dataSource = host.app.get(DataSource);
      await dataSource.destroy();
      try {
        expect(await list(host, session)).toEqual(UNAVAILABLE);
        const verification = host.app.get(AccessTokenVerifier).verify(session.access_token);
        await expect(verification).rejects.toBeInstanceOf(TemporarilyUnavailableError);
        // What needs no database is answered without it.
        const url = `${host.url}/orders`;
        expect(wire(await call(url, { method: 'GET' }))).toEqual(MISSING_TOKEN);
        expect(await list(host, { ...session, authorization: 'Bearer a b' })).toEqual(INVALID_TOKEN);
        clock.advance(2 * HOUR);
        expect(await list(host, session)).toEqual(INVALID_TOKEN);
        clock.advance(-2 * HOUR);
      } finally {
        await dataSource.initialize();
      }
      expect((await list(host, session)).status).toBe(200);
    });

    it('is good where nobody asks for its session', async () => {
      const host = await start();
      const session = await signIn(host.app, 'alice');
      await host.app.get(DataSource).destroy();
      expect((await list(host, session)).status).toBe(200);
      expect(await add(host, session)).toEqual(UNAVAILABLE);
      await host.app.get(DataSource).initialize();
    });
  });
});

describeOnEachDatabase('An outage that a guard meets', (databaseName) => {
  @Controller('filtered')
  @UseFilters(AuthErrorFilter)
  class FilteredController {
    @UseGuards(StrictGuard)
    @Get()
    list(): object {
      return {};
    }

    @UseGuards(RefreshTokenGuard)
    @Get('refresh')
    refresh(): object {
      return {};
    }
  }

  let host: GuardedHost;
  let log: string[];
  let session: SignedIn;

  beforeAll(async () => {
    log = [];
    host = await startGuardedHost({
      databaseName,
      controllers: [OrdersController, FilteredController],
      extras: { controllers: [RefreshTokenController, SessionsController] },
      configure: (app) => app.useLogger(recorder(log)),
    });
    session = await signIn(host.app, 'alice');
  });
  afterAll(() => host?.close());

  /** What is logged while the database is away. */
  async function whileAway(work: () => Promise<Wire>): Promise<LoggedEvent[]> {
    const dataSource = host.app.get(DataSource);
    await dataSource.destroy();
    log.length = 0;
    try {
      expect(await work()).toEqual(UNAVAILABLE);
    } finally {
      await dataSource.initialize();
    }
    expect(log.join()).not.toContain(session.access_token);
    expect(log.join()).not.toContain(session.refresh_token);
    return log
      .flatMap((entry) => JSON.parse(entry) as (LoggedEvent | string)[])
      .filter((part) => typeof part === 'object');
  }

  it.each<[string, string, string, keyof Pick<SignedIn, 'access_token' | 'refresh_token'>]>([
    ["a host's own route", 'POST', '/orders', 'access_token'],
    ["a host's own route with the filter of the module", 'GET', '/filtered', 'access_token'],
    ["the module's own list of sessions", 'GET', '/sessions', 'access_token'],
    ["the module's own ending of sessions", 'DELETE', '/sessions', 'access_token'],
    ['the refresh endpoint, behind the guard', 'POST', '/refresh_token', 'refresh_token'],
  ])('is one line of the log, with the request’s id: on %s', async (_, method, path, token) => {
    const headers = { authorization: `Bearer ${session[token]}`, 'x-request-id': 'request-7' };
    const entries = await whileAway(async () => wire(await call(host.url + path, { method, headers })));
    expect(entries).toEqual([
      expect.objectContaining({
        event: 'request.unavailable',
        reason: 'database',
        request_id: 'request-7',
        cause: expect.any(String),
      }),
    ]);
  });

  it('is a line for each request', async () => {
    const send = () => call(`${host.url}/orders`, { headers: { authorization: session.authorization } });
    const entries = await whileAway(async () => {
      const [first] = await Promise.all([send(), send(), send()]);
      return wire(first);
    });
    expect(entries.map(({ event }) => event)).toEqual(Array.from({ length: 3 }, () => 'request.unavailable'));
  });

  it('is the only refusal of a host’s own route that is logged', async () => {
    log.length = 0;
    const url = `${host.url}/orders`;
    for (const headers of [{}, { authorization: 'Bearer x' }, { authorization: `Bearer ${session.refresh_token}` }]) {
      expect((await call(url, { headers: headers as Record<string, string> })).status).toBe(401);
    }
    expect((await call(`${url}?access_token=x`)).status).toBe(400);
    expect(log).toEqual([]);
  });
});

describe('A database that neither answers nor refuses', () => {
  it('is waited for until the deadline, then it is 503', async () => {
    const host = await startGuardedHost({ controllers: [OrdersController] });
    try {
      const { authorization } = await signIn(host.app, 'alice');
      jest.spyOn(host.app.get(SessionStore), 'find').mockReturnValue(new Promise(() => undefined));
      const signal = AbortSignal.timeout(DEADLINE);
      const answer = await fetch(`${host.url}/orders`, { method: 'POST', headers: { authorization }, signal });
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
      expect(await answer.text()).toBe(UNAVAILABLE.text);
    } finally {
      await host.close();
    }
  });
});

// What the guard throws must read the same through whatever filter there is.
it('The filter of the module leaves the answers of the guard as they are', async () => {
  const host = await startGuardedHost({
    controllers: [OrdersController],
    configure: (app) => app.useGlobalFilters(app.get(AuthErrorFilter)),
  });
  try {
    const { authorization } = await signIn(host.app, 'alice');
    await host.app.get(DataSource).destroy();
    const url = `${host.url}/orders`;
    expect(wire(await call(url, { headers: { authorization } }))).toEqual(UNAVAILABLE);
    expect(wire(await call(url, { headers: { authorization: 'Bearer a b' } }))).toEqual(INVALID_TOKEN);
    expect(wire(await call(url))).toEqual(MISSING_TOKEN);
    await host.app.get(DataSource).initialize();
  } finally {
    await host.close();
  }
});
