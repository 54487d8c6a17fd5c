import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SessionListResponse } from 'nest-refresh-token';
import { Connection } from '../support/http/connection.js';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { bearer, call, json, postSession, signIn } from '../support/http/http.js';
import { installWithout } from '../support/servers/installation.js';
import { cleanUp, ended, launch, startProcess, stop } from '../support/servers/process.js';
import { exchange, type RawAnswer } from '../support/http/raw-exchange.js';
import { withService } from '../support/servers/running-service.js';
import { productionEnvironment, SERVICE_KEY, startService, type TestService } from '../support/servers/service.js';

const ADAPTERS = ['express', 'fastify'] as const;
const ORIGIN = 'https://app.example.com';
const JSON_TYPE = 'Content-Type: application/json';
const FORM_TYPE = 'Content-Type: application/x-www-form-urlencoded';
const KEY = `Authorization: Bearer ${SERVICE_KEY}`;

let database: TestDatabase;
const services: TestService[] = [];

beforeAll(async () => {
  database = await createDatabase('SQLite');
  // Production has no demo.
  const env = { NODE_ENV: 'development', DEMO: 'true', CORS_ORIGINS: ORIGIN, REFRESH_TOKEN_COOKIE: 'true' };
  for (const HTTP_ADAPTER of ADAPTERS) {
    services.push(await startService(database.url, { env: { ...env, HTTP_ADAPTER } }));
  }
});
afterAll(async () => {
  for (const service of services) await service.close();
  await database.drop();
});

/** What both answer to the same bytes. */
async function answers(bytes: string): Promise<[express: RawAnswer[], fastify: RawAnswer[]]> {
  const all = await Promise.all(services.map(({ url }) => exchange(url, bytes)));
  return all as [RawAnswer[], RawAnswer[]];
}

