import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  UnauthorizedException,
  ValidationPipe,
  VersioningType,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { getDataSourceToken } from '@nestjs/typeorm';
import {
  AccessTokenGuard,
  AuthModule,
  ConfigurationError,
  getAuthToken,
  JwksController,
  OAuthController,
  OAuthMetadataController,
  RefreshTokenController,
  RefreshTokenService,
  type AuthModuleOptions,
} from 'nest-refresh-token';
import { map, type Observable } from 'rxjs';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { provided, startGuardedHost, type GuardedHost } from '../support/hosts/guarded-host.js';
import { dataSourceOn, hostOptions, startHost, type Host } from '../support/hosts/host.js';
import { bearer, call, json, signIn, type Answer } from '../support/http/http.js';
import { IS_FASTIFY } from '../support/servers/http-adapter.js';
import {
  exchange,
  FORM_TYPE,
  INACTIVE,
  INVALID_CLIENT,
  INVALID_GRANT,
  introspect,
  oauthError,
  postForm,
  revoke,
  REVOKED,
  tokenResponse,
} from '../support/http/oauth.js';
import { freePort } from '../support/servers/process.js';
import { serviceForTheSuite, withService } from '../support/servers/running-service.js';
import { ISSUER, SERVICE_KEY, startService } from '../support/servers/service.js';
import { endOf } from '../support/databases/session-rows.js';
import { HOST_ISSUER, HOST_SECRET } from '../support/http/signing.js';
import { json as jsonAnswer, NOT_FOUND, wire, type Wire } from '../support/http/wire.js';

const WELL_KNOWN = '/.well-known/oauth-authorization-server';

interface Metadata {
  issuer: string;
  token_endpoint: string;
  revocation_endpoint: string;
  introspection_endpoint?: string;
  jwks_uri?: string;
}

function get(url: string): Promise<Answer> {
  return call(url, { method: 'GET' });
}

async function metadataOf(url: string, path = WELL_KNOWN): Promise<Metadata> {
  const answer = await get(url + path);
  expect(answer.status).toBe(200);
  return json<Metadata>(answer);
}

/** The whole answer: `oauth` is where the endpoints are, `jwks` where the keys are. */
function metadata(
  issuer: string,
  oauth: string,
  { jwks, introspects = true }: { jwks?: string; introspects?: boolean },
): Wire {
  const document = {
    issuer,
    token_endpoint: `${oauth}/token`,
    token_endpoint_auth_methods_supported: ['none'],
    grant_types_supported: ['refresh_token'],
    response_types_supported: [],
    revocation_endpoint: `${oauth}/revoke`,
    revocation_endpoint_auth_methods_supported: ['none'],
    ...(introspects && {
      introspection_endpoint: `${oauth}/introspect`,
      introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'Bearer'],
    }),
    ...(jwks !== undefined && { jwks_uri: jwks }),
  };
  const answer = jsonAnswer(200, JSON.stringify(document));
  return { ...answer, headers: { ...answer.headers, 'cache-control': 'public, max-age=300' } };
}

