import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { QueryObserver } from '@tanstack/query-core';
import { AxiosError } from 'axios';
import { Clock } from 'nest-refresh-token';
import { createSession } from 'nest-refresh-token/client';
import { inMemoryDatabase, testingOptions } from 'nest-refresh-token/testing';
import { keychainStorage } from '../fixtures/client/keychain.js';
import { RecipesModule } from '../fixtures/recipes/recipes.module.js';
import { UsersService } from '../fixtures/recipes/users.service.js';
import { exampleOriginsForEachTest } from '../support/clients/example-origins.js';
import { bearer, call, json, postSession } from '../support/http/http.js';
import { hostAdapter } from '../support/servers/http-adapter.js';
import { listen } from '../support/http/listen.js';
import { OrdersApi, type Order } from '../support/hosts/orders-api.js';
import { pageGlobalsForEachTest } from '../support/clients/page-globals.js';
import { until } from '../support/servers/process.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { ISSUER } from '../support/servers/service.js';
import { HOUR, TestClock } from '../support/test-clock.js';

const APP = 'https://app.example.com';
const AUTH = 'https://auth.example.com';
const API = 'https://api.example.com';
const REFRESH = `POST ${AUTH}/refresh_token`;
const BODY = { item: 'tea', note: 'ü' };

