import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DynamicModule } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { decodeJwt } from 'jose';
import { AuthModule, Clock, ConfigurationError, InvalidRequestError, RefreshTokenSession } from 'nest-refresh-token';
import { inMemoryDatabase, signIn, TestClock, testingOptions } from 'nest-refresh-token/testing';
import { DataSource } from 'typeorm';
// The README's example is a suite of its own.
import '../fixtures/testing/orders.example.js';
import { Order, OrdersController } from '../fixtures/testing/orders.module.js';
import type { Host } from '../support/hosts/host.js';
import { bearer, call, refresh, refreshed, type Answer } from '../support/http/http.js';
import { listen } from '../support/http/listen.js';
import { finish, manifestOf, packedProject, type PackedProject } from '../support/hosts/packed-project.js';
import { region } from '../documentation/docs/snippet.js';
import { HOUR, MINUTE } from '../support/test-clock.js';
import { hostAdapter } from '../support/servers/http-adapter.js';

const running: Host[] = [];

/** A host as its tests have it: tables and tokens, and a guarded route. */
async function start(
  overrides: Parameters<typeof testingOptions>[0] = {},
  clock = new TestClock(),
  more: DynamicModule[] = [],
): Promise<Host> {
  const module = await Test.createTestingModule({
    imports: [TypeOrmModule.forRoot(inMemoryDatabase([Order])), AuthModule.forRoot(testingOptions(overrides)), ...more],
    controllers: [OrdersController],
  })
    .overrideProvider(Clock)
    .useValue(clock)
    .compile();
  const app = module.createNestApplication(hostAdapter(), { logger: false });
  const host = { app, url: await listen(app) };
  running.push(host);
  return host;
}

function orders({ url }: Host, authorization: string): Promise<Answer> {
  return call(`${url}/orders`, { method: 'GET', headers: { authorization } });
}