/** A request after which the connection is closed. */
function request(line: string, headers: readonly string[] = [], body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${body.length}`];
  return [`${line} HTTP/1.1`, 'Host: example.com', 'Connection: close', ...headers, ...length, '', body].join('\r\n');
}

/** Both answer alike, and with this status. */
async function expectBoth(bytes: string, status: number): Promise<RawAnswer> {
  const [express, fastify] = await answers(bytes);
  expect(fastify).toEqual(express);
  const answer = fastify.at(-1) as RawAnswer;
  expect(answer.statusLine).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  return answer;
}

describe('Express and Fastify answer the same bytes', () => {
  it.each<[method: string, path: string, status: number]>([
    ['GET', '/health/live', 200],
    ['HEAD', '/health/live', 200],
    ['POST', '/health/live', 404],
    ['OPTIONS', '/health/live', 204],
    ['GET', '/health/ready', 200],
    ['GET', '/.well-known/jwks.json', 200],
    ['HEAD', '/.well-known/jwks.json', 200],
    ['GET', '/.well-known/oauth-authorization-server', 200],
    ['GET', '/openapi.json', 200],
    ['GET', '/', 404],
    ['GET', '/refresh_token', 404],
    ['PUT', '/refresh_token', 404],
    ['DELETE', '/refresh_token', 404],
    ['PROPFIND', '/refresh_token', 404],
    ['QUERY', '/refresh_token', 404],
    ['TRACE', '/refresh_token', 404],
    ['M-SEARCH', '/refresh_token', 404],
    ['SOURCE', '/nothing', 404],
    ['POST', '/refresh_token', 401],
    ['POST', '/logout', 401],
    ['GET', '/sessions', 401],
    ['PATCH', '/sessions', 401],
    ['POST', '/oauth/token', 400],
    ['POST', '/oauth/introspect', 401],
    ['GET', '/demo', 200],
    ['HEAD', '/demo', 200],
    ['GET', '/demo/', 308],
    ['GET', '/demo/tab', 200],
    ['GET', '/demo/tab/', 308],
    ['GET', '/demo/demo.css', 200],
    ['GET', '/demo/icon.svg', 200],
    ['GET', '/demo/client/index.js', 200],
    ['GET', '/demo/client/nothing.js', 404],
    ['POST', '/demo/refresh_token', 401],
    ['GET', '/demo/hello', 401],
  ])('to %s %s', (method, path, status) => expectBoth(request(`${method} ${path}`), status));

  it.each<[target: string, status: number]>([
    ['/Refresh_Token', 401],
    ['/refresh_token/', 401],
    ['/refresh_token//', 404],
    ['//refresh_token', 404],
    ['/refresh%5ftoken', 401],
    ['/%52efresh%5Ftoken', 401],
    ['/r%65fresh_token?token=%5F', 400],
    ['/refresh_token?', 401],
    ['/refresh_token?x=%zz', 401],
    ['/refresh_token?token=x', 400],
    ['/refresh_token?%74oken=x', 400],
    ['/refresh_token;x', 404],
    ['/refresh_token#x', 401],
    ['http://example.com/refresh_token', 401],
    ['HTTP://example.com/refresh_token?x', 401],
    ['http://example.com', 404],
    ['refresh_token', 400],
    ['*', 404],
    ['/%', 404],
    ['/%zz', 404],
    ['/%ff', 404],
    ['/%E0%A4%A', 404],
    ['/refresh_token%', 404],
    ['/refresh_token%00', 404],
    ['/refresh_token%2f', 404],
    ['/refresh_token%25', 404],
    ['/refresh_token/../logout', 404],
    ['/./refresh_token', 404],
    ['/constructor', 404],
    ['/__proto__', 404],
    [`/${'a'.repeat(9_000)}`, 404],
  ])('to the target %.60j', (target, status) => expectBoth(request(`POST ${target}`), status));

  it.each<[id: string, status: number]>([
    ['', 404],
    ['x', 404],
    ['a/b', 404],
    ['%', 404],
    ['%zz', 404],
    ['%ff', 404],
    ['%2F', 404],
    ['%00', 404],
    ['%25', 404],
    ['x%2Fy/', 404],
    ['__proto__', 404],
    [':id', 404],
    ['*', 404],
    ['a'.repeat(101), 404],
    ['a'.repeat(5_000), 404],
  ])('to DELETE /sessions/…, of the id %.60j', (id, status) =>
    expectBoth(request(`DELETE /sessions/${id}`, [KEY]), status),
  );

  it.each<[what: string, headers: string[], body: string, status: number, elsewhere?: number]>([
    ['an empty one called JSON', [JSON_TYPE, 'Content-Length: 0'], '', 401],
    ['none called JSON', [JSON_TYPE], '', 401],
    ['JSON', [JSON_TYPE], '{}', 401],
    ['JSON cut off', [JSON_TYPE], '{', 400],
    ['another kind of JSON, cut off', ['Content-Type: application/merge-patch+json'], '{', 400],
    ['JSON of a prototype', [JSON_TYPE], '{"__proto__":{"token":"x"}}', 401],
    ['JSON of a constructor', [JSON_TYPE], '{"constructor":{"prototype":{}}}', 401],
    ['JSON with a token', [JSON_TYPE], '{"token":"x"}', 400, 404],
    ['JSON in UTF-16', ['Content-Type: application/json; charset=utf-16le'], '{\0}\0', 401],
    ['a form with a token', [FORM_TYPE], 'token=x', 400, 404],
    ['a form of a prototype', [FORM_TYPE], '__proto__=x', 401],
    ['a form that is malformed', [FORM_TYPE], '%zz=%', 401],
    ['a form of too much', [FORM_TYPE], 'a&'.repeat(1_001), 400],
    ['text', ['Content-Type: text/plain'], 'token=x', 401],
    ['a type that is none', ['Content-Type: ;;;'], 'x', 401],
    ['an empty type', ['Content-Type: '], 'x', 401],
    ['a type that nobody knows', ['Content-Type: klingon/opera'], 'x', 401],
    ['gzip', [JSON_TYPE, 'Content-Encoding: gzip'], gzipSync('{"token":"x"}').toString('latin1'), 400, 404],
    ['what is not gzip', [JSON_TYPE, 'Content-Encoding: gzip'], '{}', 400],
    ['an encoding that nobody knows', [JSON_TYPE, 'Content-Encoding: klingon'], '{}', 400],
    ['too much', [], 'x'.repeat(33_000), 413],
    ['too much in chunks', ['Transfer-Encoding: chunked'], `80E8\r\n${'x'.repeat(33_000)}\r\n0\r\n\r\n`, 413],
  ])('to a body: %s', async (_, headers, body, status, elsewhere = status === 401 ? 404 : status) => {
    const isChunked = headers.some((header) => header.startsWith('Transfer-Encoding'));
    for (const method of ['POST', 'GET', 'DELETE', 'QUERY', 'PROPFIND']) {
      const head = request(`${method} /refresh_token`, headers, isChunked ? '' : body);
      await expectBoth(isChunked ? head + body : head, method === 'POST' ? status : elsewhere);
    }
  });

  it.each<[what: string, bytes: string, status: number]>([
    ['two Authorization headers', request('POST /refresh_token', ['Authorization: Bearer a', 'authorization: x']), 400],
    ['two of a backend', request('GET /sessions?subject=x', [KEY, KEY]), 400],
    ['Expect: 100-continue', request('POST /refresh_token', ['Expect: 100-continue', JSON_TYPE], '{}'), 401],
    ['another Expect', request('POST /refresh_token', ['Expect: tea']), 417],
    ['an Upgrade', request('POST /refresh_token', ['Upgrade: websocket', 'Connection: upgrade']), 401],
    ['an older HTTP', 'POST /refresh_token HTTP/1.0\r\n\r\n', 401],
    ['a token that is forged', request('POST /refresh_token', ['Authorization: Bearer x']), 401],
    ['a cookie of nobody', request('POST /refresh_token', ['Cookie: __Host-refresh_token=x']), 403],
    [
      'a cookie that is forged',
      request('POST /refresh_token', ['Cookie: __Host-refresh_token=x', `Origin: ${ORIGIN}`]),
      401,
    ],
    ['a page', request('GET /health/live', [`Origin: ${ORIGIN}`]), 200],
    ['a page of another origin', request('GET /health/live', ['Origin: https://evil.example.com']), 200],
    ['a page on a malformed path', request('GET /%zz', [`Origin: ${ORIGIN}`]), 404],
    [
      'a page that asks first',
      request('OPTIONS /sessions', [`Origin: ${ORIGIN}`, 'Access-Control-Request-Method: PATCH']),
      204,
    ],
    [
      'a page of another origin that asks first',
      request('OPTIONS /sessions', ['Origin: https://evil.example.com', 'Access-Control-Request-Method: PATCH']),
      204,
    ],
    ['who asks for the server', request('OPTIONS *'), 204],
  ])('to %s', (_, bytes, status) => expectBoth(bytes, status));
});

describe('What is no request is answered the same, in JSON', () => {
  it.each<[what: string, bytes: string, status: string]>([
    ['no HTTP', 'hello\r\n\r\n', '400 Bad Request'],
    ['a method that nobody knows', request('BREW /pot'), '400 Bad Request'],
    [
      'a head that is too large',
      request('GET /health/live', [`X: ${'x'.repeat(20_000)}`]),
      '431 Request Header Fields Too Large',
    ],
    ['a length that is no number', request('POST /refresh_token', ['Content-Length: ten']), '400 Bad Request'],
    ['two lengths', request('POST /refresh_token', ['Content-Length: 1', 'Content-Length: 2'], ''), '400 Bad Request'],
    [
      'a length beside chunks',
      request('POST /refresh_token', ['Content-Length: 1', 'Transfer-Encoding: chunked']),
      '400 Bad Request',
    ],
    ['chunks that are none', `${request('POST /nothing', ['Transfer-Encoding: chunked'])}hello\r\n`, '400 Bad Request'],
    [
      'chunks with too much said of them',
      `${request('POST /nothing', ['Transfer-Encoding: chunked'])}1;${'x'.repeat(20_000)}\r\n`,
      '413 Payload Too Large',
    ],
  ])('%s', async (_, bytes, status) => {
    const [express, fastify] = await answers(bytes);
    expect(fastify).toEqual(express);
    expect(fastify).toEqual([
      {
        statusLine: `HTTP/1.1 ${status}`,
        headers: [
          'cache-control: no-store',
          'connection: close',
          'content-length: 27',
          'content-type: application/json; charset=utf-8',
        ],
        body: '{"error":"invalid_request"}',
      },
    ]);
  });

  it('an HTTP/1.1 request without a host, which Node answers by itself', async () => {
    const [express, fastify] = await answers('GET /health/live HTTP/1.1\r\n\r\n');
    expect(fastify).toEqual(express);
    expect(fastify[0]?.statusLine).toBe('HTTP/1.1 400 Bad Request');
  });
});

describe('Behind proxies, Express and Fastify see the same client', () => {
  it.each<[trustProxy: string, forwardedFor: string, seen: string]>([
    ['false', '203.0.113.7', '127.0.0.1'],
    ['true', '203.0.113.7', '203.0.113.7'],
    ['true', '203.0.113.7, 198.51.100.2', '203.0.113.7'],
    ['true', ' , 203.0.113.7 ,, 198.51.100.2', '203.0.113.7'],
    ['0', '203.0.113.7', '127.0.0.1'],
    ['1', '203.0.113.7, 198.51.100.2', '198.51.100.2'],
    ['2', '203.0.113.7, 198.51.100.2', '203.0.113.7'],
    ['9', '203.0.113.7, 198.51.100.2', '203.0.113.7'],
    ['loopback', '203.0.113.7, 198.51.100.2', '198.51.100.2'],
    ['loopback, 198.51.100.0/24', '203.0.113.7, 198.51.100.2', '203.0.113.7'],
    ['loopback, 198.51.100.0/255.255.255.0', '203.0.113.7, ::ffff:198.51.100.2', '203.0.113.7'],
    ['loopback, 2001:db8::/32', '203.0.113.7, 2001:db8::1', '203.0.113.7'],
    ['10.0.0.0/8', '203.0.113.7', '127.0.0.1'],
    ['loopback', 'not an address', 'null'],
  ])('TRUST_PROXY=%s, X-Forwarded-For: %s', async (TRUST_PROXY, forwardedFor, seen) => {
    for (const HTTP_ADAPTER of ADAPTERS) {
      await withService('SQLite', { HTTP_ADAPTER, TRUST_PROXY, REFRESH_TOKEN_LEEWAY: '0' }, async ({ url }) => {
        const { refresh_token } = await signIn(url);
        const headers = { ...bearer(refresh_token), 'X-Forwarded-For': forwardedFor };
        expect((await call(`${url}/refresh_token`, { headers })).status).toBe(200);
        const { sessions } = json<SessionListResponse>(
          await call(`${url}/sessions?subject=alice`, { method: 'GET', headers: bearer(SERVICE_KEY) }),
        );
        expect(sessions.map(({ ip }) => String(ip))).toEqual([seen]);
      });
    }
  });
});

describe('What succeeds is answered with the same headers', () => {
  it('at a login, a refresh, a logout, and by OAuth', async () => {
    const [express, fastify] = await Promise.all(services.map(answeredWith));
    expect(fastify).toEqual(express);
    expect(express).toHaveLength(6);
  });

  /** Statuses, headers, and the names in the bodies. */
  async function answeredWith({ url }: TestService): Promise<unknown[]> {
    const [first, second] = [await signIn(url, 'bob'), await signIn(url, 'bob')];
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const ofPage = { Cookie: `__Host-refresh_token=${second.refresh_token}`, Origin: ORIGIN };
    const answered = [
      await postSession(url, { subject: 'carol' }),
      await call(`${url}/refresh_token`, { headers: bearer(first.refresh_token) }),
      await call(`${url}/refresh_token`, { headers: ofPage }),
      await call(`${url}/oauth/token`, {
        headers: form,
        body: `grant_type=refresh_token&refresh_token=${first.refresh_token}`,
      }),
      await call(`${url}/oauth/revoke`, { headers: form, body: `token=${first.refresh_token}` }),
      await call(`${url}/logout`, { headers: ofPage }),
    ];
    return answered.map(({ status, headers, text }) => ({
      status,
      headers: JSON.stringify(Object.entries({ ...headers, date: '' }).toSorted()).replaceAll(/rt_[\w-]+/g, 'rt_'),
      names: text === '' ? [] : Object.keys(JSON.parse(text) as object),
    }));
  }
});

describe('The service as a process, on Fastify', () => {
  afterAll(cleanUp);

  it('starts with HOST=localhost too, answers, and ends when it is told to', async () => {
    const env = { ...productionEnvironment('sqlite:s.sqlite'), HTTP_ADAPTER: 'fastify', HOST: 'localhost' };
    const service = await startProcess({ env });
    const { refresh_token } = await signIn(service.url);
    const connection = new Connection(service.url);
    const answer = await connection.request('/refresh_token', { headers: bearer(refresh_token) });
    expect([answer.status, answer.headers.connection, answer.headers['keep-alive']]).toEqual([
      200,
      'keep-alive',
      'timeout=65',
    ]);

    const { code, signal, stderr } = await stop(service);
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  });

  it('has no /docs where @fastify/static is not installed, and the log says what to install', async () => {
    const { main, env } = await installWithout('@fastify/static');
    const production = { ...productionEnvironment('sqlite:s.sqlite'), HTTP_ADAPTER: 'fastify', ...env };
    const service = await startProcess({ main, env: production });
    expect((await call(`${service.url}/docs`, { method: 'GET' })).status).toBe(404);
    expect(service.stdout).toContain('/docs is off: npm install @nestjs/swagger @fastify/static to switch it on');
    expect((await call(`${service.url}/openapi.json`, { method: 'GET' })).status).toBe(200);
  });

  it('says in the usual line that its port is taken', async () => {
    const env = { ...productionEnvironment('sqlite:s.sqlite'), HTTP_ADAPTER: 'fastify' };
    const { port } = await startProcess({ env });
    const { code, stderr } = await ended(await launch({ env: { ...env, PORT: String(port) } }));
    expect([code, stderr]).toEqual([
      1,
      `nest-refresh-token can't start: HOST, PORT: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
    ]);
  });
});
