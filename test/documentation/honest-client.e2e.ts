import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { refresh, type TokenStore } from '../fixtures/client/refresh.js';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { logout, signIn } from '../support/http/http.js';
import { startService, type TestService } from '../support/servers/service.js';

describe('The honest client of src/client/README.md', () => {
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