describe("The README's client", () => {
  const running = serviceForTheSuite('SQLite');
  const page = pageGlobalsForEachTest();
  const origins = exampleOriginsForEachTest(APP);
  const visited: string[] = [];
  let orders: OrdersApi;

  beforeAll(async () => {
    orders = await OrdersApi.of(running.service.url, ISSUER, running.service.clock);
  });
  afterAll(() => orders.close());
  beforeEach(() => {
    // A page that has just been loaded.
    jest.resetModules();
    visited.length = 0;
    orders.answers.length = 0;
    Object.assign(orders, { isDown: false, isSilent: false, unanswered: 0 });
    const assign = (url: string) => void visited.push(url);
    Object.assign(globalThis, { location: { origin: APP, href: `${APP}/`, assign } });
    origins.lead(AUTH, running.service.url);
    origins.lead(API, orders.url);
    origins.lead(APP, async (request) => {
      const { email, password } = (await request.json()) as Record<string, string>;
      if (email !== `${password}@example.com`) return new Response('', { status: 401 });
      const { text } = await postSession(running.service.url, { subject: password });
      return new Response(text);
    });
  });
  afterEach(() => void Reflect.deleteProperty(globalThis, 'location'));

  /** The user signs in, and the access token expires. */
  async function signedInLongAgo() {
    const app = await import('../fixtures/client/session.js');
    await app.signIn('alice@example.com', 'alice');
    running.service.clock.advance(2 * HOUR);
    return app;
  }

  /** The authorization server says that it will be back in a minute. */
  function beginOutage(): void {
    const headers = { 'Retry-After': '60' };
    origins.lead(AUTH, async () => new Response('{"error":"temporarily_unavailable"}', { status: 503, headers }));
  }

  async function expectSignedIn(): Promise<void> {
    expect(page.area.get('nest-refresh-token')).toContain('"refresh_token"');
    expect(visited).toEqual([]);
    origins.lead(AUTH, running.service.url);
    jest.resetModules();
    const { orders: ask } = await import('../fixtures/client/session.js');
    expect(await ask()).toMatchObject({ sub: 'alice' });
  }

  const refreshes = () => origins.sent.filter((request) => request === REFRESH).length;

  describe('in a browser', () => {
    it('signs in, refreshes after a 401, and is sent to the login once the session is over', async () => {
      const { orders: ask, session, signIn } = await signedInLongAgo();
      expect(await ask()).toEqual({ sub: 'alice', method: 'GET', body: '' });
      expect([orders.answers, refreshes()]).toEqual([[401, 200], 1]);

      const { refresh_token } = JSON.parse(page.area.get('nest-refresh-token') ?? '') as { refresh_token: string };
      await call(`${running.service.url}/logout`, { headers: bearer(refresh_token) });
      running.service.clock.advance(2 * HOUR);
      expect((await session.fetch(`${API}/orders`)).status).toBe(401);
      await until('the page goes elsewhere', () => visited.length > 0 || undefined);
      expect(visited).toEqual(['/login?reason=invalid_refresh_token']);

      await expect(signIn('alice@example.com', 'bob')).rejects.toThrow('The login answered 401.');
      await ask();
      expect(visited).toEqual(['/login?reason=invalid_refresh_token', '/login']);
      await signIn('bob@example.com', 'bob');
      expect(await ask()).toMatchObject({ sub: 'bob' });
    });

    it('fails while nobody can refresh, and signs nobody out', async () => {
      const { orders: ask } = await signedInLongAgo();
      beginOutage();
      await expect(ask()).rejects.toMatchObject({ name: 'SessionUnavailableError', status: 503 });
      await expectSignedIn();
    });
  });

  describe('with axios', () => {
    it('sends a request again after a 401, its body as it was, and refreshes once for many', async () => {
      await signedInLongAgo();
      const { api } = await import('../fixtures/client/with-axios.js');
      const answers = await Promise.all(Array.from({ length: 20 }, () => api.post<Order>('/orders', BODY)));
      for (const { data } of answers)
        expect(data).toEqual({ sub: 'alice', method: 'POST', body: JSON.stringify(BODY) });
      expect(refreshes()).toBe(1);

      running.service.clock.advance(2 * HOUR);
      const form = new FormData();
      form.set('item', 'tea');
      const { body } = (await api.put<Order>('/orders', form)).data;
      expect(body).toContain('name="item"\r\n\r\ntea\r\n');
      expect(refreshes()).toBe(2);
    });

    it('hands on what the API answers', async () => {
      await signedInLongAgo();
      const { api } = await import('../fixtures/client/with-axios.js');
      orders.isDown = true;
      const error: unknown = await api.get('/orders').catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ isAxiosError: true, status: 503, response: { data: { method: 'GET' } } });
    });

    it('ends a request that is aborted', async () => {
      await signedInLongAgo();
      const { api } = await import('../fixtures/client/with-axios.js');
      orders.isSilent = true;
      const controller = new AbortController();
      const request = api.get('/orders', { signal: controller.signal });
      await until('the API is asked', () => orders.unanswered > 0 || undefined);
      controller.abort();
      await expect(request).rejects.toMatchObject({ code: AxiosError.ERR_CANCELED });
    });

    it('fails while nobody can refresh, says why, and signs nobody out', async () => {
      await signedInLongAgo();
      const { api } = await import('../fixtures/client/with-axios.js');
      beginOutage();
      await expect(api.post('/orders', BODY)).rejects.toMatchObject({
        isAxiosError: true,
        cause: { name: 'SessionUnavailableError', status: 503 },
      });
      await expectSignedIn();
    });
  });

  describe('with ky', () => {
    it('sends a request again after a 401, its body as it was, and refreshes once for many', async () => {
      await signedInLongAgo();
      const { api } = await import('../fixtures/client/with-ky.js');
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => api.post<Order>('orders', { json: BODY }).json()),
      );
      for (const answer of answers)
        expect(answer).toEqual({ sub: 'alice', method: 'POST', body: JSON.stringify(BODY) });
      expect(refreshes()).toBe(1);
    });

    it('ends a request that is aborted', async () => {
      await signedInLongAgo();
      const { api } = await import('../fixtures/client/with-ky.js');
      orders.isSilent = true;
      const controller = new AbortController();
      const request = api.get('orders', { signal: controller.signal }).json();
      await until('the API is asked', () => orders.unanswered > 0 || undefined);
      controller.abort();
      await expect(request).rejects.toMatchObject({ name: 'AbortError' });
    });

    it('fails while nobody can refresh, without trying again, and signs nobody out', async () => {
      await signedInLongAgo();
      const { api } = await import('../fixtures/client/with-ky.js');
      beginOutage();
      await expect(api.get('orders').json()).rejects.toMatchObject({ name: 'SessionUnavailableError' });
      expect([orders.answers, refreshes()]).toEqual([[401], 1]);
      await expectSignedIn();
    });
  });

  describe('with TanStack Query', () => {
    it('fetches a query after a 401, and refreshes once for many', async () => {
      await signedInLongAgo();
      const { ordersQuery, queries } = await import('../fixtures/client/with-query.js');
      const keys = Array.from({ length: 20 }, (_, n) => n);
      const answers = await Promise.all(
        keys.map((key) => queries.fetchQuery({ ...ordersQuery, queryKey: ['orders', key], retry: false })),
      );
      for (const answer of answers) expect(answer).toMatchObject({ sub: 'alice' });
      expect(refreshes()).toBe(1);
    });

    it('ends a query that nobody watches any more', async () => {
      await signedInLongAgo();
      const { ordersQuery, queries } = await import('../fixtures/client/with-query.js');
      orders.isSilent = true;
      const stop = new QueryObserver(queries, ordersQuery).subscribe(() => undefined);
      await until('the API is asked', () => orders.unanswered > 0 || undefined);
      stop();
      await until('the query ends', () => queries.getQueryState(['orders'])?.fetchStatus === 'idle' || undefined);
      expect(queries.getQueryState(['orders'])).toMatchObject({ status: 'pending', error: null });
    });

    it('does not try a session again that cannot be refreshed, nor what is not allowed, and signs nobody out', async () => {
      await signedInLongAgo();
      const { ordersQuery, queries } = await import('../fixtures/client/with-query.js');
      beginOutage();
      const failed: string[] = [];
      const stop = new QueryObserver(queries, ordersQuery).subscribe(({ error, failureCount }) => {
        if (error) failed.push(`${error.name} ${failureCount}`);
      });
      await until('the query fails', () => failed.length > 0 || undefined);
      stop();
      expect([failed, orders.answers, refreshes()]).toEqual([['SessionUnavailableError 1'], [401], 1]);
      await expectSignedIn();

      queries.clear();
      page.area.clear();
      orders.answers.length = 0;
      jest.resetModules();
      const anew = await import('../fixtures/client/with-query.js');
      const stopAnew = new QueryObserver(anew.queries, ordersQuery).subscribe(({ error }) => failed.push(`${error}`));
      await until('the API answers', () => orders.answers.length > 0 || undefined);
      stopAnew();
      expect(orders.answers).toEqual([401]);
    });

    it('tries again what may pass', async () => {
      await signedInLongAgo();
      const { ordersQuery, queries } = await import('../fixtures/client/with-query.js');
      orders.isDown = true;
      const seen: unknown[] = [];
      const stop = new QueryObserver(queries, ordersQuery).subscribe(({ data }) => seen.push(data));
      await until('the API answers', () => orders.answers.length > 0 || undefined);
      orders.isDown = false;
      await until('the query has data', () => seen.at(-1) !== undefined || undefined);
      stop();
      expect(seen.at(-1)).toMatchObject({ sub: 'alice' });
    });
  });

  describe('with any other client', () => {
    /** A client that takes no `fetch`. */
    const ask = async (token: string): Promise<Order> => {
      const answer = await call(`${orders.url}/orders`, { headers: bearer(token), body: JSON.stringify(BODY) });
      if (answer.status !== 200) throw new Error(String(answer.status));
      return json<Order>(answer);
    };
    const isRefusal = (error: unknown) => error instanceof Error && error.message === '401';

    it('does its work again with another access token where one is refused, and refreshes once for many', async () => {
      await signedInLongAgo();
      const { authorized } = await import('../fixtures/client/with-any-client.js');
      const answers = await Promise.all(Array.from({ length: 20 }, () => authorized(ask, isRefusal)));
      for (const answer of answers) expect(answer).toMatchObject({ sub: 'alice', body: JSON.stringify(BODY) });
      expect(refreshes()).toBe(1);
    });

    it('fails where the work fails otherwise, where nobody is signed in, and while nobody can refresh', async () => {
      const { authorized } = await import('../fixtures/client/with-any-client.js');
      await expect(authorized(ask, isRefusal)).rejects.toThrow('Nobody is signed in.');
      await signedInLongAgo();
      orders.isDown = true;
      await expect(authorized(ask, isRefusal)).rejects.toThrow('503');
      orders.isDown = false;
      beginOutage();
      await expect(authorized(ask, isRefusal)).rejects.toMatchObject({ name: 'SessionUnavailableError' });
      await expectSignedIn();
    });
  });

  describe('with a keychain', () => {
    it('carries on after the app was started anew, and leaves nothing in it once the user signs out', async () => {
      const entries = new Map<string, string>();
      const secureStore = {
        getItemAsync: async (key: string) => entries.get(key) ?? null,
        setItemAsync: async (key: string, text: string) => void entries.set(key, text),
        deleteItemAsync: async (key: string) => void entries.delete(key),
      };
      const start = () => {
        const refreshUrl = `${AUTH}/refresh_token`;
        return createSession({ refreshUrl, apiOrigins: [API], storage: keychainStorage(secureStore) });
      };
      await start().signIn(json(await postSession(running.service.url, { subject: 'alice' })));
      running.service.clock.advance(2 * HOUR);
      const session = start();
      expect((await session.fetch(`${API}/orders`)).status).toBe(200);
      expect(entries.get('session')?.length).toBeLessThan(2_048);

      expect(await session.signOut()).toBe(true);
      expect(entries.size).toBe(0);
      expect((await start().fetch(`${API}/orders`)).status).toBe(401);
    });
  });
});

