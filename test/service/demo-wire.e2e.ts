import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import type { IssuedSession } from 'nest-refresh-token';
import { createDatabase, describePostgres } from '../support/databases/databases.js';
import { get, postSignIn, signIn } from '../support/clients/demo-page.js';
import { bearer, call, json } from '../support/http/http.js';
import { installWithout } from '../support/servers/installation.js';
import { cleanUp, emptyFolder, startProcess, stop, until, type ServiceProcess } from '../support/servers/process.js';
import { productionEnvironment, SECRET, SIGNING_KEYS } from '../support/servers/service.js';
import { INVALID_TOKEN, NOT_FOUND, REFUSED, wire } from '../support/http/wire.js';
import { limit } from '../support/time.js';

const PATHS = [
  '',
  '/tab',
  '/demo.js',
  '/demo.css',
  '/icon.svg',
  '/client/index.js',
  '/client/storage/browser.js',
  '/hello',
  '/sessions',
];

afterAll(cleanUp);

describe('The demo over the wire', () => {
  let cwd: string;
  let service: ServiceProcess;

  beforeAll(async () => {
    cwd = await emptyFolder();
    service = await startProcess({ cwd });
  });

  it.each(PATHS.slice(0, 6))('is sent with a policy, to no cache, and to no frame of others: /demo%s', async (path) => {
    const { status, headers } = await get(service.url, `/demo${path}`);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-security-policy': expect.stringMatching(/^default-src 'self'; (?!.*unsafe).*frame-ancestors 'self'$/),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
  });

  it('stands at one address each, whatever slash follows', async () => {
    for (const [path, location] of [
      ['/demo/', '../demo'],
      ['/demo/tab/', '../tab'],
    ] as const) {
      const { status, headers } = await get(service.url, path);
      expect([status, headers.location]).toEqual([308, location]);
    }
    expect((await get(service.url, '/demo?a=b/c')).status).toBe(200);
  });

  it.each([
    '/demo/client/..%2findex.js',
    '/demo/client/..%2f..%2fpackage.json',
    '/demo/client/%2e%2e%2findex.js',
    '/demo/client/..%5cindex.js',
    '/demo/client/../service/cli/cli.js',
    '/demo/client/index.js%00.js',
    '/demo/client/index.d.ts',
    '/demo/client/.js',
    '/demo/client/nothing.js',
    '/demo/client/storage/..%2findex.js',
    '/demo/client/storage/',
    '/demo/client/',
    '/demo/client',
    '/demo/..%2fdemo.module.js',
    '/demo/page/demo.js',
    '/demo/demo.module.js',
    '/demo/demo.html',
    '/demo/DEMO.JS',
    '/demo/package.json',
  ])('serves no other file: %s', async (path) => {
    expect(wire(await get(service.url, path))).toEqual(NOT_FOUND);
  });

  it('signs in with JSON only, which no other site’s page can send unasked', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=b', '']) {
      const answer = await postSignIn(
        service.url,
        '{"subject":"mallory"}',
        type === '' ? {} : { 'Content-Type': type },
      );
      expect([type, answer.status, json<{ error: string }>(answer).error]).toEqual([type, 400, 'invalid_request']);
    }
    const preflight = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' };
    const asked = await call(`${service.url}/demo/sign-in`, { method: 'OPTIONS', headers: preflight });
    expect(asked.headers['access-control-allow-origin']).toBeUndefined();

    const { access_token } = await signIn(service.url, 'mallory');
    const { sessions } = json<{ sessions: unknown[] }>(await get(service.url, '/demo/sessions', bearer(access_token)));
    expect(sessions).toHaveLength(1);
  });

  it('opens no door of the service, nor the service one of the demo', async () => {
    const demo = await signIn(service.url);
    const key = (await readFile(join(cwd, 'data/service-key'), 'utf8')).trim();
    const headers = { ...bearer(key), 'Content-Type': 'application/json' };
    const own = json<IssuedSession>(await call(`${service.url}/sessions`, { headers, body: '{"subject":"alice"}' }));

    const refreshAt = (path: string, token: string) => call(service.url + path, { headers: bearer(token) });
    expect((await refreshAt('/demo/refresh_token', demo.refresh_token)).status).toBe(200);
    expect(wire(await refreshAt('/refresh_token', demo.refresh_token))).toEqual(REFUSED);
    expect(wire(await refreshAt('/demo/refresh_token', own.refresh_token))).toEqual(REFUSED);
    expect((await get(service.url, '/demo/hello', bearer(demo.access_token))).status).toBe(200);
    expect(wire(await get(service.url, '/sessions', bearer(demo.access_token)))).toEqual(INVALID_TOKEN);
    expect(wire(await get(service.url, '/demo/hello', bearer(own.access_token)))).toEqual(INVALID_TOKEN);
    expect((await get(service.url, '/demo/sessions', bearer(key))).status).toBe(401);

    await refreshAt('/demo/logout', own.refresh_token);
    expect((await refreshAt('/refresh_token', own.refresh_token)).status).toBe(200);
  });

  it('leaves nothing on the disk, and no session in the service’s database', async () => {
    const subject = 'a-user-of-the-demo-only';
    const { session_id } = await signIn(service.url, subject);
    const names = await readdir(cwd, { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect([file, (await readFile(file)).includes(subject)]).toEqual([file, false]);

    const database = new SqliteDatabase(join(cwd, 'data/refresh-tokens.sqlite'), { readonly: true });
    const found = database.prepare('SELECT COUNT(*) AS rows FROM refresh_token_sessions WHERE id = ? OR subject = ?');
    expect(found.get(session_id, subject)).toEqual({ rows: 0 });
    database.close();
  });

  it('is no endpoint of the service: openapi.json does not know it', async () => {
    expect((await get(service.url, '/openapi.json')).text).not.toContain('demo');
  });

  it('is named before the lines to paste', async () => {
    const lines = await until('they are printed', () => /listens on[\s\S]*\/docs\n/.exec(service.stdout)?.[0]);
    expect(lines).toContain(`\nWatch it in the browser: ${service.url}/demo\n`);
  });
});