describe('GET /.well-known/oauth-authorization-server', () => {
  it('tells what RFC 8414 asks for and what is there, and nothing else', () =>
    withService('SQLite', {}, async ({ url }) => {
      const jwks = `${ISSUER}/.well-known/jwks.json`;
      expect(wire(await get(url + WELL_KNOWN))).toEqual(metadata(ISSUER, `${ISSUER}/oauth`, { jwks }));
      // No path of the issuer's: it stands nowhere else.
      for (const path of [`${WELL_KNOWN}/x`, '/.well-known/openid-configuration', `/oauth${WELL_KNOWN}`]) {
        expect(wire(await get(url + path))).toEqual(NOT_FOUND);
      }
      expect(wire(await call(url + WELL_KNOWN))).toEqual(NOT_FOUND);
    }));

  it.each([
    ['without a path', 'https://auth.example.com', ''],
    ['with a slash at its end', 'https://auth.example.com/', ''],
    ['with a path', 'https://example.com/auth', '/auth'],
    ['with a longer path', 'https://example.com/realms/main', '/realms/main'],
    ['with a path and a slash at its end', 'https://example.com/auth/', '/auth'],
    ['with a port', 'http://127.0.0.1:8080/auth', '/auth'],
    ['with escapes in its path', 'https://example.com/%C3%A4%20b', '/%C3%A4%20b'],
    ['whose path looks like a pattern', 'https://example.com/:a/(b)/{c}/*d/[e]+!', '/:a/(b)/{c}/*d/[e]+!'],
  ])('of an issuer %s stands before that path, and names the issuer to the letter: %s', (_, issuer, path) =>
    withService('SQLite', { ISSUER: issuer }, async ({ url }) => {
      const base = issuer.replace(/\/$/, '');
      expect(wire(await get(url + WELL_KNOWN + path))).toEqual(
        metadata(issuer, `${base}/oauth`, { jwks: `${base}/.well-known/jwks.json` }),
      );
      expect(wire(await get(`${url}${WELL_KNOWN}${path}x`))).toEqual(NOT_FOUND);
      if (path !== '') {
        expect(wire(await get(url + WELL_KNOWN))).toEqual(NOT_FOUND);
        expect(wire(await get(`${url}${WELL_KNOWN}/xaxbxcx`))).toEqual(NOT_FOUND);
      }
    }),
  );

  it.each(['my-service', 'urn:example:auth', 'https://example.com/?tenant=1', 'https://example.com/#x', 'https://'])(
    'is not there where the issuer is no URL for it, and the endpoints are: %s',
    (issuer) =>
      withService('SQLite', { ISSUER: issuer }, async ({ url }) => {
        expect(wire(await get(url + WELL_KNOWN))).toEqual(NOT_FOUND);
        const session = await signIn(url);
        expect(json(await introspect(url, session.refresh_token))).toMatchObject({ active: true, iss: issuer });
        expect((await exchange(url, session.refresh_token)).status).toBe(200);
        expect(wire(await revoke(url, session.refresh_token))).toEqual(REVOKED);
      }),
  );

  it('tells of no introspection where nobody has a key for it', () =>
    withService('SQLite', { SERVICE_KEYS: '' }, async ({ url }) => {
      const jwks = `${ISSUER}/.well-known/jwks.json`;
      expect(wire(await get(url + WELL_KNOWN))).toEqual(
        metadata(ISSUER, `${ISSUER}/oauth`, { jwks, introspects: false }),
      );
    }));

  it('needs no token, and is the same for everybody', () =>
    withService('SQLite', {}, async ({ url }) => {
      const { text } = await get(url + WELL_KNOWN);
      for (const headers of [bearer('x'), bearer(SERVICE_KEY), { Host: 'other.example.com' }]) {
        expect((await call(`${url}${WELL_KNOWN}?x=y`, { method: 'GET', headers })).text).toBe(text);
      }
    }));
});

describe('Every URL in the metadata of a service', () => {
  it.each(['oauth', 'auth/v1'])('answers: under %s', async (prefix) => {
    const database = await createDatabase('SQLite');
    const port = await freePort();
    const issuer = `http://127.0.0.1:${port}`;
    const service = await startService(database.url, {
      env: { ISSUER: issuer, OAUTH_PREFIX: prefix, PORT: String(port) },
    });
    const { url } = service;
    const session = await signIn(url);
    const told = await metadataOf(url);

    expect(told.issuer).toBe(issuer);
    expect(json(await get(told.jwks_uri as string))).toMatchObject({ keys: [{ alg: 'ES256' }] });
    const form = { grant_type: 'refresh_token', refresh_token: session.refresh_token };
    expect(json(await postForm(told.token_endpoint, form))).toMatchObject({ token_type: 'Bearer' });
    const asked = { token: session.refresh_token };
    expect(json(await postForm(told.introspection_endpoint as string, asked, bearer(SERVICE_KEY)))).toMatchObject({
      active: true,
      iss: issuer,
    });
    expect(wire(await postForm(told.revocation_endpoint, asked))).toEqual(REVOKED);
    expect(wire(await postForm(told.token_endpoint, form))).toEqual(INVALID_GRANT);
    await service.close();
    await database.drop();
  });
});

