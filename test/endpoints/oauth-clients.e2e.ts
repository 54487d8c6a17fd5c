import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AxiosHeaders, create, type AxiosError, type AxiosInstance } from 'axios';
import { createAuthRefresh, type AxiosAuthRefreshOptions } from 'axios-auth-refresh';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { TokenResponse } from 'nest-refresh-token';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { bearer, call, json, refreshed } from '../support/http/http.js';
import { decoded } from '../support/http/jwt.js';
import { eventsIn } from '../support/servers/log.js';
import { STANDARD_CLIENTS, type StandardClient } from '../support/http/oauth-clients.js';
import { PathProxy } from '../support/http/path-proxy.js';
import { serviceForEachTest } from '../support/servers/running-service.js';
import { ISSUER, SERVICE_KEY, startService, type TestService } from '../support/servers/service.js';
import { idsOf, signInWith } from '../support/http/session-calls.js';
import { endOf } from '../support/databases/session-rows.js';
import { MINUTE } from '../support/test-clock.js';
import { VerifyingApi } from '../support/hosts/verifying-api.js';

const CLIENT = 'Web app: 1+1&2 %';
const ODD_KEY = 'key+with%41+and&more=of:it:0123';

describe.each(['', '/auth', '/realms/main'])('The service at an issuer with the path %j', (path) => {
  let database: TestDatabase;
  let proxy: PathProxy;
  let service: TestService;

  beforeAll(async () => {
    database = await createDatabase('SQLite');
    // In front of it, so that the issuer is known before it is started.
    proxy = await PathProxy.at(path, () => service.url);
    service = await startService(database.url, {
      env: { ISSUER: proxy.url, SERVICE_KEYS: `${SERVICE_KEY},${ODD_KEY}` },
    });
  });
  afterAll(async () => {
    await proxy?.close();
    await service?.close();
    await database?.drop();
  });

  describe.each(STANDARD_CLIENTS)('for %s', (_, discover) => {
    let client: StandardClient;

    beforeEach(async () => {
      client = await discover(proxy.url, CLIENT);
    });

    const signIn = () =>
      signInWith(service.url, { subject: 'alice', client_id: CLIENT, scope: 'read write', claims: { tenant: 7 } });

    it('is discovered as it describes itself', async () => {
      const answer = await call(`${service.url}/.well-known/oauth-authorization-server${path}`, { method: 'GET' });
      expect(client.metadata).toMatchObject(json<object>(answer));
      expect(client.metadata['issuer']).toBe(proxy.url);
    });

    it('refreshes, again and again, and its access tokens verify with the keys it points to', async () => {
      const session = await signIn();
      let token = session.refresh_token;
      for (let round = 0; round < 3; round += 1) {
        service.clock.advance(MINUTE);
        const tokens = await client.refresh(token);
        expect(tokens).toMatchObject({ expires_in: 3_600, scope: 'read write' });
        expect(tokens.token_type).toMatch(/^bearer$/i);
        expect(tokens.refresh_token).not.toBe(token);
        token = String(tokens.refresh_token);

        const keySet = createRemoteJWKSet(new URL(String(client.metadata['jwks_uri'])));
        const { payload } = await jwtVerify(tokens.access_token, keySet, {
          issuer: proxy.url,
          audience: proxy.url,
          typ: 'at+jwt',
          currentDate: new Date(service.clock.now()),
        });
        expect(payload).toMatchObject({ sub: 'alice', sid: session.session_id, client_id: CLIENT });
      }
    });

    it('narrows the scope of one access token', async () => {
      const session = await signIn();
      const narrowed = await client.refresh(session.refresh_token, 'read');
      expect(narrowed.scope).toBe('read');
      expect(decoded(narrowed.access_token).claims['scope']).toBe('read');
      service.clock.advance(MINUTE);
      expect((await client.refresh(String(narrowed.refresh_token))).scope).toBe('read write');
    });

    it('says in the library’s own error what was wrong, and nothing is used up', async () => {
      const session = await signIn();
      const wrong = await discover(proxy.url, 'mobile');
      await expect(wrong.refresh(session.refresh_token)).rejects.toMatchObject({ status: 400, error: 'invalid_grant' });
      await expect(wrong.revoke(session.refresh_token)).rejects.toMatchObject({ status: 400, error: 'invalid_grant' });
      await expect(client.refresh(session.refresh_token, 'read admin')).rejects.toMatchObject({
        status: 400,
        error: 'invalid_scope',
        error_description: 'scope: got more than the session has, takes words of its scope.',
      });
      await expect(client.refresh('nonsense')).rejects.toMatchObject({ status: 400, error: 'invalid_grant' });
      expect(await endOf(service.app, session.session_id)).toBeNull();
      await client.refresh(session.refresh_token);
    });

    it('revokes refresh tokens, and is told that access tokens are not', async () => {
      const session = await signIn();
      await expect(client.revoke(session.access_token, 'access_token')).rejects.toMatchObject({
        status: 400,
        error: 'unsupported_token_type',
      });
      expect(await endOf(service.app, session.session_id)).toBeNull();
      await client.revoke(session.refresh_token, 'refresh_token');
      expect(await endOf(service.app, session.session_id)).toMatchObject({ reason: 'logout' });
      await client.revoke(session.refresh_token);
      await client.revoke('nonsense');
      await expect(client.refresh(session.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' });
    });

    it.each([SERVICE_KEY, ODD_KEY])('introspects with a service key as its secret: %s', async (key) => {
      const session = await signIn();
      expect(await client.introspect(session.access_token, key)).toEqual({
        ...decoded(session.access_token).claims,
        active: true,
        token_type: 'Bearer',
      });
      expect(await client.introspect(session.refresh_token, key)).toMatchObject({
        active: true,
        sub: 'alice',
        client_id: CLIENT,
        scope: 'read write',
      });
      await client.revoke(session.refresh_token);
      for (const token of [session.access_token, session.refresh_token, 'nonsense']) {
        expect(await client.introspect(token, key)).toEqual({ active: false });
      }
    });

    it('does not introspect with another key: the library sees the challenge', async () => {
      const session = await signIn();
      await expect(client.introspect(session.access_token, 'another-key-0123456789-0123')).rejects.toMatchObject({
        code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
        status: 401,
        cause: [{ scheme: 'basic', parameters: { realm: 'nest-refresh-token' } }],
      });
    });
  });
});

describe('axios with axios-auth-refresh, and an API that answers 401 to 50 requests at once', () => {
  const PARALLEL = 50;
  const ROUNDS = 3;
  const running = serviceForEachTest('SQLite', { ACCESS_TOKEN_TTL: '10m' });
  let api: VerifyingApi;

  beforeEach(async () => {
    const { service } = running;
    api = await VerifyingApi.of(service.url, ISSUER, service.clock);
  });
  afterEach(() => api.close());

  /** One tab: an axios instance that takes its tokens from a store that others may share. */
  function tab(store: TokenResponse, options: AxiosAuthRefreshOptions = {}): AxiosInstance {
    const { url } = running.service;
    const instance = create({ baseURL: api.url });
    instance.interceptors.request.use((request) => {
      request.headers.set('Authorization', `Bearer ${store.access_token}`);
      return request;
    });
    const refresh = async () => {
      const headers = new AxiosHeaders(bearer(store.refresh_token));
      const { data } = await create().post<TokenResponse>(`${url}/refresh_token`, undefined, { headers });
      Object.assign(store, data);
    };
    // Its types are those of axios's CommonJS build, which are the same by another name.
    createAuthRefresh(instance as Parameters<typeof createAuthRefresh>[0], refresh, options);
    return instance;
  }

  /** All at once, dealt out to the tabs. @returns who each was answered for, `undefined` where it was a 401 */
  async function askAll(tabs: readonly AxiosInstance[]): Promise<(string | undefined)[]> {
    const requests = Array.from({ length: PARALLEL }, (_, at) =>
      tabs[at % tabs.length]?.get<{ sub: string }>(`/orders/${at}`).catch((error: AxiosError) => {
        if (error.response?.status !== 401 || error.config?.baseURL !== api.url) throw error;
        return undefined;
      }),
    );
    return (await Promise.all(requests)).map((answer) => answer?.data.sub);
  }

  const ALICE_ONLY = Array.from({ length: PARALLEL }, () => 'alice');

  it.each<[string, number, AxiosAuthRefreshOptions]>([
    ['one tab', 1, { deduplicateRefresh: false }],
    ['five tabs with one store', 5, { deduplicateRefresh: false }],
    // By default the library hands on a 401 of a request that was on its way when the refresh began.
    ['five tabs, and the library as it comes', 5, {}],
  ])('signs nobody out, and writes one row: %s', async (_, count, options) => {
    const { service } = running;
    const store = await signInWith(service.url, { subject: 'alice' });
    const tabs = Array.from({ length: count }, () => tab(store, options));

    for (let round = 1; round <= ROUNDS; round += 1) {
      service.clock.advance(10 * MINUTE);
      const refusals = api.refusals;
      const answers = await askAll(tabs);

      if (options.deduplicateRefresh === false) expect(answers).toEqual(ALICE_ONLY);
      else expect(answers).toContain('alice');
      expect(await askAll(tabs)).toEqual(ALICE_ONLY);
      // They did come with a token that had expired, and the session was rotated once for all of them.
      expect(api.refusals - refusals).toBeGreaterThanOrEqual(PARALLEL / 2);
      const outcomes = eventsIn(service.log, 'session.refreshed').map(({ outcome }) => outcome);
      expect(outcomes.filter((outcome) => outcome !== 'repeated')).toEqual(
        Array.from({ length: round }, () => 'rotated'),
      );
    }

    expect(eventsIn(service.log, 'refresh.refused')).toEqual([]);
    expect(await idsOf(service.url, 'alice')).toEqual([store.session_id]);
    expect(await endOf(service.app, store.session_id)).toBeNull();
    service.clock.advance(MINUTE);
    await refreshed(service.url, store.refresh_token);
  });
});