describe('There is no demo', () => {
  async function expectNone(env: Record<string, string>): Promise<ServiceProcess> {
    const service = await startProcess({ env });
    for (const path of PATHS) expect([path, wire(await get(service.url, `/demo${path}`))]).toEqual([path, NOT_FOUND]);
    for (const path of ['sign-in', 'refresh_token', 'logout']) {
      const headers = { ...bearer('rt_x'), 'Content-Type': 'application/json' };
      const answer = await call(`${service.url}/demo/${path}`, { headers, body: '{"subject":"alice"}' });
      expect(wire(answer)).toEqual(NOT_FOUND);
    }
    await stop(service);
    expect(service.stdout).not.toMatch(/\/demo(?! is off)/);
    return service;
  }

  it('in production, whatever DEMO says', async () => {
    const env = productionEnvironment('sqlite:sessions.sqlite');
    await Promise.all([expectNone(env), expectNone({ ...env, DEMO: 'true' })]);
  });

  it('with DEMO=false', async () => {
    await expectNone({ DEMO: 'false' });
  });

  it('in the way of a shut-down: it ends as fast as without', async () => {
    const service = await startProcess();
    await signIn(service.url);
    const begun = performance.now();
    expect((await stop(service)).code).toBe(0);
    expect(performance.now() - begun).toBeLessThan(limit(1_600));
  });

  describePostgres('without better-sqlite3', () => {
    it('and the log says so, once; all else works', async () => {
      const database = await createDatabase('PostgreSQL');
      const { main, env } = await installWithout('better-sqlite3');
      const keys = { REFRESH_TOKEN_SECRETS: SECRET, SIGNING_KEYS };
      const service = await startProcess({ main, env: { ...env, ...keys, DATABASE_URL: database.url } });

      expect(wire(await get(service.url, '/demo'))).toEqual(NOT_FOUND);
      expect((await get(service.url, '/health/ready')).status).toBe(200);
      await stop(service);
      expect(service.stdout.match(/.*\/demo.*/g)).toEqual([
        expect.stringContaining('/demo is off: npm install better-sqlite3 to switch it on'),
      ]);
      await database.drop();
    });
  });
});
describe('The pictures of the demo', () => {
  it.each(['light', 'dark'])('are small enough for a README: %s', async (name) => {
    const picture = await readFile(`test/pictures/demo-${name}.png`);
    expect(picture.subarray(1, 4).toString()).toBe('PNG');
    expect(picture.length).toBeLessThan(300_000);
  });
});
