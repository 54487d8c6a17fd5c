import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Post, UseFilters } from '@nestjs/common';
import {
  AuthExceptionFilter,
  AuthModule,
  RefreshTokenService,
  SessionService,
  TemporarilyUnavailableError,
  type IssuedSession,
} from 'nest-refresh-token';
import { DataSource } from 'typeorm';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { hostOptions, sqlite, startHost, type Host } from '../support/hosts/host.js';
import { call, refresh, refreshed } from '../support/http/http.js';

@Controller('login')
@UseFilters(AuthExceptionFilter)
class LoginController {
  constructor(private readonly refreshTokens: RefreshTokenService) {}

  @Post()
  login(): Promise<IssuedSession> {
    return this.refreshTokens.issue({ subject: 'alice' });
  }
}

describe("A host whose DataSource doesn't answer", () => {
  let database: TestDatabase;
  let host: Host;
  let service: RefreshTokenService;
  let token: string;

  beforeAll(async () => {
    database = await createDatabase('SQLite');
    host = await startHost({
      imports: [sqlite(database), AuthModule.forRoot(hostOptions())],
      controllers: [LoginController],
    });
    service = host.app.get(RefreshTokenService);
    token = (await service.issue({ subject: 'alice' })).refresh_token;
    await host.app.get(DataSource).destroy();
  });

  afterAll(async () => {
    await host?.app.close();
    await database?.drop();
  });

  it.each<[string, () => Promise<unknown>]>([
    ['refresh', () => service.refresh(token)],
    ['issue', () => service.issue({ subject: 'alice' })],
    ['revoke', () => service.revoke(token)],
    ['SessionService.endAll', () => host.app.get(SessionService).endAll('alice')],
  ])('reads from %s that it is for now, and nothing that was thrown below', async (_, work) => {
    const error: unknown = await work().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TemporarilyUnavailableError);
    expect(error).toMatchObject({ code: 'temporarily_unavailable', reason: 'database' });
  });

  it('answers 503 at the endpoint, and at its login with the filter of the module', async () => {
    for (const answer of [await refresh(host.url, token), await call(`${host.url}/login`)]) {
      expect([answer.status, answer.text]).toEqual([503, '{"error":"temporarily_unavailable"}']);
      expect(answer.headers['retry-after']).toBe('5');
    }
  });

  it('signs nobody out by it', async () => {
    const dataSource = host.app.get(DataSource);
    await dataSource.initialize();
    await refreshed(host.url, token);
    await dataSource.destroy();
  });
});