describe('OAUTH_PREFIX', () => {
  const running = serviceForTheSuite('SQLite', { OAUTH_PREFIX: 'auth/v1.0/o_auth~x-y' });

  it('moves the endpoints and what the metadata tell, not the metadata', async () => {
    const { url } = running.service;
    const at = `${url}/auth/v1.0/o_auth~x-y`;
    const session = await signIn(url);
    const form = { grant_type: 'refresh_token', refresh_token: session.refresh_token };
    expect((await postForm(`${at}/token`, form)).status).toBe(200);
    const asked = { token: session.refresh_token };
    expect(json(await postForm(`${at}/introspect`, asked, bearer(SERVICE_KEY)))).toMatchObject({ active: true });
    for (const path of ['token', 'revoke', 'introspect']) {
      expect(wire(await postForm(`${url}/oauth/${path}`, form, bearer(SERVICE_KEY)))).toEqual(NOT_FOUND);
    }
    expect(wire(await postForm(`${at}/revoke`, asked))).toEqual(REVOKED);
    const jwks = `${ISSUER}/.well-known/jwks.json`;
    expect(wire(await get(url + WELL_KNOWN))).toEqual(metadata(ISSUER, `${ISSUER}/auth/v1.0/o_auth~x-y`, { jwks }));
  });
});

describe('OAUTH=false', () => {
  const running = serviceForTheSuite('SQLite', { OAUTH: 'false' });

  it('takes everything away, and nothing else', async () => {
    const { url, app } = running.service;
    const session = await signIn(url);
    expect(wire(await exchange(url, session.refresh_token))).toEqual(NOT_FOUND);
    expect(wire(await introspect(url, session.refresh_token))).toEqual(NOT_FOUND);
    expect(wire(await revoke(url, session.refresh_token))).toEqual(NOT_FOUND);
    expect(wire(await get(url + WELL_KNOWN))).toEqual(NOT_FOUND);
    expect(await endOf(app, session.session_id)).toBeNull();
    expect((await call(`${url}/refresh_token`, { headers: bearer(session.refresh_token) })).status).toBe(200);
    expect((await get(`${url}/.well-known/jwks.json`)).status).toBe(200);
  });
});

