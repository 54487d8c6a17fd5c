import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuthModule, RefreshTokenService } from 'nest-refresh-token';
import { createDatabase, type TestDatabase } from './support/databases.js';
import { hostOptions, sqlite, startHost, type Host } from './support/host.js';
import { refresh, refreshed } from './support/http.js';

// Passport's registry is one for the process: the second app's strategy takes the first one's name.
describe('Two apps in one process, with secrets of their own', () => {
  const databases: TestDatabase[] = [];
  const apps: Host[] = [];

  beforeAll(async () => {
    for (const name of ['first', 'second']) {
      const database = await createDatabase('SQLite');
      databases.push(database);
      const refreshToken = { secrets: [`refresh-token-secret-of-the-${name}-app-0123456789`] };
      const options = { ...hostOptions(), refreshToken };
      apps.push(
        await startHost({
          imports: [sqlite(database, { name }), AuthModule.forRoot({ ...options, dataSource: `${name}DataSource` })],
        }),
      );
    }
  });

  afterAll(async () => {
    for (const { app } of apps) await app.close();
    for (const database of databases) await database.drop();
  });

  it('each refresh their own tokens, at the same time too', async () => {
    const tokens = await Promise.all(apps.map(signIn));
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(
        apps.flatMap(({ url }, at) => [0, 1, 2].map(() => refreshed(url, tokens[at] as string))),
      );
      expect(new Set(answers.map(({ refresh_token }) => refresh_token)).size).toBe(2);
    }
  });

  it("refuse each other's", async () => {
    const [first, second] = apps as [Host, Host];
    expect((await refresh(first.url, await signIn(second))).status).toBe(401);
    expect((await refresh(second.url, await signIn(first))).status).toBe(401);
  });
});

async function signIn({ app }: Host): Promise<string> {
  return (await app.get(RefreshTokenService).issue({ subject: 'alice' })).refresh_token;
}