describe('The testing helpers', () => {
  afterEach(async () => {
    for (const { app } of running.splice(0)) await app.close();
  });

  describe('signIn', () => {
    it('hands over the header that opens a guarded route, and the tokens behind it', async () => {
      const host = await start();
      const session = await signIn(host.app, 'alice');
      expect(session).toMatchObject({ subject: 'alice', token_type: 'Bearer', expires_in: 3_600 });
      expect(session.authorization).toBe(`Bearer ${session.access_token}`);
      const answer = await orders(host, session.authorization);
      expect([answer.status, answer.text]).toEqual([200, '{"orders":[],"of":"alice"}']);
      await refreshed(host.url, session.refresh_token);
    });

    it('takes what a login takes', async () => {
      const host = await start();
      const before = await signIn(host.app, 'alice');
      const options = { claims: { roles: ['buyer'] }, scope: 'orders:read', clientId: 'web', label: 'Phone' };
      const session = await signIn(host.app, 'alice', { ...options, revokeOthers: true });
      expect(decodeJwt(session.access_token)).toMatchObject({
        sub: 'alice',
        roles: ['buyer'],
        scope: 'orders:read',
        client_id: 'web',
      });
      const row = await host.app
        .get(DataSource)
        .getRepository(RefreshTokenSession)
        .findOneBy({ id: session.session_id });
      expect(row?.label).toBe('Phone');
      expect((await refresh(host.url, before.refresh_token)).status).toBe(401);
      await expect(signIn(host.app, '')).rejects.toBeInstanceOf(InvalidRequestError);
    });

    it('signs in to the module of a name, and to the one without a name where none is given', async () => {
      const partners = [
        TypeOrmModule.forRoot({ ...inMemoryDatabase(), name: 'partners' }),
        AuthModule.forRoot({
          ...testingOptions({ accessToken: { issuer: 'https://partners.test' } }),
          name: 'partners',
          dataSource: getDataSourceToken('partners'),
        }),
      ];
      const host = await start({}, new TestClock(), partners);
      const [user, partner] = [
        await signIn(host.app, 'alice'),
        await signIn(host.app, 'acme', { moduleName: 'partners' }),
      ];
      expect([user, partner].map(({ access_token }) => decodeJwt(access_token).iss)).toEqual([
        'https://app.test',
        'https://partners.test',
      ]);
      const atPartners = (token: string) => call(`${host.url}/partners/refresh_token`, { headers: bearer(token) });
      expect((await atPartners(partner.refresh_token)).status).toBe(200);
      expect((await atPartners(user.refresh_token)).status).toBe(401);
      expect((await orders(host, user.authorization)).status).toBe(200);
      expect((await orders(host, partner.authorization)).status).toBe(401);
      await expect(signIn(host.app, 'acme', { moduleName: 'nobody' })).rejects.toThrow(/RefreshTokenService:nobody/);
    });
  });

  describe('TestClock', () => {
    it('turned past its expiry makes an access token bad, while the refresh works', async () => {
      const clock = new TestClock();
      const host = await start({}, clock);
      const { authorization, refresh_token } = await signIn(host.app, 'alice');
      clock.advance(HOUR - 1_000);
      expect((await orders(host, authorization)).status).toBe(200);
      clock.advance(1_000);
      const expired = await orders(host, authorization);
      expect([expired.status, expired.text]).toEqual([401, '{"error":"invalid_token"}']);
      const { access_token } = await refreshed(host.url, refresh_token);
      expect((await orders(host, `Bearer ${access_token}`)).status).toBe(200);
    });

    it('stands still until it is turned, and can be set', async () => {
      const before = Date.now();
      const clock = new TestClock();
      const begun = clock.now();
      expect(begun).toBeGreaterThanOrEqual(before);
      expect(begun).toBeLessThanOrEqual(Date.now());
      clock.advance(MINUTE);
      expect(clock.now()).toBe(begun + MINUTE);
      clock.set(begun);
      expect(clock.now()).toBe(begun);
      expect(new TestClock(5).now()).toBe(5);
      expect(clock).toBeInstanceOf(Clock);
    });
  });

  describe('testingOptions', () => {
    it('have secrets and keys of their own each time', () => {
      const [one, other] = [testingOptions(), testingOptions()];
      expect(one.refreshToken.secrets).not.toEqual(other.refreshToken.secrets);
      expect(one.accessToken).toMatchObject({ issuer: 'https://app.test', keys: { keys: [{ kty: 'EC' }] } });
      expect(one.accessToken).not.toEqual(other.accessToken);
    });

    it('take what differs, group by group, and keep the rest', async () => {
      const clock = new TestClock();
      const host = await start(
        {
          refreshToken: { leeway: 0, prefix: 'app_' },
          accessToken: { ttl: '5m' },
          session: { maxSessionsPerSubject: 1 },
        },
        clock,
      );
      const first = await signIn(host.app, 'alice');
      expect(first).toMatchObject({ expires_in: 300, refresh_token: expect.stringMatching(/^app_/) });
      expect(decodeJwt(first.access_token).iss).toBe('https://app.test');
      const [second, third] = [
        await refreshed(host.url, first.refresh_token),
        await refreshed(host.url, first.refresh_token),
      ];
      expect(second.refresh_token).not.toBe(third.refresh_token);
      clock.advance(1);
      await signIn(host.app, 'alice');
      expect((await refresh(host.url, third.refresh_token)).status).toBe(401);
    });

    it('take a secret of HS256 in the place of the key', async () => {
      const host = await start({
        accessToken: { algorithm: 'HS256', secret: 'the secret the host has always signed with' },
      });
      const { authorization } = await signIn(host.app, 'alice');
      expect((await orders(host, authorization)).status).toBe(200);
    });

    it('leave bad options to the module, which names them', async () => {
      await expect(start({ refreshToken: { leeway: '6m' } })).rejects.toBeInstanceOf(ConfigurationError);
      await expect(start({ refreshToken: { leeway: '6m' } })).rejects.toThrow(/^refreshToken\.leeway: got "6m"/);
    });
  });

  describe('inMemoryDatabase', () => {
    it("has the module's tables and the host's, and nothing is written to disk", async () => {
      const host = await start();
      const dataSource = host.app.get(DataSource);
      await dataSource.getRepository(Order).insert({ id: 1, customer: 'alice' });
      expect(await dataSource.getRepository(Order).find()).toEqual([{ id: 1, customer: 'alice' }]);
      await signIn(host.app, 'alice');
      expect(await dataSource.getRepository(RefreshTokenSession).count()).toBe(1);
      expect(await dataSource.query('PRAGMA database_list')).toEqual([expect.objectContaining({ file: '' })]);
    });

    it('is not shared by two apps side by side, even with the same secrets and keys', async () => {
      const options = testingOptions({ session: { lostSessions: 'refuse' } });
      const [one, other] = [await start(options), await start(options)];
      const { refresh_token } = await signIn(one.app, 'alice');
      expect((await refresh(other.url, refresh_token)).status).toBe(401);
      await refreshed(one.url, refresh_token);
      expect(await other.app.get(DataSource).getRepository(RefreshTokenSession).count()).toBe(0);
    });

    it('is new for an app that is started anew', async () => {
      const options = testingOptions();
      await signIn((await start(options)).app, 'alice');
      await running.pop()?.app.close();
      expect(await (await start(options)).app.get(DataSource).getRepository(RefreshTokenSession).count()).toBe(0);
    });
  });

  it('have an example that is short enough to be read', () => {
    expect(region('test/fixtures/testing/orders.example.ts').split('\n').length).toBeLessThanOrEqual(40);
  });
});