describe('In a host app', () => {
  let host: GuardedHost | undefined;

  afterEach(async () => {
    await host?.close();
    host = undefined;
  });

  const OAUTH = [OAuthController, OAuthMetadataController];

  async function start(
    options: Partial<AuthModuleOptions> = {},
    parts: Partial<Parameters<typeof startGuardedHost>[0]> = {},
  ): Promise<GuardedHost> {
    host = await startGuardedHost({
      options: { serviceKeys: [SERVICE_KEY], ...options },
      extras: { controllers: OAUTH },
      ...parts,
    });
    return host;
  }

  async function issued(at: GuardedHost, scope?: string) {
    return provided(at, RefreshTokenService).issue({ subject: 'alice', ...(scope !== undefined && { scope }) });
  }

  /** Proves that all four answer as the contract has it. */
  async function expectTheContract(at: GuardedHost, prefix = '/oauth', origin = at.url): Promise<void> {
    const { refresh_token } = await issued(at, 'read write');
    const form = { grant_type: 'refresh_token', refresh_token, scope: 'read' };
    const answer = await postForm(`${origin}${prefix}/token`, form);
    expect(wire(answer)).toEqual(tokenResponse(answer.text));
    expect(json(answer)).toMatchObject({ token_type: 'Bearer', scope: 'read' });
    const { access_token } = json<{ access_token: string }>(answer);
    const introspected = await postForm(`${origin}${prefix}/introspect`, { token: access_token }, bearer(SERVICE_KEY));
    expect(wire(introspected)).toEqual(jsonAnswer(200, introspected.text));
    expect(json(introspected)).toMatchObject({ active: true, scope: 'read' });
    const asked = { token: refresh_token };
    expect(wire(await postForm(`${origin}${prefix}/introspect`, asked))).toEqual(INVALID_CLIENT);
    expect(wire(await postForm(`${origin}${prefix}/revoke`, {}))).toEqual(
      oauthError('invalid_request', 'token: got nothing, takes a refresh token.'),
    );
    expect(wire(await postForm(`${origin}${prefix}/revoke`, asked))).toEqual(REVOKED);
    expect(wire(await postForm(`${origin}${prefix}/token`, form))).toEqual(INVALID_GRANT);
    const inactive = await postForm(`${origin}${prefix}/introspect`, asked, bearer(SERVICE_KEY));
    expect(wire(inactive)).toEqual(INACTIVE);
  }

  it('they are not there by default', async () => {
    const { url } = await start({}, { extras: {} });
    expect((await exchange(url, 'x')).status).toBe(404);
    expect((await introspect(url, 'x')).status).toBe(404);
    expect((await revoke(url, 'x')).status).toBe(404);
    expect((await get(url + WELL_KNOWN)).status).toBe(404);
  });

  it('they are there among its controllers; the metadata tell of no keys that nobody said where they are', async () => {
    const at = await start();
    await expectTheContract(at);
    expect(wire(await get(at.url + WELL_KNOWN))).toEqual(metadata(HOST_ISSUER, `${HOST_ISSUER}/oauth`, {}));
  });

  it('the endpoints are there without the metadata, for an issuer that is no URL', async () => {
    const at = await start(
      { accessToken: { ...hostOptions().accessToken, issuer: 'my-app' } },
      { extras: { controllers: [OAuthController] } },
    );
    await expectTheContract(at);
    expect((await get(at.url + WELL_KNOWN)).status).toBe(404);
  });

  it.each([
    'my-app',
    'https://app.example.com/?a=b',
    'https://app.example.com/#a',
    'ftp://app.example.com',
    'https://',
  ])('the metadata of an issuer that is no URL for them stop the start, naming it: %s', async (issuer) => {
    const started = start({ accessToken: { ...hostOptions().accessToken, issuer } });
    await expect(started).rejects.toThrow(ConfigurationError);
    await expect(started).rejects.toThrow(
      `accessToken.issuer: got ${JSON.stringify(issuer)}, takes a URL where OAuth metadata are served.`,
    );
  });

  it.each([
    ['https://api.example.com/api/oauth', 'https://api.example.com/api/oauth'],
    ['https://api.example.com/api/oauth/', 'https://api.example.com/api/oauth'],
  ])('oauth.url %s and oauth.jwksUrl are what the metadata tell', async (url, told) => {
    const jwksUrl = 'https://api.example.com/api/.well-known/jwks.json';
    const at = await start({ oauth: { url, jwksUrl } });
    expect(wire(await get(at.url + WELL_KNOWN))).toEqual(metadata(HOST_ISSUER, told, { jwks: jwksUrl }));
  });

  it('the metadata of HS256 tell of no keys, since there are none to publish', async () => {
    const jwksUrl = 'https://app.example.com/.well-known/jwks.json';
    const accessToken = { issuer: HOST_ISSUER, algorithm: 'HS256' as const, secret: HOST_SECRET };
    const at = await start({ accessToken, oauth: { jwksUrl } });
    expect(wire(await get(at.url + WELL_KNOWN))).toEqual(metadata(HOST_ISSUER, `${HOST_ISSUER}/oauth`, {}));
    await expectTheContract(at);
  });

  it('the metadata tell of no introspection without service keys', async () => {
    const at = await start({ serviceKeys: [] });
    expect(wire(await get(at.url + WELL_KNOWN))).toEqual(
      metadata(HOST_ISSUER, `${HOST_ISSUER}/oauth`, { introspects: false }),
    );
  });

  it('subclasses stand at their own paths, with the host’s prefix and version, and answer the same', async () => {
    @Controller({ path: 'connect', version: '2' })
    class ConnectController extends OAuthController {}
    @Controller('meta')
    class MetaController extends OAuthMetadataController {}
    const at = await start(
      {},
      {
        extras: { controllers: [ConnectController, MetaController] },
        configure: (app) => {
          app.setGlobalPrefix('api');
          app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
        },
      },
    );
    await expectTheContract(at, '/api/v2/connect');
    expect((await get(`${at.url}/api/v1/meta`)).text).toContain(`"issuer":"${HOST_ISSUER}"`);
    expect((await exchange(at.url, 'x')).status).toBe(404);
  });

  it('they have no version of their own, and leave the global prefix where the host says so', async () => {
    const at = await start(
      {},
      {
        configure: (app) => {
          app.setGlobalPrefix('api', { exclude: ['.well-known/oauth-authorization-server'] });
          app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
        },
      },
    );
    await expectTheContract(at, '/api/oauth');
    expect((await get(at.url + WELL_KNOWN)).status).toBe(200);
  });

  it('a global AccessTokenGuard lets their callers pass, and nobody else', async () => {
    @Controller('own')
    class OwnController {
      @Get()
      find() {
        return {};
      }
    }
    const at = await start(
      {},
      {
        controllers: [OwnController],
        extras: { controllers: [...OAUTH, JwksController], isGlobal: true },
        providers: [{ provide: APP_GUARD, useClass: AccessTokenGuard }],
      },
    );
    await expectTheContract(at);
    expect((await get(at.url + WELL_KNOWN)).status).toBe(200);
    expect((await get(`${at.url}/own`)).status).toBe(401);
  });

  it('response envelopes, validation pipes and the host’s own guards on other routes leave them alone', async () => {
    const at = await start(
      {},
      {
        providers: [
          { provide: APP_INTERCEPTOR, useClass: Envelope },
          {
            provide: APP_PIPE,
            useValue: new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }),
          },
        ],
      },
    );
    await expectTheContract(at);
    expect(wire(await get(at.url + WELL_KNOWN))).toEqual(metadata(HOST_ISSUER, `${HOST_ISSUER}/oauth`, {}));
  });

  it('a guard of the host’s that closes every route does close them: a subclass opens them', async () => {
    const at = await start({}, { providers: [{ provide: APP_GUARD, useClass: DenyAll }] });
    expect((await exchange(at.url, 'x')).status).toBe(401);
    expect((await get(at.url + WELL_KNOWN)).status).toBe(401);
  });

  describe('with the form parser that Nest comes with, which makes lists and objects of names', () => {
    const notOnce = (name: string) => oauthError('invalid_request', `${name}: got it more than once, takes one.`);

    beforeEach(() => start());

    const all: [string, (token: string) => string, string][] = [
      ['a list', (t) => `refresh_token[]=${t}`, 'refresh_token'],
      ['a list of two', (t) => `refresh_token[]=${t}&refresh_token[]=${t}`, 'refresh_token'],
      ['an object', (t) => `refresh_token[a]=${t}`, 'refresh_token'],
      ['the same name twice', (t) => `refresh_token=${t}&refresh_token=${t}`, 'refresh_token'],
      ['a far place of a list', (t) => `refresh_token[1000]=${t}`, 'refresh_token'],
      ['what an object comes with', (t) => `refresh_token[toString]=${t}&refresh_token=${t}`, 'refresh_token'],
      ['a list of scopes', (t) => `refresh_token=${t}&scope[]=read`, 'scope'],
      ['a client in parts', (t) => `refresh_token=${t}&client_id[x]=web`, 'client_id'],
    ];
    // Fastify's parser knows no subscripts: those are other names, and ignored.
    const rows = all.filter(([, rest]) => !IS_FASTIFY || !rest('').includes('['));

    it.each(rows)('takes %s for none', async (_, rest, name) => {
      const at = host as GuardedHost;
      const { refresh_token, session_id } = await issued(at, 'read');
      const body = `grant_type=refresh_token&${rest(refresh_token)}`;
      const headers = { 'Content-Type': FORM_TYPE };
      const answer = await call(`${at.url}/oauth/token`, { headers, body });
      expect(wire(answer)).toEqual(notOnce(name));
      expect(await endOf(at.app, session_id)).toBeNull();
    });

    it('takes no JSON, and no names that every object has', async () => {
      const at = host as GuardedHost;
      const { refresh_token } = await issued(at);
      const text = JSON.stringify({ grant_type: 'refresh_token', refresh_token });
      const asJson = { headers: { 'Content-Type': 'application/json' }, body: text };
      expect((await call(`${at.url}/oauth/token`, asJson)).text).toContain('"body: got something else');
      const names = `__proto__[grant_type]=refresh_token&constructor=x&__proto__[refresh_token]=${refresh_token}`;
      const asForm = { headers: { 'Content-Type': FORM_TYPE }, body: names };
      expect((await call(`${at.url}/oauth/token`, asForm)).text).toContain('"grant_type: got nothing');
    });
  });
});