describe("The README's client with a cookie", () => {
  pageGlobalsForEachTest();
  const origins = exampleOriginsForEachTest(APP);
  let host: INestApplication;
  let clock: TestClock;

  beforeEach(async () => {
    jest.resetModules();
    clock = new TestClock();
    const options = testingOptions({ cookie: { origins: [APP] } });
    const module = await Test.createTestingModule({
      imports: [RecipesModule.with(options, TypeOrmModule.forRoot(inMemoryDatabase()))],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .compile();
    host = module.createNestApplication(hostAdapter(), { logger: false });
    origins.lead(APP, await listen(host));
    await host.get(UsersService, { strict: false }).save({ id: 'alice', roles: ['buyer'], isBanned: false });
  });
  afterEach(() => host.close());

  it('signs in, refreshes after a 401, and never sees the refresh token', async () => {
    const { session, signIn } = await import('../fixtures/client/cookie-mode.js');
    await expect(signIn('alice@example.com', 'bob')).rejects.toThrow('The login answered 401.');
    await signIn('alice@example.com', 'alice');
    clock.advance(2 * HOUR);
    const response = await session.fetch(`${APP}/orders`);
    expect(await response.json()).toMatchObject({ of: 'alice' });
    expect(origins.sent.filter((request) => request.endsWith('/refresh_token'))).toHaveLength(1);
  });

  it('finds the session in a page that is loaded anew, and none where nobody has signed in', async () => {
    const { session } = await import('../fixtures/client/cookie-mode.js');
    expect(await session.getAccessToken()).toBeNull();
    const { signIn } = await import('../fixtures/client/cookie-mode.js');
    await signIn('alice@example.com', 'alice');
    jest.resetModules();
    const anew = await import('../fixtures/client/cookie-mode.js');
    expect(anew.session).not.toBe(session);
    expect(await anew.session.getAccessToken()).toMatch(/^eyJ/);
  });
});
