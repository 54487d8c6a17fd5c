import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Body,
  Controller,
  Get,
  Injectable,
  Post,
  UseGuards,
  ValidationPipe,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { AuthGuard, PassportModule } from '@nestjs/passport';
import { IsString } from 'class-validator';
import {
  ACCESS_TOKEN_STRATEGY,
  AccessTokenGuard,
  AccessTokenVerifier,
  CurrentToken,
  ErrorHeaders,
  JwksController,
  RefreshTokenController,
  RefreshTokenGuard,
  RefreshTokenCookies,
  RefreshTokenReader,
  RequireScope,
  type AccessTokenClaims,
  type AccessTokenRequest,
} from 'nest-refresh-token';
import { signIn, type SignedIn } from 'nest-refresh-token/testing';
import { Public, IS_PUBLIC } from '../fixtures/host-app/auth/public.decorator.js';
import { DataInterceptor } from '../fixtures/host-app/http/data.interceptor.js';
import { ProblemFilter } from '../fixtures/host-app/http/problem.filter.js';
import { forgedAccessTokens } from '../support/http/forged-access-tokens.js';
import { insufficientScope, startGuardedHost, type GuardedHost } from '../support/hosts/guarded-host.js';
import { bearer, call, json, refresh, refreshed } from '../support/http/http.js';
import { decoded } from '../support/http/jwt.js';
import { postRaw } from '../support/http/raw-http.js';
import { ALGORITHMS, HOST_ISSUER, HOST_SECRET, signing, type Signing } from '../support/http/signing.js';
import { HOUR } from '../support/test-clock.js';
import {
  INVALID_TOKEN,
  invalidRequest,
  MISSING_TOKEN,
  REFUSED,
  TWO_AUTHORIZATIONS,
  wire,
} from '../support/http/wire.js';

interface OwnClaims {
  tenant: string;
}

@UseGuards(AccessTokenGuard)
@Controller('me')
class MeController {
  @Get()
  me(@CurrentToken() token: AccessTokenClaims<OwnClaims>): AccessTokenClaims<OwnClaims> {
    return token;
  }

  @Post()
  who(@CurrentToken() { sub, tenant }: AccessTokenClaims<OwnClaims>): object {
    return { sub, tenant };
  }
}

@Controller()
class OpenController {
  @Get('open')
  open(@CurrentToken() token?: AccessTokenClaims): object {
    return { token: token ?? null };
  }

  @UseGuards(AuthGuard(ACCESS_TOKEN_STRATEGY))
  @Get('by-strategy')
  byStrategy(): object {
    return {};
  }
}

