import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { refresh, type TokenStore } from '../fixtures/client/refresh.js';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { logout, signIn } from '../support/http/http.js';
import { configurationTable, readme, region } from '../support/readme.js';
import { startService, type TestService } from '../support/servers/service.js';

describe('The README', () => {
  it('has the configuration as the code has it', () => {
    expect(readme).toContain(`\n${configurationTable()}\n`);
  });

  it.each([
    'test/fixtures/client/cookie-mode.ts',
    'test/fixtures/client/keychain.ts',
    'test/fixtures/client/refresh.ts',
    'test/fixtures/client/session.ts',
    'test/fixtures/client/with-any-client.ts',
    'test/fixtures/client/with-axios.ts',
    'test/fixtures/client/with-ky.ts',
    'test/fixtures/client/with-query.ts',
    'test/fixtures/host-app/app.module.ts',
    'test/fixtures/host-app/auth/login.controller.ts',
    'test/fixtures/host-app/auth/refresh.controller.ts',
    'test/fixtures/recipes/account.controller.ts',
    'test/fixtures/recipes/browser-login.controller.ts',
    'test/fixtures/recipes/moderation.service.ts',
    'test/fixtures/recipes/old-tokens.ts',
    'test/fixtures/recipes/orders.controller.ts',
    'test/fixtures/recipes/recipes.module.ts',
    'test/fixtures/recipes/security-mail.ts',
    'test/fixtures/recipes/user.policy.ts',
    'test/fixtures/testing/orders.example.ts',
    'test/fixtures/verifiers/express-app.ts',
    'test/fixtures/verifiers/verify.py',
  ])('shows %s as it is tested', (path) => {
    expect(readme).toContain(`\n${region(path)}\n`);
  });

  it('links to files that are there', () => {
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map(([, path]) => path as string);
    expect(links).not.toHaveLength(0);
    expect(links.filter((path) => !existsSync(path))).toEqual([]);
  });
});

describe("The README's honest client", () => {
  let database: TestDatabase;
  let service: TestService;
  beforeAll(async () => {
    database = await createDatabase('SQLite');
    service = await startService(database.url);
  });
  afterAll(async () => {
    await service?.close();
    await database?.drop();
  });

  it('refreshes as often as it likes, and is told when the session is over', async () => {
    const { refresh_token } = await signIn(service.url);
    let stored = refresh_token;
    const store: TokenStore = {
      read: async () => stored,
      save: async (token) => void (stored = token),
    };
    for (let round = 0; round < 5; round += 1) {
      service.clock.advance(60_000);
      const tabs = [refresh(`${service.url}/refresh_token`, store), refresh(`${service.url}/refresh_token`, store)];
      expect(await Promise.all(tabs)).toEqual([expect.stringMatching(/^eyJ/), expect.stringMatching(/^eyJ/)]);
    }
    expect(stored).not.toBe(refresh_token);
    await logout(service.url, stored);
    expect(await refresh(`${service.url}/refresh_token`, store)).toBeUndefined();
  });
});
