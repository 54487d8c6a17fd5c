import { beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { RefreshTokenService } from 'nest-refresh-token';
import { cookie, OWN_PAGE, WITH_COOKIES } from '../support/http/cookies.js';
import { IS_FASTIFY } from '../support/servers/http-adapter.js';
import { bearer, call, json, logout, postSession, refresh, signIn, type Answer } from '../support/http/http.js';
import { basic, exchange, exchanged, introspect, postForm, revoke } from '../support/http/oauth.js';
import {
  objectsIn,
  operationsOf,
  resolved,
  undescribed,
  type Json,
  type OpenApiDocument,
} from '../support/http/openapi.js';
import { serviceForTheSuite, withService, type RunningService } from '../support/servers/running-service.js';
import { SERVICE_KEY } from '../support/servers/service.js';
import { deleteSessions, getSessions, patchSessions, signInWith } from '../support/http/session-calls.js';

const FOR_USERS = ['refreshToken', 'logout', 'listSessions', 'endSessions', 'endSession', 'renameSession'];
const ALWAYS = [...FOR_USERS, 'jwks', 'live', 'ready'];
const FOR_BACKENDS = ['createSession', 'updateSessions'];
const OAUTH = ['oauthToken', 'oauthRevoke'];
const METADATA = 'oauthMetadata';
const INTROSPECTION = 'oauthIntrospect';

const CONFIGURATIONS: [string, Record<string, string>, string[]][] = [
  ['as it comes', {}, [...ALWAYS, ...FOR_BACKENDS, ...OAUTH, INTROSPECTION, METADATA]],
  ['with cookies', WITH_COOKIES, [...ALWAYS, ...FOR_BACKENDS, ...OAUTH, INTROSPECTION, METADATA]],
  [
    'with OAuth at another path, and an issuer with a path',
    { OAUTH_PREFIX: 'login/v1', ISSUER: 'https://example.com/tenants/a:b' },
    [...ALWAYS, ...FOR_BACKENDS, ...OAUTH, INTROSPECTION, METADATA],
  ],
  ['whose issuer is no URL', { ISSUER: 'our-login' }, [...ALWAYS, ...FOR_BACKENDS, ...OAUTH, INTROSPECTION]],
  ['without service keys', { SERVICE_KEYS: '' }, [...ALWAYS, ...OAUTH, METADATA]],
  ['without OAuth', { OAUTH: 'false' }, [...ALWAYS, ...FOR_BACKENDS]],
  ['with nothing but what is always there', { OAUTH: 'false', SERVICE_KEYS: '' }, ALWAYS],
];

/** The path of an issuer is compared by the service itself: to routers it could be a pattern. */
const OF_AN_ISSUER = /(\.well-known\/oauth-authorization-server\/).+/;
/** Served, and of use to nobody. */
const FOR_NOBODY = 'POST /oauth/introspect';

function getFrom({ service }: RunningService, path: string): Promise<Answer> {
  return call(service.url + path, { method: 'GET' });
}

async function documentOf(running: RunningService): Promise<OpenApiDocument> {
  return json<OpenApiDocument>(await getFrom(running, '/openapi.json'));
}

describe.each(CONFIGURATIONS)('/openapi.json of a service %s', (_, env, operationIds) => {
  const running = serviceForTheSuite('SQLite', env);
  let document: OpenApiDocument;

  beforeAll(async () => {
    document = await documentOf(running);
  });

  it('is JSON of OpenAPI 3.0, of this version', async () => {
    const answer = await getFrom(running, '/openapi.json');
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json; charset=utf-8' },
    });
    expect(document.openapi).toMatch(/^3\.0\.\d+$/);
    expect(document.info.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('has the operations that are switched on, and no other', () => {
    const names = operationsOf(document).map(({ operation }) => operation.operationId);
    expect(names.toSorted()).toEqual(operationIds.toSorted());
  });

  it('speaks of nothing that is switched off', () => {
    const text = JSON.stringify(document);
    const hasServiceKeys = env['SERVICE_KEYS'] !== '';
    const hasOAuth = env['OAUTH'] !== 'false';
    expect(/cookie|origin/i.test(text)).toBe(env === WITH_COOKIES);
    expect(/oauth|grant|invalid_client/i.test(text)).toBe(hasOAuth);
    expect(/service.?key|backend/i.test(text)).toBe(hasServiceKeys);
    expect(/introspect|basic/i.test(text)).toBe(hasServiceKeys && hasOAuth);
  });

  it('refers to nothing that is not in it', () => {
    const references = [...objectsIn(document)].filter(({ $ref }) => typeof $ref === 'string');
    expect(references.length).toBeGreaterThan(20);
    expect(references.filter((reference) => resolved(document, reference) === undefined)).toEqual([]);
  });

  it('has nothing in it that nothing refers to', () => {
    const references = new Set([...objectsIn(document)].map(({ $ref }) => $ref));
    for (const kind of ['schemas', 'responses'] as const) {
      for (const name of Object.keys(document.components[kind])) {
        expect(references).toContain(`#/components/${kind}/${name}`);
      }
    }
    const schemes = operationsOf(document).flatMap(({ operation }) => (operation.security ?? []).flatMap(Object.keys));
    expect([...new Set(schemes)].toSorted()).toEqual(Object.keys(document.components.securitySchemes).toSorted());
  });

  it('requires no property that it does not describe', () => {
    for (const { required, properties } of objectsIn(document)) {
      if (!Array.isArray(required)) continue;
      expect(Object.keys((properties ?? {}) as Json)).toEqual(expect.arrayContaining(required));
    }
  });

  it('has for each operation a name of its own, a summary, a tag, and described answers', () => {
    const names = operationsOf(document).map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const { operation } of operationsOf(document)) {
      expect(operation).toMatchObject({
        operationId: expect.stringMatching(/^[a-z][A-Za-z]+$/),
        summary: expect.stringMatching(/./),
        tags: [expect.any(String)],
      });
      expect(Object.keys(operation.responses).some((status) => status.startsWith('2'))).toBe(true);
      for (const response of Object.values(operation.responses)) {
        expect(resolved(document, response)).toMatchObject({ description: expect.stringMatching(/./) });
      }
    }
  });

  it('is the routes of the server, each of them that is of use and no other', () => {
    const mapped = running.service.log.flatMap((entry) => {
      const [, path, method] = /Mapped \{(.+), ([A-Z]+)\} route/.exec(entry) ?? [];
      return path === undefined || path === '/openapi.json' ? [] : [`${method} ${path}`];
    });
    const ofUse = operationIds.includes(INTROSPECTION) ? mapped : mapped.filter((route) => route !== FOR_NOBODY);
    expect(ofUse.map((route) => route.replaceAll(/\\+/g, '')).toSorted()).toEqual(
      operationsOf(document)
        .map(
          ({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1').replace(OF_AN_ISSUER, '$1*issuer')}`,
        )
        .toSorted(),
    );
  });

  it('describes the parameters in its paths, each of them', () => {
    for (const [path, { parameters = [] }] of Object.entries(document.paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(named);
      expect(parameters.every(({ required }) => required)).toBe(true);
    }
  });

  it('says nothing that the server denies: each of its operations is there, and asks for credentials where it says so', async () => {
    for (const { method, path, operation } of operationsOf(document)) {
      const answer = await call(running.service.url + path, { method });
      expect(answer.status).not.toBe(404);
      expect([path, answer.status === 401]).toEqual([path, operation.security !== undefined]);
      expect(undescribed(document, `${method} ${path}`, answer)).toEqual([]);
    }
  });

  it('describes as they are: a refresh, a logout, and what either refuses', async () => {
    const { url, app } = running.service;
    // From inside: without service keys there is no login.
    const { refresh_token } = await app.get(RefreshTokenService, { strict: false }).issue({ subject: 'alice' });
    const answers: [string, number, Answer][] = [
      ['/refresh_token', 200, await refresh(url, refresh_token)],
      ['/refresh_token', 401, await refresh(url, 'x')],
      ['/refresh_token', 400, await call(`${url}/refresh_token?token=x`, { headers: bearer(refresh_token) })],
      ['/refresh_token', 413, await call(`${url}/refresh_token`, { body: 'x'.repeat(33 * 1_024) })],
      ['/logout', 204, await logout(url, refresh_token)],
    ];
    expectDescribed(
      document,
      answers.map(([path, ...rest]) => [`POST ${path}`, ...rest]),
    );
  });

  it('has no route of its documents’ own beside it', async () => {
    for (const path of ['/docs-json', '/docs-yaml', '/openapi.yaml']) {
      expect((await getFrom(running, path)).status).toBe(404);
    }
  });
});

/** Each answer has the status it was asked for, and is as the document has it. */
function expectDescribed(document: OpenApiDocument, answers: [route: string, status: number, answer: Answer][]): void {
  for (const [route, status, answer] of answers) {
    expect([route, answer.status, ...undescribed(document, route, answer)]).toEqual([route, status]);
  }
}

describe('The answers of a service', () => {
  const running = serviceForTheSuite('SQLite');
  let document: OpenApiDocument;

  beforeAll(async () => {
    document = await documentOf(running);
  });

  it('about sessions are as they are described', async () => {
    const { url } = running.service;
    const session = await signIn(url);
    const own = session.access_token;
    expectDescribed(document, [
      ['POST /sessions', 201, await postSession(url, { subject: 'alice' })],
      ['POST /sessions', 400, await postSession(url, { subject: 7 })],
      ['POST /sessions', 401, await call(`${url}/sessions`, { headers: bearer('x') })],
      ['GET /sessions', 200, await getSessions(url, own)],
      ['GET /sessions', 200, await getSessions(url, SERVICE_KEY, '?subject=alice&limit=1')],
      ['GET /sessions', 401, await getSessions(url, 'x')],
      ['GET /sessions', 400, await getSessions(url, own, '?limit=0')],
      ['PATCH /sessions', 200, await patchSessions(url, SERVICE_KEY, '?subject=alice', { scope: 'read' })],
      ['PATCH /sessions', 401, await patchSessions(url, own, '?subject=alice', {})],
      ['PATCH /sessions/{id}', 204, await patchSessions(url, own, `/${session.session_id}`, { label: 'Phone' })],
      ['PATCH /sessions/{id}', 400, await patchSessions(url, own, `/${session.session_id}`, { label: 7 })],
      ['DELETE /sessions/{id}', 404, await deleteSessions(url, own, '/00000000-0000-4000-8000-000000000000')],
      ['DELETE /sessions', 200, await deleteSessions(url, own, '?except=current')],
      ['DELETE /sessions/{id}', 204, await deleteSessions(url, own, `/${session.session_id}`)],
      ['GET /.well-known/jwks.json', 200, await getFrom(running, '/.well-known/jwks.json')],
      ['GET /health/live', 200, await getFrom(running, '/health/live')],
      ['GET /health/ready', 200, await getFrom(running, '/health/ready')],
    ]);
  });

  it('to OAuth clients are as they are described', async () => {
    const { url } = running.service;
    const plain = await signIn(url);
    const scoped = await signInWith(url, { subject: 'alice', scope: 'read write', client_id: 'app', claims: { a: 1 } });
    const asClient = { client_id: 'app' };
    const successor = await exchanged(url, scoped.refresh_token, { ...asClient, scope: 'read' });
    const form = { grant_type: 'refresh_token', refresh_token: plain.refresh_token };

    expectDescribed(document, [
      ['POST /oauth/token', 200, await exchange(url, plain.refresh_token)],
      ['POST /oauth/token', 200, await exchange(url, successor.refresh_token, { ...asClient, scope: 'read' })],
      ['POST /oauth/token', 400, await exchange(url, 'x')],
      ['POST /oauth/token', 400, await exchange(url, scoped.refresh_token, { ...asClient, scope: 'admin' })],
      ['POST /oauth/token', 400, await exchange(url, scoped.refresh_token, { client_id: 'other' })],
      ['POST /oauth/token', 400, await exchange(url, plain.refresh_token, { grant_type: 'password' })],
      ['POST /oauth/token', 401, await postForm(`${url}/oauth/token`, form, basic('app', 'secret'))],
      ['POST /oauth/revoke', 400, await revoke(url, plain.access_token)],
      ['POST /oauth/revoke', 400, await revoke(url, scoped.refresh_token, { client_id: 'other' })],
      ['POST /oauth/revoke', 401, await revoke(url, 'x', { client_secret: 'secret' })],
      ['POST /oauth/introspect', 200, await introspect(url, 'x')],
      ['POST /oauth/introspect', 200, await introspect(url, successor.access_token)],
      ['POST /oauth/introspect', 200, await introspect(url, successor.refresh_token)],
      ['POST /oauth/introspect', 200, await introspect(url, plain.refresh_token, basic('any', SERVICE_KEY))],
      ['POST /oauth/introspect', 401, await introspect(url, 'x', bearer('x'))],
      ['POST /oauth/introspect', 400, await postForm(`${url}/oauth/introspect`, {}, bearer(SERVICE_KEY))],
      ['POST /oauth/revoke', 200, await revoke(url, plain.refresh_token)],
      [
        'GET /.well-known/oauth-authorization-server',
        200,
        await getFrom(running, '/.well-known/oauth-authorization-server'),
      ],
    ]);
    const introspection = resolved(document, document.components.schemas['Introspection'])?.['properties'] as Json;
    const claims = Object.keys(json<Json>(await introspect(url, successor.access_token)));
    // The host's own claims are anybody's guess.
    expect(Object.keys(introspection)).toEqual(expect.arrayContaining(claims.filter((name) => name !== 'a')));
  });

  it('are described where its database does not answer', async () => {
    await withService('SQLite', {}, async (service) => {
      const { refresh_token, access_token } = await signIn(service.url);
      await service.app.get(DataSource).query('ALTER TABLE refresh_token_sessions RENAME TO gone');
      const { url } = service;
      expectDescribed(document, [
        ['POST /refresh_token', 503, await refresh(url, refresh_token)],
        ['POST /logout', 503, await logout(url, refresh_token)],
        ['POST /sessions', 503, await postSession(url, { subject: 'alice' })],
        ['GET /sessions', 503, await getSessions(url, access_token)],
        ['DELETE /sessions', 503, await deleteSessions(url, SERVICE_KEY, '?subject=alice')],
        ['POST /oauth/token', 503, await exchange(url, refresh_token)],
        ['POST /oauth/revoke', 503, await revoke(url, refresh_token)],
        ['POST /oauth/introspect', 503, await introspect(url, refresh_token)],
      ]);
    });
  });
});

describe('The answers of a service with cookies', () => {
  const running = serviceForTheSuite('SQLite', { ...WITH_COOKIES, REFRESH_TOKEN_COOKIE_NAME: '__Host-session' });
  let document: OpenApiDocument;

  beforeAll(async () => {
    document = await documentOf(running);
  });

  const withCookie = (path: string, token: string, headers: Record<string, string> = OWN_PAGE) =>
    call(running.service.url + path, { headers: { ...cookie(token, '__Host-session'), ...headers } });

  it('name the cookie as the document does', () => {
    expect(document.components.securitySchemes['refreshTokenCookie']).toMatchObject({
      type: 'apiKey',
      in: 'cookie',
      name: '__Host-session',
    });
    for (const path of ['/refresh_token', '/logout']) {
      expect(document.paths[path]?.['post']?.security).toEqual([{ refreshToken: [] }, { refreshTokenCookie: [] }]);
    }
  });

  it('are as they are described, for a token in the cookie and for one in the header', async () => {
    const { url } = running.service;
    const created = await postSession(url, { subject: 'alice' });
    const { refresh_token: token } = json<{ refresh_token: string }>(created);
    const elsewhere = { Origin: 'https://evil.example.com', 'Sec-Fetch-Site': 'cross-site' };
    const refreshedByCookie = await withCookie('/refresh_token', token);
    const loggedOut = await withCookie('/logout', token);
    const refused = await withCookie('/refresh_token', token);

    expectDescribed(document, [
      ['POST /sessions', 201, created],
      ['POST /refresh_token', 200, refreshedByCookie],
      ['POST /refresh_token', 401, refused],
      ['POST /refresh_token', 403, await withCookie('/refresh_token', token, elsewhere)],
      ['POST /refresh_token', 400, await withCookie('/refresh_token', token, { ...OWN_PAGE, ...bearer(token) })],
      ['POST /logout', 204, loggedOut],
      ['POST /logout', 403, await withCookie('/logout', token, elsewhere)],
    ]);
    for (const { headers } of [refreshedByCookie, loggedOut, refused]) expect(headers['set-cookie']).toHaveLength(1);
    expect(json(refreshedByCookie)).not.toHaveProperty('refresh_token');
    expect(json(created)).toHaveProperty('set_cookie');
  });

  it('would not be as they are described where cookies are off', async () => {
    const { url } = running.service;
    const { refresh_token } = await signIn(url);
    await withService('SQLite', {}, async (service) => {
      const without = json<OpenApiDocument>(await call(`${service.url}/openapi.json`, { method: 'GET' }));
      const answer = await withCookie('/refresh_token', refresh_token);
      expect(undescribed(without, 'POST /refresh_token', answer)).toEqual([
        'POST /refresh_token: 200 has set-cookie',
        'POST /refresh_token: 200.refresh_token is not there',
      ]);
    });
  });
});

describe('The answers of a service without service keys', () => {
  it('let nobody introspect: the endpoint stands there for nobody, and is not described', async () => {
    await withService('SQLite', { SERVICE_KEYS: '' }, async ({ url }) => {
      for (const credentials of [bearer(SERVICE_KEY), basic('any', SERVICE_KEY), basic('', ''), {}]) {
        expect((await introspect(url, 'x', credentials)).status).toBe(401);
      }
    });
  });
});

describe('The OAuth endpoints of an issuer with a path', () => {
  const ISSUER = 'https://example.com/login';
  const running = serviceForTheSuite('SQLite', { ISSUER, OAUTH_PREFIX: 'auth/v1' });

  it('are where the document, the metadata and the server have them', async () => {
    const { url } = running.service;
    const document = await documentOf(running);
    const route = '/.well-known/oauth-authorization-server/login';
    const metadata = await getFrom(running, route);
    expectDescribed(document, [[`GET ${route}`, 200, metadata]]);

    const told = json<Record<string, string>>(metadata);
    for (const [name, path] of [
      ['token_endpoint', '/auth/v1/token'],
      ['revocation_endpoint', '/auth/v1/revoke'],
      ['introspection_endpoint', '/auth/v1/introspect'],
      ['jwks_uri', '/.well-known/jwks.json'],
    ] as const) {
      // What takes the issuer's path away stands before the service.
      expect([name, told[name]]).toEqual([name, ISSUER + path]);
      expect(document.paths).toHaveProperty([path]);
    }
    const { refresh_token } = await signIn(url);
    const form = { grant_type: 'refresh_token', refresh_token };
    expectDescribed(document, [['POST /auth/v1/token', 200, await postForm(`${url}/auth/v1/token`, form)]]);
    expect((await postForm(`${url}/oauth/token`, form)).status).toBe(404);
  });
});

/** Jest can't load @fastify/static, which requires an ES module; a process that was started without it has no page. */
const describeDocs = IS_FASTIFY ? describe.skip : describe;

describeDocs('/docs', () => {
  const running = serviceForTheSuite('SQLite');
  const get = (path: string) => getFrom(running, path);
  let page: string;
  let configuration: string;

  beforeAll(async () => {
    page = (await get('/docs')).text;
    configuration = (await get('/docs/swagger-ui-init.js')).text;
  });

  it('is a page whose every asset is served from here', async () => {
    const assets = [...page.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, address]) => address as string);
    expect(assets.length).toBeGreaterThanOrEqual(5);
    for (const address of assets) {
      expect(address).toMatch(/^\.\/docs\//);
      const asset = await get(new URL(address, `${running.service.url}/docs`).pathname);
      expect(asset.status).toBe(200);
      expect(asset.text.length).toBeGreaterThan(100);
    }
    expect(assets.some((address) => address.endsWith('.css'))).toBe(true);
    expect(assets.some((address) => address.endsWith('bundle.js'))).toBe(true);
  });

  it('names no other host, and is configured with none', () => {
    const withoutNamespaces = page.replaceAll(/xmlns(?::\w+)?="[^"]*"/g, '');
    for (const text of [withoutNamespaces, configuration]) {
      expect(text).not.toMatch(/(?:https?:)?\/\/[\w-]+\.[\w.-]+/);
    }
  });

  it('shows the document of /openapi.json, handed over with the page', async () => {
    const [, shown = ''] = /"swaggerDoc": (\{[\s\S]*\}),\s*"customOptions"/.exec(configuration) ?? [];
    expect(JSON.parse(shown)).toEqual(json(await get('/openapi.json')));
  });

  it('holds no secret', () => {
    expect(page + configuration).not.toMatch(/secret-of|service-key-of/);
  });
});
