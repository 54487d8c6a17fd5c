import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Post, Req, Res, UseGuards, VersioningType } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  AuthModule,
  JwksController,
  RefreshTokenController,
  RefreshTokenService,
  type RefreshTokenRequest,
} from 'nest-refresh-token';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { hostOptions, sqlite, startHost, type Host } from '../support/hosts/host.js';
import { bearer, call, type Answer } from '../support/http/http.js';
import { DenyAll, NotFromMars, Public } from '../support/hosts/strict-host.js';

@Public()
@UseGuards(NotFromMars)
class DecoratedController extends RefreshTokenController {}

@Public()
@Controller('sign-in/again')
class MovedController extends RefreshTokenController {}

/** Does something of its own before it answers. */
@Public()
@Controller({ path: 'overridden', version: '7' })
class OverridingController extends RefreshTokenController {
  static calls = 0;

  @Post()
  override async refresh(@Req() request: RefreshTokenRequest, @Res() response: unknown): Promise<void> {
    OverridingController.calls += 1;
    await super.refresh(request, response);
  }
}

@Public()
class PublicJwksController extends JwksController {}

describe('A subclass of a controller of the module', () => {
  let database: TestDatabase;
  let host: Host;

  beforeAll(async () => {
    database = await createDatabase('SQLite');
    const controllers = [DecoratedController, MovedController, OverridingController, PublicJwksController];
    host = await startHost(
      {
        imports: [sqlite(database), AuthModule.forRoot({ ...hostOptions(), controllers })],
        providers: [{ provide: APP_GUARD, useClass: DenyAll }],
      },
      (app) => {
        app.setGlobalPrefix('api', { exclude: ['.well-known/jwks.json'] });
        app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
      },
    );
  });

  afterAll(async () => {
    await host?.app.close();
    await database?.drop();
  });

  it.each([
    ['its path stays the same, and without version', '/api/refresh_token'],
    ["its path is the host's, and has its version", '/api/v1/sign-in/again'],
    ['its handler is overridden', '/api/v7/overridden'],
  ])('keeps the guard, the answers and the errors where %s', async (_, path) => {
    const good = await post(path, bearer(await signIn()));
    expect([good.status, good.headers['cache-control']]).toEqual([200, 'no-store']);
    expect(JSON.parse(good.text)).toMatchObject({ token_type: 'Bearer' });

    const forged = await post(path, bearer('rt_forged'));
    expect([forged.status, forged.text]).toEqual([401, '{"error":"invalid_refresh_token"}']);
    expect(forged.headers['www-authenticate']).toBe('Bearer error="invalid_token"');

    const missing = await post(path, {});
    expect([missing.status, missing.text]).toEqual([401, '{"error":"missing_token"}']);
  });

  it('is guarded by the guards it adds as well', async () => {
    const answer = await post('/api/refresh_token', { ...bearer(await signIn()), 'X-Planet': 'mars' });
    expect(answer.status).toBe(403);
  });

  it('does in an overridden handler what it wants', async () => {
    const before = OverridingController.calls;
    await post('/api/v7/overridden', bearer(await signIn()));
    expect(OverridingController.calls).toBe(before + 1);
  });

  it('publishes the keys past the global guard, where the global prefix is told to leave them', async () => {
    const get = (path: string) => call(`${host.url}${path}`, { method: 'GET' });
    const answer = await get('/.well-known/jwks.json');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({ keys: [expect.objectContaining({ alg: 'ES256', use: 'sig' })] });
    expect((await get('/api/.well-known/jwks.json')).status).toBe(404);
  });

  it('is needed where a global guard closes every route', async () => {
    const other = await createDatabase('SQLite');
    const { url, app } = await startHost({
      imports: [sqlite(other), AuthModule.forRoot(hostOptions())],
      providers: [{ provide: APP_GUARD, useClass: DenyAll }],
    });
    const { refresh_token } = await app.get(RefreshTokenService).issue({ subject: 'alice' });
    const answer = await call(`${url}/refresh_token`, { headers: bearer(refresh_token) });
    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.text)).toEqual({ message: 'Unauthorized', statusCode: 401 });
    await app.close();
    await other.drop();
  });

  async function signIn(): Promise<string> {
    const service = host.app.get(RefreshTokenService);
    return (await service.issue({ subject: 'alice' })).refresh_token;
  }

  function post(path: string, headers: Record<string, string>): Promise<Answer> {
    return call(`${host.url}${path}`, { headers });
  }
});
