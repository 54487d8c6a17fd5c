import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { decodeJwt } from 'jose';
import type { IssuedSession } from 'nest-refresh-token';
import { AppModule } from '../fixtures/start/app.module.js';
import { call, json, refreshed } from '../support/http/http.js';
import { listen } from '../support/http/listen.js';
import { region } from './docs/snippet.js';

describe('The Nest app of README.md', () => {
  let app: INestApplication;
  let url: string;
  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = module.createNestApplication({ logger: false });
    url = await listen(app);
  });
  afterAll(() => app?.close());

  it('is as short as a start should be', () => {
    for (const start of [
      region('test/fixtures/start/app.module.ts'),
      region('test/fixtures/client/session.ts', 'start'),
    ]) {
      expect(start.split('\n').length).toBeLessThanOrEqual(12);
    }
  });

  it('signs a user in, and refreshes the session', async () => {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await call(`${url}/login`, { headers, body: JSON.stringify({ id: 'alice' }) });
    const { refresh_token } = json<IssuedSession>(answer);
    const { access_token } = await refreshed(url, refresh_token);
    expect(decodeJwt(access_token)).toMatchObject({ sub: 'alice', iss: 'https://app.example.com' });
  });
});