describe.each(ALGORITHMS)('The guard of access tokens with %s', (algorithm) => {
  let keys: Signing;
  let host: GuardedHost;
  let me: string;
  let alice: SignedIn;
  let stranger: Server;
  let strangersUrl: string;
  let askedTheStranger = 0;

  beforeAll(async () => {
    keys = signing(algorithm);
    host = await startGuardedHost({
      options: { accessToken: keys.options },
      controllers: [MeController, OpenController],
    });
    me = `${host.url}/me`;
    alice = await signIn(host.app, 'alice', { claims: { tenant: 'acme' } });
    stranger = createServer((_, response) => {
      askedTheStranger += 1;
      response.end('{"keys":[]}');
    }).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    strangersUrl = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}/keys`;
  });
  afterAll(async () => {
    await host?.close();
    stranger?.close();
  });

  it('lets a good token through, and leaves its claims to the handler', async () => {
    const answer = await call(me, { method: 'GET', headers: bearer(alice.access_token) });
    expect(answer.status).toBe(200);
    expect(json(answer)).toEqual({ ...decoded(alice.access_token).claims, sub: 'alice', tenant: 'acme' });
    expect(answer.headers).not.toHaveProperty('www-authenticate');
  });

  it('lets the token of a refresh through', async () => {
    const session = await signIn(host.app, 'bob', { claims: { tenant: 'bobs' } });
    const { access_token } = await refreshed(host.url, session.refresh_token);
    const answer = await call(me, { headers: bearer(access_token) });
    expect([answer.status, answer.text]).toEqual([201, '{"sub":"bob","tenant":"bobs"}']);
  });

  it.each(['bearer', 'BEARER', 'bEaReR'])('lets the scheme be spelled %s', async (scheme) => {
    const headers = { authorization: `${scheme} ${alice.access_token}` };
    expect((await call(me, { headers })).status).toBe(201);
  });

  describe('answers 401 to a token', () => {
    const overHttp = forgedAccessTokens(algorithm).filter(({ name }) => name !== 'over 16 KiB');

    it.each(overHttp)('$name', async ({ make }) => {
      const token = make(alice.access_token, keys, strangersUrl);
      expect(wire(await call(me, { headers: bearer(token) }))).toEqual(INVALID_TOKEN);
    });

    it.each([
      ['two words', (good: string) => `a ${good}`],
      ['itself twice', (good: string) => `${good} ${good}`],
      ['two spaces before it', (good: string) => ` ${good}`],
      ['a tab before it', (good: string) => `\t${good}`],
      ['a comma after it', (good: string) => `${good},`],
      ['quotes around it', (good: string) => `"${good}"`],
      ['padding after it', (good: string) => `${good}=`],
      ['another credential after it', (good: string) => `${good}, Bearer x`],
    ])('that is good, with %s', async (_, spoiled) => {
      const headers = { authorization: `Bearer ${spoiled(alice.access_token)}` };
      expect(wire(await call(me, { headers }))).toEqual(INVALID_TOKEN);
    });

    it('that has expired', async () => {
      const issuedAt = host.clock.now();
      try {
        host.clock.set(issuedAt + HOUR - 1);
        expect((await call(me, { headers: bearer(alice.access_token) })).status).toBe(201);
        host.clock.set(issuedAt + HOUR);
        expect(wire(await call(me, { headers: bearer(alice.access_token) }))).toEqual(INVALID_TOKEN);
      } finally {
        host.clock.set(issuedAt);
      }
    });

    it('that is a refresh token, and leaves it good', async () => {
      expect(wire(await call(me, { headers: bearer(alice.refresh_token) }))).toEqual(INVALID_TOKEN);
      await refreshed(host.url, alice.refresh_token);
    });

    it('and asks nobody for the keys it points to', () => {
      expect(askedTheStranger).toBe(0);
    });
  });

  it('is not the guard of /refresh_token: an access token is refused there, and stays good here', async () => {
    expect(wire(await refresh(host.url, alice.access_token))).toEqual(REFUSED);
    expect((await call(me, { headers: bearer(alice.access_token) })).status).toBe(201);
  });
});

describe('The guard of access tokens', () => {
  let host: GuardedHost;
  let me: string;
  let alice: SignedIn;

  beforeAll(async () => {
    host = await startGuardedHost({ controllers: [MeController, OpenController] });
    me = `${host.url}/me`;
    alice = await signIn(host.app, 'alice', { claims: { tenant: 'acme' } });
  });
  afterAll(() => host?.close());

  it.each([
    {},
    { authorization: '' },
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
    { authorization: 'Basic dXNlcjpwYXNz' },
    { authorization: 'DPoP x' },
    { authorization: 'Bearerx y' },
    { 'proxy-authorization': 'Bearer x' },
    { cookie: 'access_token=x' },
    { 'x-access-token': 'x' },
  ])('finds no token in %j', async (headers: Record<string, string>) => {
    expect(wire(await call(me, { headers }))).toEqual(MISSING_TOKEN);
  });

  it('finds no token where a good one is sent without its scheme', async () => {
    expect(wire(await call(me, { headers: { authorization: alice.access_token } }))).toEqual(MISSING_TOKEN);
  });

  it.each<[string, (good: string) => string[]]>([
    ['the same twice', (good) => [`Authorization: ${good}`, `authorization: ${good}`]],
    ['a good one first', (good) => [`Authorization: ${good}`, 'Authorization: Bearer x']],
    ['a good one last', (good) => ['Authorization: Basic x', `AUTHORIZATION: ${good}`]],
    ['an empty one', (good) => ['Authorization:', `Authorization: ${good}`]],
  ])('refuses two Authorization headers: %s', async (_, headers) => {
    expect(wire(await postRaw(me, headers(alice.authorization)))).toEqual(TWO_AUTHORIZATIONS);
  });

  describe('refuses a token elsewhere', () => {
    const inQuery = invalidRequest(
      'access_token: got it in the query, takes a token in the Authorization header only.',
    );
    const inBody = invalidRequest('access_token: got it in the body, takes a token in the Authorization header only.');

    it.each(['access_token=x', 'access_token', 'access_token[]=x', '%61ccess_token=x', 'a=1&access_token=x'])(
      'in the query: %s',
      async (query) => {
        const url = `${me}?${query}`;
        expect(wire(await call(url, { headers: bearer(alice.access_token) }))).toEqual(inQuery);
        expect(wire(await call(url))).toEqual(inQuery);
      },
    );

    it('alone, be it good', async () => {
      expect(wire(await call(`${me}?access_token=${alice.access_token}`))).toEqual(inQuery);
      const body = `access_token=${alice.access_token}`;
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      expect(wire(await call(me, { headers, body }))).toEqual(inBody);
    });

    it.each([
      ['application/x-www-form-urlencoded', 'access_token=x'],
      ['application/x-www-form-urlencoded', 'access_token[a]=x'],
      ['application/x-www-form-urlencoded; charset=utf-8', 'a=1&access_token='],
      ['Application/X-WWW-Form-Urlencoded', '%61ccess_token=x'],
    ])('in a body of %s: %s', async (type, body) => {
      const headers = { ...bearer(alice.access_token), 'content-type': type };
      expect(wire(await call(me, { headers, body }))).toEqual(inBody);
    });
  });

  describe("lets a host's own parameters through", () => {
    it.each([
      'token=x',
      'refresh_token=x',
      'token[]=x',
      'my_access_token=x',
      'access-token=x',
      'filter[access_token]=x',
    ])('in the query: %s', async (query) => {
      expect((await call(`${me}?${query}`, { headers: bearer(alice.access_token) })).status).toBe(201);
    });

    it.each([
      ['application/json', '{"access_token":"x"}'],
      ['application/json', '{"access_token":null}'],
      ['application/json', '{"access_token[]":"x"}'],
      ['application/json', '{"token":"x","refresh_token":"x","nested":{"access_token":"x"}}'],
      ['application/json', '["access_token"]'],
      ['application/x-www-form-urlencoded', 'token=x'],
    ])('in a body of %s: %s', async (type, body) => {
      const headers = { ...bearer(alice.access_token), 'content-type': type };
      expect((await call(me, { headers, body })).status).toBe(201);
    });
  });

  describe('takes a token from the header alone, whatever a field of the body says', () => {
    const asJson = { 'content-type': 'application/json' };
    const field = (token: string) => JSON.stringify({ access_token: token });

    it('and lets the owner of the header through', async () => {
      const mallory = await signIn(host.app, 'mallory');
      for (const token of [mallory.access_token, alice.access_token, 'x']) {
        const answer = await call(me, { headers: { ...asJson, ...bearer(alice.access_token) }, body: field(token) });
        expect([answer.status, answer.text]).toEqual([201, '{"sub":"alice","tenant":"acme"}']);
      }
    });

    it('and nobody whose header is not good, or not there', async () => {
      const body = field(alice.access_token);
      expect(wire(await call(me, { headers: asJson, body }))).toEqual(MISSING_TOKEN);
      expect(wire(await call(me, { headers: { ...asJson, authorization: 'Basic x' }, body }))).toEqual(MISSING_TOKEN);
      for (const token of ['x', 'a b', alice.refresh_token]) {
        expect(wire(await call(me, { headers: { ...asJson, ...bearer(token) }, body }))).toEqual(INVALID_TOKEN);
      }
    });

    it('but at the refresh endpoint it is another token', async () => {
      const body = field(alice.access_token);
      const answer = await call(`${host.url}/refresh_token`, {
        headers: { ...asJson, ...bearer(alice.refresh_token) },
        body,
      });
      expect(wire(answer)).toEqual(
        invalidRequest('access_token: got it in the body, takes a token in the Authorization header only.'),
      );
      await refreshed(host.url, alice.refresh_token);
    });
  });

  it('lets the longest token through that there is', async () => {
    const claims = { tenant: 'acme', padding: 'x'.repeat(4_000) };
    const scope = `${'a'.repeat(500)} ${'b'.repeat(500)}`;
    const { authorization } = await signIn(host.app, 'a'.repeat(255), { claims, scope, clientId: 'c'.repeat(255) });
    const answer = await call(me, { method: 'GET', headers: { authorization } });
    expect(json(answer)).toMatchObject({ ...claims, scope });
  });

  it('tells many users apart who come at the same time', async () => {
    const users = await Promise.all(
      Array.from({ length: 20 }, (_, at) => signIn(host.app, `user-${at}`, { claims: { tenant: `tenant-${at}` } })),
    );
    const answers = await Promise.all(
      [...users, ...users].map(({ authorization }) => call(me, { headers: { authorization } })),
    );
    expect(answers.map(({ text }) => text)).toEqual(
      [...users, ...users].map((_, at) => `{"sub":"user-${at % 20}","tenant":"tenant-${at % 20}"}`),
    );
  });

  it('leaves no claims where it does not guard', async () => {
    for (const headers of [{}, bearer(alice.access_token), bearer('x')]) {
      const answer = await call(`${host.url}/open?accessToken=x`, { method: 'GET', headers });
      expect([answer.status, answer.text]).toEqual([200, '{"token":null}']);
    }
  });

  it('is needed: its strategy alone lets nobody through', async () => {
    const answer = await call(`${host.url}/by-strategy`, { method: 'GET', headers: bearer(alice.access_token) });
    expect(answer.status).toBe(401);
  });
});

describe('A guard of a host with a constructor of its own', () => {
  @Injectable()
  class Users {
    readonly banned = new Set<string>();
  }

  @Injectable()
  class UnbannedGuard extends AccessTokenGuard {
    constructor(
      accessTokens: AccessTokenVerifier,
      reflector: Reflector,
      errorHeaders: ErrorHeaders,
      private readonly users: Users,
    ) {
      super(accessTokens, reflector, errorHeaders);
    }

    protected override async admit(request: AccessTokenRequest, context: ExecutionContext): Promise<boolean> {
      return (await super.admit(request, context)) && !this.users.banned.has(request.accessToken.sub);
    }
  }

  @Injectable()
  class WatchedRefreshGuard extends RefreshTokenGuard {
    constructor(
      reader: RefreshTokenReader,
      cookies: RefreshTokenCookies,
      errorHeaders: ErrorHeaders,
      private readonly users: Users,
    ) {
      super(reader, cookies, errorHeaders);
    }

    override async canActivate(context: ExecutionContext): Promise<boolean> {
      return (await super.canActivate(context)) && this.users.banned.size === 0;
    }
  }

  @Controller('own')
  class OwnController {
    @UseGuards(UnbannedGuard)
    @RequireScope('read')
    @Get('access')
    access(@CurrentToken() { sub }: AccessTokenClaims): object {
      return { sub };
    }

    @UseGuards(WatchedRefreshGuard)
    @Get('refresh')
    refresh(): object {
      return {};
    }
  }

  let host: GuardedHost;
  beforeAll(async () => {
    host = await startGuardedHost({ controllers: [OwnController], providers: [Users] });
  });
  afterAll(() => host?.close());

  const get = (path: string, token?: string) =>
    call(`${host.url}/own/${path}`, { method: 'GET', headers: token === undefined ? {} : bearer(token) });

  it('is given what it injects, and guards as the one of the module', async () => {
    const alice = await signIn(host.app, 'alice', { scope: 'read' });
    expect((await get('access', alice.access_token)).text).toBe('{"sub":"alice"}');
    expect(wire(await get('access'))).toEqual(MISSING_TOKEN);
    expect(wire(await get('access', alice.refresh_token))).toEqual(INVALID_TOKEN);
    const { access_token } = await signIn(host.app, 'alice');
    expect(wire(await get('access', access_token))).toEqual(insufficientScope('read'));
    expect((await get('refresh', alice.refresh_token)).status).toBe(200);
    expect(wire(await get('refresh', alice.access_token))).toEqual(REFUSED);

    host.app.get(Users).banned.add('alice');
    expect((await get('access', alice.access_token)).status).toBe(403);
    expect((await get('refresh', alice.refresh_token)).status).toBe(403);
  });
});

describe("Beside a host's own Passport and JwtModule", () => {
  let host: GuardedHost;
  beforeAll(async () => {
    host = await startGuardedHost({
      options: { accessToken: signing('HS256').options },
      imports: [
        PassportModule.register({ defaultStrategy: 'jwt', property: 'account', session: true }),
        JwtModule.register({
          global: true,
          secret: HOST_SECRET,
          signOptions: { issuer: HOST_ISSUER, audience: HOST_ISSUER, expiresIn: '1h' },
          verifyOptions: { issuer: 'https://nobody.example.com', algorithms: ['HS512'] },
        }),
      ],
      controllers: [MeController],
    });
  });
  afterAll(() => host?.close());

  it("the guard lets the module's tokens through", async () => {
    const { authorization } = await signIn(host.app, 'alice', { claims: { tenant: 'acme' } });
    expect((await call(`${host.url}/me`, { headers: { authorization } })).text).toBe('{"sub":"alice","tenant":"acme"}');
  });

  it("the host's own JWTs, with the same secret and the same claims, are not access tokens", async () => {
    const { access_token } = await signIn(host.app, 'alice');
    const { sub, sid, jti, auth_time } = decoded(access_token).claims;
    const own = host.app.get(JwtService).sign({ sub, sid, jti, auth_time });
    expect(decoded(own).claims).toMatchObject({ sub: 'alice', iss: HOST_ISSUER, aud: HOST_ISSUER });
    expect(wire(await call(`${host.url}/me`, { headers: bearer(own) }))).toEqual(INVALID_TOKEN);
  });
});

class OrderDto {
  @IsString()
  item!: string;
}

@Controller('orders')
class OrdersController {
  @Post()
  add(@CurrentToken() { sub }: AccessTokenClaims, @Body() { item }: OrderDto): object {
    return { sub, item };
  }

  @Public()
  @Get()
  list(@CurrentToken() token?: AccessTokenClaims): object {
    return { public: true, sub: token?.sub ?? null };
  }
}

/** A host's own global guard. */
@Injectable()
class GlobalGuard extends AccessTokenGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    return this.reflector.getAllAndOverride<boolean>(IS_PUBLIC, targets) || (await super.canActivate(context));
  }
}

@Public()
class PublicRefreshController extends RefreshTokenController {}

@Public()
class PublicJwksController extends JwksController {}

describe('A host with the guard before all of its routes, and conventions of its own', () => {
  let host: GuardedHost;
  let orders: string;
  let alice: SignedIn;

  beforeAll(async () => {
    host = await startGuardedHost({
      extras: { controllers: [PublicRefreshController, PublicJwksController] },
      controllers: [OrdersController],
      providers: [{ provide: APP_GUARD, useClass: GlobalGuard }],
      configure: (app) => {
        app.useGlobalPipes(
          new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, validateCustomDecorators: true }),
        );
        app.useGlobalInterceptors(new DataInterceptor());
        app.useGlobalFilters(new ProblemFilter());
      },
    });
    orders = `${host.url}/orders`;
    alice = await signIn(host.app, 'alice');
  });
  afterAll(() => host?.close());

  function problem(status: number, challenge: string) {
    return {
      status,
      text: `{"type":"about:blank","status":${status}}`,
      headers: {
        'cache-control': 'no-store',
        'content-type': 'application/problem+json; charset=utf-8',
        'www-authenticate': challenge,
      },
    };
  }

  function post(headers: Record<string, string>, body = '{"item":"tea"}') {
    return call(orders, { headers: { 'content-type': 'application/json', ...headers }, body });
  }

  it('answers in its own shape, with the challenge of RFC 6750', async () => {
    expect(wire(await post({}))).toEqual(problem(401, 'Bearer'));
    expect(wire(await post(bearer('a.b.c')))).toEqual(problem(401, 'Bearer error="invalid_token"'));
    const twice = await call(`${orders}?access_token=x`, { headers: bearer(alice.access_token) });
    expect(wire(twice)).toEqual(problem(400, 'Bearer error="invalid_request"'));
  });

  it('lets a good token through to its pipes, and no other', async () => {
    expect((await post(bearer(alice.access_token))).text).toBe('{"data":{"sub":"alice","item":"tea"}}');
    expect((await post(bearer(alice.access_token), '{"item":1}')).status).toBe(400);
    expect((await post(bearer('a.b.c'), '{"item":1}')).status).toBe(401);
  });

  it('opens what it calls public, without claims', async () => {
    const answer = await call(orders, { method: 'GET', headers: bearer(alice.access_token) });
    expect(answer.text).toBe('{"data":{"public":true,"sub":null}}');
  });

  it('serves the endpoints of the module as ever', async () => {
    await refreshed(host.url, alice.refresh_token);
    expect(wire(await refresh(host.url, alice.access_token))).toEqual(REFUSED);
    const keys = await call(`${host.url}/.well-known/jwks.json`, { method: 'GET' });
    expect(json<{ keys: unknown[] }>(keys).keys).toHaveLength(1);
  });
});