describe('The testing helpers in the packed package', () => {
  let project: PackedProject;
  beforeAll(async () => {
    project = await packedProject();
    for (const name of ['better-sqlite3', '@nestjs/testing', '@nestjs/typeorm']) await install(name);
  });
  afterAll(() => project?.remove());

  /** Installs a package that the project's tests need, and what comes with it. */
  async function install(name: string): Promise<void> {
    const link = join(project.folder, 'node_modules', name);
    if (existsSync(link)) return;
    await mkdir(dirname(link), { recursive: true });
    await symlink(resolve('node_modules', name), link);
    const { dependencies = {} } = manifestOf(link);
    for (const dependency of Object.keys(dependencies)) await install(dependency);
  }

  function node(script: string) {
    return finish(process.execPath, ['--preserve-symlinks', '--preserve-symlinks-main', script], project.folder);
  }

  it('test an app in plain JavaScript, with no test runner', async () => {
    await project.write('orders.test.mjs', PLAIN_JAVASCRIPT);
    const { code, stdout, stderr } = await node('orders.test.mjs');
    expect({ code, stderr, answers: stdout }).toEqual({
      code: 0,
      stderr: '',
      answers: '200 alice\n401 {"error":"invalid_token"}\n200\n',
    });
  });

  it('are required as well', async () => {
    await project.write(
      'names.cjs',
      "console.log(Object.keys(require('nest-refresh-token/testing')).sort().join(' '));",
    );
    expect(await node('names.cjs')).toEqual({
      code: 0,
      stdout: 'TestClock inMemoryDatabase signIn testingOptions\n',
      stderr: '',
    });
  });
});

const PLAIN_JAVASCRIPT = `
import 'reflect-metadata';
import { Controller, Get, Req, UseGuards } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AccessTokenGuard, AuthModule, Clock } from 'nest-refresh-token';
import { inMemoryDatabase, signIn, TestClock, testingOptions } from 'nest-refresh-token/testing';

class Orders {
  list(request) { return request.accessToken.sub; }
}
Controller('orders')(Orders);
UseGuards(AccessTokenGuard)(Orders);
Get()(Orders.prototype, 'list', Object.getOwnPropertyDescriptor(Orders.prototype, 'list'));
Req()(Orders.prototype, 'list', 0);

const clock = new TestClock();
const module = await Test.createTestingModule({
  imports: [TypeOrmModule.forRoot(inMemoryDatabase()), AuthModule.forRoot(testingOptions())],
  controllers: [Orders],
}).overrideProvider(Clock).useValue(clock).compile();
const app = module.createNestApplication({ logger: false });
await app.listen(0);
const { authorization, refresh_token } = await signIn(app, 'alice');
const orders = async () => {
  const answer = await fetch(await app.getUrl() + '/orders', { headers: { authorization } });
  return answer.status + ' ' + await answer.text();
};
console.log(await orders());
clock.advance(3_600_000);
console.log(await orders());
const headers = { authorization: 'Bearer ' + refresh_token };
console.log((await fetch(await app.getUrl() + '/refresh_token', { method: 'POST', headers })).status);
await app.close();
`;