/** What many hosts put around every answer. */
@Injectable()
class Envelope implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    return next.handle().pipe(map((data) => ({ data })));
  }
}

@Injectable()
class DenyAll {
  canActivate(): boolean {
    throw new UnauthorizedException();
  }
}

describe('A module with a name', () => {
  let databases: TestDatabase[];
  let host: Host;

  beforeAll(async () => {
    databases = await Promise.all([createDatabase('SQLite'), createDatabase('SQLite')]);
    const named = (name: string, controllers: Type[]) =>
      AuthModule.forRoot({
        name,
        dataSource: getDataSourceToken(name),
        controllers,
        refreshToken: { secrets: [`the-secret-of-${name}-0123456789-0123456789`] },
        accessToken: { ...hostOptions().accessToken, issuer: `${HOST_ISSUER}/${name}` },
        serviceKeys: [`${SERVICE_KEY}-${name}`],
        oauth: { jwksUrl: `${HOST_ISSUER}/${name}/refresh_token/.well-known/jwks.json` },
      });
    const controllers = [RefreshTokenController, JwksController, OAuthController, OAuthMetadataController];
    host = await startHost({
      imports: [
        dataSourceOn(databases[0] as TestDatabase, { name: 'partners' }),
        dataSourceOn(databases[1] as TestDatabase, { name: 'back-office' }),
        named('partners', controllers),
        named('back-office', controllers),
      ],
    });
  });
  afterAll(async () => {
    await host?.app.close();
    await Promise.all(databases.map((database) => database.drop()));
  });

  it.each([
    ['partners', 'back-office'],
    ['back-office', 'partners'],
  ])('has endpoints of its own, for its own tokens and keys: %s', async (name, other) => {
    const issue = (of: string) =>
      host.app
        .get<RefreshTokenService>(getAuthToken(RefreshTokenService, of), { strict: false })
        .issue({ subject: of });
    const [own, foreign] = [await issue(name), await issue(other)];
    const at = `${host.url}/${name}/oauth`;
    const key = bearer(`${SERVICE_KEY}-${name}`);
    const form = { grant_type: 'refresh_token', refresh_token: own.refresh_token };

    expect((await postForm(`${at}/token`, form)).status).toBe(200);
    expect((await postForm(`${at}/token`, { ...form, refresh_token: foreign.refresh_token })).text).toBe(
      INVALID_GRANT.text,
    );
    for (const token of [own.refresh_token, own.access_token]) {
      expect(json(await postForm(`${at}/introspect`, { token }, key))).toMatchObject({ active: true, sub: name });
    }
    for (const token of [foreign.refresh_token, foreign.access_token]) {
      expect((await postForm(`${at}/introspect`, { token }, key)).text).toBe(INACTIVE.text);
    }
    const othersKey = bearer(`${SERVICE_KEY}-${other}`);
    expect((await postForm(`${at}/introspect`, { token: own.refresh_token }, othersKey)).status).toBe(401);
    expect((await postForm(`${at}/revoke`, { token: foreign.refresh_token })).status).toBe(200);
    const othersForm = { ...form, refresh_token: foreign.refresh_token };
    expect((await postForm(`${host.url}/${other}/oauth/token`, othersForm)).status).toBe(200);
  });

  it.each(['partners', 'back-office'])(
    'has metadata behind its name, and every URL in them is its own: %s',
    async (name) => {
      const told = await metadataOf(host.url, `${WELL_KNOWN}/${name}`);
      const issuer = `${HOST_ISSUER}/${name}`;
      expect(JSON.stringify(told)).toBe(
        metadata(issuer, `${issuer}/oauth`, { jwks: `${issuer}/refresh_token/.well-known/jwks.json` }).text,
      );
      const here = (url: string) => url.replace(HOST_ISSUER, host.url);
      const [keys] = json<{ keys: { kid: string }[] }>(await get(here(told.jwks_uri as string))).keys;
      expect(keys).toMatchObject({ alg: 'ES256' });
      for (const endpoint of [told.token_endpoint, told.revocation_endpoint]) {
        expect((await postForm(here(endpoint), {})).status).toBe(400);
      }
      expect((await postForm(here(told.introspection_endpoint as string), {})).status).toBe(401);
    },
  );

  it('leaves the paths of one without a name free', async () => {
    for (const path of ['/oauth/token', '/oauth/revoke', '/oauth/introspect']) {
      expect((await postForm(host.url + path, {})).status).toBe(404);
    }
    expect((await get(host.url + WELL_KNOWN)).status).toBe(404);
  });
});
