import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Test } from '@nestjs/testing';
import type { INestApplication } from '@nestjs/common';
import { Clock } from 'nest-refresh-token';
import { inMemoryDatabase, signIn, TestClock, testingOptions } from 'nest-refresh-token/testing';
import { ModerationService } from '../fixtures/recipes/moderation.service.js';
import { RecipesModule } from '../fixtures/recipes/recipes.module.js';
import { Mailer, OldTokenRepository, UsersService, type User } from '../fixtures/recipes/users.service.js';
import { bearer, call, json, refresh, refreshed, type Answer } from '../support/http/http.js';
import { hostAdapter } from '../support/servers/http-adapter.js';
import { listen } from '../support/http/listen.js';

const ALICE: User = { id: 'alice', roles: ['buyer'], isBanned: false };

describe("The README's recipes", () => {
  let app: INestApplication;
  let url: string;
  let clock: TestClock;

  beforeEach(async () => {
    clock = new TestClock();
    const options = testingOptions({ cookie: { origins: ['https://app.example.com'] } });
    const database = TypeOrmModule.forRoot(inMemoryDatabase());
    const module = await Test.createTestingModule({ imports: [RecipesModule.with(options, database)] })
      .overrideProvider(Clock)
      .useValue(clock)
      .compile();
    app = module.createNestApplication(hostAdapter(), { logger: false });
    url = await listen(app);
    await app.get(UsersService, { strict: false }).save(ALICE);
  });
  afterEach(() => app.close());

  const get = (path: string, authorization: string): Promise<Answer> =>
    call(url + path, { method: 'GET', headers: { authorization } });
  const post = (path: string, authorization: string): Promise<Answer> =>
    call(url + path, { headers: { authorization } });

  it('protect a route', async () => {
    const { authorization } = await signIn(app, 'alice', { claims: { roles: ['buyer'] } });
    const writer = await signIn(app, 'alice', { scope: 'orders:read orders:write' });

    expect(json(await get('/orders', authorization))).toEqual({ orders: [], of: 'alice', roles: ['buyer'] });
    const refused = await post('/orders', authorization);
    expect([refused.status, refused.text]).toEqual([403, '{"error":"insufficient_scope"}']);
    expect(refused.headers['www-authenticate']).toBe('Bearer error="insufficient_scope", scope="orders:write"');
    expect((await post('/orders', writer.authorization)).status).toBe(201);
    expect((await call(`${url}/orders`, { method: 'GET' })).text).toBe('{"error":"missing_token"}');
  });

  it('log out everywhere, and everywhere else', async () => {
    const [phone, laptop, other] = [await signIn(app, 'alice'), await signIn(app, 'alice'), await signIn(app, 'bob')];
    await app.get(UsersService, { strict: false }).save({ ...ALICE, id: 'bob' });

    expect((await post('/account/log-out-elsewhere', laptop.authorization)).status).toBe(204);
    expect((await refresh(url, phone.refresh_token)).status).toBe(401);
    expect((await refresh(url, laptop.refresh_token)).status).toBe(200);

    expect((await post('/account/log-out-everywhere', laptop.authorization)).status).toBe(204);
    expect((await refresh(url, laptop.refresh_token)).status).toBe(401);
    expect((await refresh(url, other.refresh_token)).status).toBe(200);
  });

  it('ban a user', async () => {
    const session = await signIn(app, 'alice');
    await app.get(ModerationService).ban(ALICE);
    expect((await refresh(url, session.refresh_token)).status).toBe(401);
  });

  it('change roles', async () => {
    const session = await signIn(app, 'alice');
    await refreshed(url, session.refresh_token);
    await app.get(ModerationService).changeRoles(ALICE, ['buyer', 'admin']);
    // Within the leeway the policy isn't asked: what the session says has changed.
    const { access_token } = await refreshed(url, session.refresh_token);
    expect(json(await get('/orders', `Bearer ${access_token}`))).toMatchObject({ roles: ['buyer', 'admin'] });
  });

  it('let a policy decide at every refresh', async () => {
    const users = app.get(UsersService, { strict: false });
    const session = await signIn(app, 'alice');
    await users.save({ ...ALICE, roles: ['auditor'] });
    const { access_token, refresh_token } = await refreshed(url, session.refresh_token);
    expect(json(await get('/orders', `Bearer ${access_token}`))).toMatchObject({ roles: ['auditor'] });

    await users.save({ ...ALICE, isBanned: true });
    clock.advance(60_000);
    expect((await refresh(url, refresh_token)).status).toBe(401);
  });

  it('warn a user whose token was stolen', async () => {
    const { refresh_token: stolen } = await signIn(app, 'alice');
    const { refresh_token } = await refreshed(url, stolen);
    clock.advance(60_000);
    await refreshed(url, refresh_token);
    clock.advance(60_000);
    expect((await refresh(url, stolen)).status).toBe(401);
    expect(app.get(Mailer, { strict: false }).warned).toEqual(['alice']);
  });

  it('move from old refresh tokens', async () => {
    const tokens = app.get(OldTokenRepository, { strict: false });
    tokens.save('an-old-token-of-alice', 'alice', new Date(Date.now() + 60_000));
    tokens.save('an-expired-one', 'alice', new Date(0));
    const { refresh_token } = await refreshed(url, 'an-old-token-of-alice');
    clock.advance(60_000);
    await refreshed(url, refresh_token);
    expect((await refresh(url, 'an-expired-one')).status).toBe(401);
    expect((await refresh(url, 'anything-else')).status).toBe(401);
  });

  it("keep a browser's refresh token in a cookie", async () => {
    const login = await call(`${url}/browser/login`, {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ email: 'alice@example.com', password: 'alice' }),
    });
    expect(login.status).toBe(200);
    expect(json(login)).not.toHaveProperty('refresh_token');
    const [cookie = ''] = login.headers['set-cookie'] ?? [];
    const headers = { Cookie: cookie.split(';', 1).join(), Origin: 'https://app.example.com' };
    expect((await call(`${url}/refresh_token`, { headers })).status).toBe(200);
    expect(
      (await call(`${url}/refresh_token`, { headers: { ...headers, Origin: 'https://evil.example' } })).status,
    ).toBe(403);
  });

  it("list a user's sessions", async () => {
    const session = await signIn(app, 'alice', { label: 'Phone' });
    const answer = await call(`${url}/sessions`, { method: 'GET', headers: bearer(session.access_token) });
    expect(json(answer)).toMatchObject({ sessions: [{ id: session.session_id, label: 'Phone', current: true }] });
  });
});
