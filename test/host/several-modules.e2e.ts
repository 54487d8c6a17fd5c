import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Body,
  Controller,
  Get,
  HttpException,
  Inject,
  Injectable,
  Module,
  Post,
  UseFilters,
  UseGuards,
  type DynamicModule,
  type ExecutionContext,
} from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { getDataSourceToken } from '@nestjs/typeorm';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose';
import {
  AccessTokenGuard,
  accessTokenGuard,
  authErrorFilter,
  AuthModule,
  ConfigurationError,
  getAuthToken,
  refreshTokenGuard,
  RefreshTokenService,
  SessionService,
  SessionObserver,
  SessionPolicy,
  SessionsController,
  type AccessTokenOptions,
  type AccessTokenRequest,
  type AuthModuleOptions,
  type IssuedSession,
  type PolicyDecision,
  type SessionEvent,
  type TokenResponse,
} from 'nest-refresh-token';
import { signIn as signInTo } from 'nest-refresh-token/testing';
import { DataSource } from 'typeorm';
import { generateSecret, generateSigningKeys } from '../../src/auth/keys/key-generation.js';
import {
  createDatabase,
  describeOnEachDatabase,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases/databases.js';
import { startHost, type Host } from '../support/hosts/host.js';
import { bearer, call, json, type Answer } from '../support/http/http.js';
import {
  guardedRoutes,
  loginFor,
  moduleOn,
  ownOptions,
  pathOf,
  startApp,
  type ModuleName,
} from '../support/hosts/several-modules.js';
import { invalidRequest, UNAVAILABLE, wire } from '../support/http/wire.js';

const NAMES: readonly ModuleName[] = [undefined, 'partners', 'back-office'];
const PAIRS = NAMES.flatMap((of) => NAMES.map((at) => [of, at] as const));
const REFUSED_ACCESS = [401, '{"error":"invalid_token"}'];
const REFUSED_REFRESH = [401, '{"error":"invalid_refresh_token"}'];

function get(host: Host, path: string, token?: string): Promise<Answer> {
  return call(host.url + path, { method: 'GET', headers: token === undefined ? {} : bearer(token) });
}

function refreshAt(host: Host, name: ModuleName, token: string, path = pathOf(name)): Promise<Answer> {
  return call(host.url + path, { headers: bearer(token) });
}

async function signIn(host: Host, name: ModuleName): Promise<IssuedSession> {
  return json<IssuedSession>(await get(host, `/${name}/login`));
}

async function databases(kind: DatabaseName, count: number): Promise<TestDatabase[]> {
  return Promise.all(Array.from({ length: count }, () => createDatabase(kind)));
}

describeOnEachDatabase('Three modules in one app', (databaseName) => {
  let own: TestDatabase[];
  let host: Host;

  beforeAll(async () => {
    own = await databases(databaseName, NAMES.length);
    host = await startApp(
      NAMES,
      NAMES.flatMap((name, at) =>
        moduleOn(own[at] as TestDatabase, name, name === 'back-office' ? { isAsync: true } : {}),
      ),
    );
  });
  afterAll(async () => {
    await host?.app.close();
    await Promise.all(own.map((database) => database.drop()));
  });

  it.each(NAMES)('sign in with the service of that name, and refresh at its path: %s', async (name) => {
    const { refresh_token, subject } = await signIn(host, name);
    const answer = await refreshAt(host, name, refresh_token);
    const { access_token } = json<TokenResponse>(answer);
    expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
    const opened = await get(host, `/${name}/access`, access_token);
    expect(json(opened)).toEqual({ sub: subject, iss: `https://${name ?? 'app'}.example.com` });
  });

  it.each(NAMES)('publish their own keys and no others: %s', async (name) => {
    const path = name === undefined ? '/.well-known/jwks.json' : `${pathOf(name)}/.well-known/jwks.json`;
    const keys = json<JSONWebKeySet>(await get(host, path));
    expect(keys.keys).toHaveLength(1);
    for (const other of NAMES) {
      const { access_token } = await signIn(host, other);
      const isIts = decodeProtectedHeader(access_token).kid === keys.keys[0]?.kid;
      expect(isIts).toBe(other === name);
    }
    const issuer = `https://${name ?? 'app'}.example.com`;
    const { access_token } = await signIn(host, name);
    await jwtVerify(access_token, createLocalJWKSet(keys), { issuer, audience: issuer, typ: 'at+jwt' });
  });

  it.each(PAIRS)('take each the tokens of their own only: of %s at %s', async (of, at) => {
    const { access_token, refresh_token } = await signIn(host, of);
    const answers = [
      await get(host, `/${at}/access`, access_token),
      await get(host, `/${at}/access`, refresh_token),
      await get(host, `/${at}/refresh`, refresh_token),
      await get(host, `/${at}/refresh`, access_token),
      await refreshAt(host, at, access_token),
      await refreshAt(host, at, refresh_token),
    ].map(({ status, text }) => (status === 200 ? 200 : [status, text]));
    const isOwn = of === at;
    expect(answers).toEqual([
      isOwn ? 200 : REFUSED_ACCESS,
      REFUSED_ACCESS,
      isOwn ? 200 : REFUSED_REFRESH,
      REFUSED_REFRESH,
      REFUSED_REFRESH,
      isOwn ? 200 : REFUSED_REFRESH,
    ]);
    // What was refused elsewhere is as good as before.
    expect((await refreshAt(host, of, refresh_token)).status).toBe(200);
  });

  it('never mix them up under load: each request has the tokens of its own module, or is refused', async () => {
    const sessions = await Promise.all(NAMES.map((name) => signIn(host, name)));
    for (const _ of [1, 2, 3]) {
      const asked = PAIRS.flatMap(([of, at]) => {
        const { access_token, refresh_token } = sessions[NAMES.indexOf(of)] as IssuedSession;
        const expected = of === at ? 200 : 401;
        return [
          { expected, answer: get(host, `/${at}/access`, access_token) },
          { expected, answer: get(host, `/${at}/refresh`, refresh_token) },
          { expected, answer: refreshAt(host, at, refresh_token) },
        ].map(async (each) => ({ ...each, of, answer: await each.answer }));
      });
      for (const { of, expected, answer } of await Promise.all(asked)) {
        expect(answer.status).toBe(expected);
        const { iss = undefined, access_token = undefined } = json<{ iss?: string; access_token?: string }>(answer);
        const issuer = `https://${of ?? 'app'}.example.com`;
        if (iss !== undefined) expect(iss).toBe(issuer);
        if (access_token !== undefined) expect((await get(host, `/${of}/access`, access_token)).status).toBe(200);
      }
    }
  });

  it('answer each for itself to a request without a token', async () => {
    for (const name of NAMES) {
      for (const path of [`/${name}/access`, `/${name}/refresh`]) {
        const answer = await get(host, path);
        expect([answer.status, answer.text]).toEqual([401, '{"error":"missing_token"}']);
        expect(answer.headers['www-authenticate']).toBe('Bearer');
      }
    }
  });

  it('end the sessions of a user of their own only', async () => {
    const tokens = await Promise.all(NAMES.map((moduleName) => signInTo(host.app, 'the-same-id', { moduleName })));
    const partners = host.app.get<SessionService>(getAuthToken(SessionService, 'partners'));
    expect(await partners.endAll('the-same-id')).toBe(1);
    const statuses = await Promise.all(
      NAMES.map((name, at) => refreshAt(host, name, (tokens[at] as IssuedSession).refresh_token)),
    );
    expect(statuses.map(({ status }) => status)).toEqual([200, 401, 200]);
  });
});

describe('Several modules in one app', () => {
  let own: TestDatabase[];
  let host: Host | undefined;
  const hosts: Host[] = [];

  beforeEach(async () => {
    own = await databases('SQLite', 2);
  });
  afterEach(async () => {
    for (const { app } of [...hosts.splice(0), ...(host ? [host] : [])]) await app.close();
    host = undefined;
    await Promise.all(own.map((database) => database.drop()));
  });

  const on = (at: number, ...rest: Parameters<typeof moduleOn> extends [unknown, ...infer R] ? R : never) =>
    moduleOn(own[at] as TestDatabase, ...rest);

  it.each([false, true])(
    'stand at a path of their own, with their keys below it: by forRootAsync %s',
    async (isAsync) => {
      host = await startApp(
        [undefined, 'partners'],
        [...on(0, undefined, { path: 'auth/refresh' }), ...on(1, 'partners', { path: 'b2b/tokens', isAsync })],
      );
      const { refresh_token } = await signIn(host, 'partners');
      expect((await refreshAt(host, 'partners', refresh_token, '/b2b/tokens')).status).toBe(200);
      expect((await refreshAt(host, undefined, refresh_token, '/auth/refresh')).status).toBe(401);
      expect((await refreshAt(host, 'partners', refresh_token)).status).toBe(404);
      const kids = await Promise.all(
        ['/.well-known/jwks.json', '/b2b/tokens/.well-known/jwks.json'].map(
          async (path) => json<JSONWebKeySet>(await get(host as Host, path)).keys[0]?.kid,
        ),
      );
      expect(new Set(kids).size).toBe(2);
      expect(kids[1]).toBe(decodeProtectedHeader((await signIn(host, 'partners')).access_token).kid);
    },
  );

  it.each([1, 2])('may all have names, with %i of them', async (count) => {
    const names = ['one', 'two'].slice(0, count);
    host = await startApp(
      names,
      names.flatMap((name, at) => on(at, name)),
    );
    for (const name of names) {
      const { refresh_token } = await signIn(host, name);
      expect((await refreshAt(host, name, refresh_token)).status).toBe(200);
    }
    expect((await get(host, '/.well-known/jwks.json')).status).toBe(404);
  });

  it('are told apart by issuer where all sign with the one secret of the host', async () => {
    const signing = { algorithm: 'HS256' as const, secret: 'the secret the host has always signed with' };
    host = await startApp(
      [undefined, 'partners'],
      [
        ...on(0, undefined, { accessToken: { issuer: 'https://app.example.com', ...signing } }),
        ...on(1, 'partners', { accessToken: { issuer: 'https://partners.example.com', ...signing } }),
      ],
    );
    for (const name of [undefined, 'partners']) {
      const { access_token } = await signIn(host, name);
      const other = name === undefined ? 'partners' : undefined;
      expect((await get(host, `/${name}/access`, access_token)).status).toBe(200);
      expect((await get(host, `/${other}/access`, access_token)).status).toBe(401);
    }
  });

  it.each<[string, Partial<AccessTokenOptions>, Partial<AccessTokenOptions>]>([
    ['issuer', { issuer: 'https://one.example.com' }, { issuer: 'https://two.example.com' }],
    [
      'issuer, with an audience in common',
      { issuer: 'https://one.example.com', audience: 'api' },
      { issuer: 'https://two.example.com', audience: ['api'] },
    ],
    ['audience', { audience: 'https://one.example.com' }, { audience: ['https://two.example.com', 'three'] }],
  ])('may share a key where they are told apart by %s: each takes its own tokens only', async (_, one, other) => {
    const { accessToken } = ownOptions(undefined);
    const withKey = (more: Partial<AccessTokenOptions>) => ({
      accessToken: { ...accessToken, ...more } as AccessTokenOptions,
    });
    host = await startApp(
      [undefined, 'partners'],
      [...on(0, undefined, withKey(one)), ...on(1, 'partners', withKey(other))],
    );
    for (const name of [undefined, 'partners']) {
      const { access_token } = await signIn(host, name);
      for (const at of [undefined, 'partners']) {
        expect((await get(host, `/${at}/access`, access_token)).status).toBe(name === at ? 200 : 401);
      }
    }
  });

  it('have a filter for the host’s own routes: an outage is 503 there, though no module is without a name', async () => {
    const database = own[0] as TestDatabase;
    @Controller('login')
    @UseFilters(authErrorFilter('partners'))
    class LoginController {
      constructor(
        @Inject(getAuthToken(RefreshTokenService, 'partners')) private readonly refreshTokens: RefreshTokenService,
      ) {}

      @Post()
      login(@Body() { subject }: { subject: string }): Promise<IssuedSession> {
        return this.refreshTokens.issue({ subject });
      }

      @Get('teapot')
      teapot(): never {
        throw new HttpException('of the host', 418);
      }
    }
    host = await startHost({ imports: moduleOn(database, 'partners'), controllers: [LoginController] });
    const login = (subject: string) =>
      call(`${host?.url}/login`, {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ subject }),
      });
    expect((await login('alice')).status).toBe(201);
    expect(wire(await login(''))).toEqual(
      invalidRequest('subject: got 0 characters, takes a string of 1 to 255 characters.'),
    );
    expect((await get(host, '/login/teapot')).status).toBe(418);

    const dataSource = host.app.get<DataSource>(getDataSourceToken('partners'));
    await dataSource.destroy();
    try {
      expect(wire(await login('alice'))).toEqual(UNAVAILABLE);
    } finally {
      await dataSource.initialize();
    }
    expect((await login('alice')).status).toBe(201);
  });

  it('are injected everywhere where they are global, and only then', async () => {
    @Module({ controllers: [loginFor('partners'), guardedRoutes('partners')] })
    class ElsewhereModule {}

    host = await startHost({ imports: [...on(0, 'partners', { isGlobal: true }), ElsewhereModule] });
    const { access_token } = await signIn(host, 'partners');
    expect((await get(host, '/partners/access', access_token)).status).toBe(200);
    const notGlobal = startHost({ imports: [...on(1, 'partners'), ElsewhereModule] });
    await expect(notGlobal).rejects.toThrow(/AccessTokenVerifier:partners.* is available in the ElsewhereModule/s);
  });

  it('ask each their own policy, and tell each their own observer', async () => {
    const events: Record<string, SessionEvent[]> = { users: [], partners: [] };

    @Injectable()
    class Watch extends SessionObserver {
      observe(event: SessionEvent): void {
        events['users']?.push(event);
      }
    }
    @Injectable()
    class WatchPartners extends SessionObserver {
      observe(event: SessionEvent): void {
        events['partners']?.push(event);
      }
    }
    @Injectable()
    class NoPartners extends SessionPolicy {
      onRefresh(): PolicyDecision {
        return { allow: false, reason: 'contract ended' };
      }
    }

    host = await startApp(
      [undefined, 'partners'],
      [
        ...on(0, undefined, { sessionObserver: Watch }),
        ...on(1, 'partners', { sessionObserver: WatchPartners, sessionPolicy: NoPartners }),
      ],
    );
    const [user, partner] = [await signIn(host, undefined), await signIn(host, 'partners')];
    expect((await refreshAt(host, undefined, user.refresh_token)).status).toBe(200);
    expect((await refreshAt(host, 'partners', partner.refresh_token)).status).toBe(401);
    expect(events['users']?.map(({ type }) => type)).toEqual(['created', 'refreshed']);
    expect(events['partners']).toEqual([
      expect.objectContaining({ type: 'created', subject: 'user-of-partners' }),
      expect.objectContaining({ type: 'ended', reason: 'policy', policyReason: 'contract ended' }),
    ]);
  });

  it('serve the controllers they are given, with guards of their own', async () => {
    @Controller('partners/sessions')
    class PartnerSessionsController extends SessionsController {}

    host = await startApp(
      [undefined, 'partners'],
      [
        ...on(0, undefined, { controllers: [SessionsController] }),
        ...on(1, 'partners', { controllers: [PartnerSessionsController] }),
      ],
    );
    const [user, partner] = [await signIn(host, undefined), await signIn(host, 'partners')];
    const list = async (path: string, token: string) => {
      const answer = await get(host as Host, path, token);
      return answer.status === 200
        ? json<{ sessions: { id: string }[] }>(answer).sessions.map(({ id }) => id)
        : answer.status;
    };
    expect(await list('/sessions', user.access_token)).toEqual([user.session_id]);
    expect(await list('/partners/sessions', partner.access_token)).toEqual([partner.session_id]);
    expect(await list('/sessions', partner.access_token)).toBe(401);
    expect(await list('/partners/sessions', user.access_token)).toBe(401);

    const end = (path: string, token: string) =>
      call(`${host?.url}${path}`, { method: 'DELETE', headers: bearer(token) });
    expect((await end(`/sessions/${partner.session_id}`, user.access_token)).status).toBe(404);
    expect((await end(`/partners/sessions/${partner.session_id}`, user.access_token)).status).toBe(401);
    expect((await end('/partners/sessions', user.access_token)).status).toBe(401);
    expect(await list('/partners/sessions', partner.access_token)).toEqual([partner.session_id]);
    expect((await end('/partners/sessions', partner.access_token)).text).toBe('{"ended":1}');
    // It asks for the session, in the module's own database.
    expect(await list('/partners/sessions', partner.access_token)).toBe(401);
    expect(await list('/sessions', user.access_token)).toEqual([user.session_id]);
  });

  it('serve sessions with a name too where there is no module without one', async () => {
    @Controller('partners/sessions')
    class PartnerSessionsController extends SessionsController {}

    host = await startApp(['partners'], on(1, 'partners', { controllers: [PartnerSessionsController] }));
    const { access_token, refresh_token, session_id } = await signIn(host, 'partners');
    const listed = await get(host, '/partners/sessions', access_token);
    expect(json<{ sessions: object[] }>(listed).sessions).toEqual([expect.objectContaining({ id: session_id })]);
    expect((await get(host, '/partners/sessions', refresh_token)).status).toBe(401);
    expect((await get(host, '/sessions', access_token)).status).toBe(404);
  });

  it('have guards that a host extends with dependencies of its own', async () => {
    @Injectable()
    class Users {
      readonly banned = new Set<string>();
    }
    @Injectable()
    class UnbannedGuard extends AccessTokenGuard {
      @Inject(Users) private readonly users!: Users;

      override async canActivate(context: ExecutionContext): Promise<boolean> {
        if (!(await super.canActivate(context))) return false;
        return !this.users.banned.has(this.getRequest(context).accessToken.sub);
      }

      override getRequest(context: ExecutionContext): AccessTokenRequest {
        return context.switchToHttp().getRequest<AccessTokenRequest>();
      }
    }
    @Controller('extended')
    @UseGuards(UnbannedGuard)
    class ExtendedController {
      @Get()
      show() {
        return {};
      }
    }
    host = await startHost({
      imports: on(0, undefined),
      controllers: [ExtendedController, loginFor(undefined)],
      providers: [Users],
    });
    const { access_token, subject } = await signIn(host, undefined);
    expect((await get(host, '/extended', access_token)).status).toBe(200);
    host.app.get(Users).banned.add(subject);
    expect((await get(host, '/extended', access_token)).status).toBe(403);
  });

  it('have a guard class and an injection token each, the same each time', () => {
    expect(accessTokenGuard('partners')).toBe(accessTokenGuard('partners'));
    expect(accessTokenGuard('partners')).not.toBe(accessTokenGuard('back-office'));
    expect(refreshTokenGuard('partners')).toBe(refreshTokenGuard('partners'));
    expect(refreshTokenGuard('partners')).not.toBe(refreshTokenGuard('back-office'));
    expect(getAuthToken(RefreshTokenService, 'partners')).toBe(getAuthToken(RefreshTokenService, 'partners'));
    expect(getAuthToken(RefreshTokenService, 'partners')).not.toBe(getAuthToken(RefreshTokenService, 'back-office'));
    expect(authErrorFilter('partners')).toBe(authErrorFilter('partners'));
    expect(authErrorFilter('partners')).not.toBe(authErrorFilter('back-office'));
    expect(getAuthToken(RefreshTokenService)).toBe(RefreshTokenService);
  });

  it('open nothing by the name of their strategies: a Passport guard of the host’s own proves no token', async () => {
    @Controller('open')
    class OpenController {
      @Get('refresh')
      @UseGuards(AuthGuard('nest-refresh-token:partners'))
      refresh() {
        return {};
      }

      @Get('access')
      @UseGuards(AuthGuard('nest-refresh-token:partners/access-token'))
      access() {
        return {};
      }
    }
    host = await startHost({ imports: on(0, 'partners'), controllers: [OpenController, loginFor('partners')] });
    const { access_token, refresh_token } = await signIn(host, 'partners');
    expect((await get(host, '/open/refresh', refresh_token)).status).toBe(401);
    expect((await get(host, '/open/access', access_token)).status).toBe(401);
  });

  it.each(['', 'a b', 'a/b', 'a:b', '../a', 'ä', 'x'.repeat(65), null as never, 7 as never])(
    'have names that can stand in a path: not %j',
    (name) => {
      const declare = () => AuthModule.forRoot({ ...ownOptions(undefined), name });
      expect(declare).toThrow(ConfigurationError);
      expect(declare).toThrow(`name: got ${JSON.stringify(name)}, takes 1 to 64 letters, digits, _ and -.`);
    },
  );

  describe('do not start', () => {
    async function refusal(...imports: DynamicModule[]): Promise<Error> {
      const error: unknown = await startHost({ imports }).then(
        ({ app }) => app.close(),
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(Error);
      return error as Error;
    }

    it.each([
      ['with secrets and keys of their own', () => ownOptions('partners')],
      ['with the same ones', (same: AuthModuleOptions) => same],
    ])('on one DataSource, %s: the refusal says what each needs', async (_, optionsOf) => {
      const options = ownOptions(undefined);
      const [dataSource, users] = on(0, undefined, options) as [DynamicModule, DynamicModule];
      const [, partners] = on(0, 'partners', { dataSource: DataSource, ...optionsOf(options) });
      const error = await refusal(dataSource, users, partners as DynamicModule);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toMatch(/^dataSource: .*"partners".*, takes a DataSource of its own for each\.$/);
    });

    it('on one database, through two DataSources, with secrets of their own', async () => {
      const { accessToken } = ownOptions(undefined);
      const modules = [
        ...on(0, undefined, { accessToken }),
        ...on(0, 'partners', { accessToken: { ...accessToken, issuer: 'https://partners.example.com' } }),
      ];
      const error = await refusal(...modules);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toMatch(/^REFRESH_TOKEN_SECRETS \(refreshToken\.secrets\): .* is not configured/);
    });

    const SECRETS = ['the first secret of the app, 0123456789', 'the other secret of the app, 0123456789'];

    it.each<[string, string[], string[]]>([
      ['the one that mints', [SECRETS[0] as string], [SECRETS[0] as string]],
      ['one that verifies', [generateSecret(), SECRETS[1] as string], [generateSecret(), SECRETS[1] as string]],
      ['one that mints here and verifies there', SECRETS, [generateSecret(), SECRETS[0] as string]],
    ])('with a secret of refresh tokens in common: %s', async (_, users, partners) => {
      const error = await refusal(
        ...on(0, undefined, { refreshToken: { secrets: users } }),
        ...on(1, 'partners', { refreshToken: { secrets: partners } }),
      );
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toBe(
        "refreshToken.secrets: got a secret that another AuthModule of this application has, takes those of its own: each would take the other's tokens.",
      );
    });

    const HS256 = { algorithm: 'HS256' as const, secret: 'the secret the host has always signed with' };
    const issuer = 'https://app.example.com';
    const keys = generateSigningKeys();
    const both = { keys: [...generateSigningKeys().keys, ...keys.keys] };

    it.each<[string, AuthModuleOptions['accessToken'], AuthModuleOptions['accessToken']]>([
      ['the secret of HS256', { issuer, ...HS256 }, { issuer, ...HS256 }],
      ['the key that signs', { issuer, keys }, { issuer, keys }],
      ['a key that is published', { issuer, keys }, { issuer, keys: both }],
      ['one of several audiences', { issuer, audience: ['a', 'b'], keys }, { issuer, audience: ['b', 'c'], keys }],
      ['the audience, as a list and as it is', { issuer, audience: ['a'], keys }, { issuer, audience: 'a', keys }],
      ['the issuer for an audience', { issuer, keys }, { issuer, audience: issuer, keys }],
    ])('with access tokens in common: %s', async (_, users, partners) => {
      const error = await refusal(
        ...on(0, undefined, { accessToken: users }),
        ...on(1, 'partners', { accessToken: partners, isAsync: true }),
      );
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toBe(
        "accessToken: got a key, with the same issuer and audience, that another AuthModule of this application has, takes those of its own: each would take the other's tokens.",
      );
    });

    it('where two with names have them in common, beside one that has none', async () => {
      const shared = { refreshToken: { secrets: [SECRETS[0] as string] } };
      const third = await createDatabase('SQLite');
      try {
        const error = await refusal(
          ...on(0, undefined),
          ...on(1, 'partners', shared),
          ...moduleOn(third, 'back-office', shared),
        );
        expect(error.message).toMatch(/^refreshToken\.secrets: got a secret that another AuthModule/);
      } finally {
        await third.drop();
      }
    });

    it('where the DataSource of one is not there', async () => {
      const [, partners] = on(1, 'partners');
      expect((await refusal(...on(0, undefined), partners as DynamicModule)).message).toMatch(/partnersDataSource/);
    });
  });

  it('of one name in two apps of one process keep to their own app, at the same time too', async () => {
    for (const at of [0, 1]) hosts.push(await startApp(['partners'], on(at, 'partners')));
    const [first, second] = hosts as [Host, Host];
    const sessions = [await signIn(first, 'partners'), await signIn(second, 'partners')];
    for (const _ of [1, 2, 3]) {
      const asked = hosts.flatMap((app, at) =>
        sessions.flatMap(({ access_token, refresh_token }, of) => [
          { isOwn: at === of, answer: get(app, '/partners/access', access_token) },
          { isOwn: at === of, answer: get(app, '/partners/refresh', refresh_token) },
          { isOwn: at === of, answer: refreshAt(app, 'partners', refresh_token) },
        ]),
      );
      for (const { isOwn, answer } of asked) expect((await answer).status).toBe(isOwn ? 200 : 401);
    }
  });
});
