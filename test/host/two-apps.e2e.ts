import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, UseGuards } from '@nestjs/common';
import { AccessTokenGuard, AuthModule, CurrentToken, type AccessTokenClaims } from 'nest-refresh-token';
import { signIn } from 'nest-refresh-token/testing';
import { CLEARED, refreshByCookie, tokenIn } from '../support/http/cookies.js';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { hostOptions, sqlite, startHost, type Host } from '../support/hosts/host.js';
import { call, json, refresh, refreshed } from '../support/http/http.js';

@UseGuards(AccessTokenGuard)
@Controller('me')
class MeController {
  @Get()
  me(@CurrentToken() { sub }: AccessTokenClaims) {
    return { sub };
  }
}

// Passport's registry is one for the process: the second app's strategies take the first one's names.
describe('Two apps in one process, with secrets and keys of their own', () => {
  const databases: TestDatabase[] = [];
  const apps: Host[] = [];

  beforeAll(async () => {
    for (const name of ['first', 'second']) {
      const database = await createDatabase('SQLite');
      databases.push(database);
      const refreshToken = { secrets: [`refresh-token-secret-of-the-${name}-app-0123456789`] };
      const options = { ...hostOptions(), refreshToken, cookie: {} };
      apps.push(
        await startHost({
          imports: [sqlite(database, { name }), AuthModule.forRoot({ ...options, dataSource: `${name}DataSource` })],
          controllers: [MeController],
        }),
      );
    }
  });

  afterAll(async () => {
    for (const { app } of apps) await app.close();
    for (const database of databases) await database.drop();
  });

  it('each refresh their own tokens, at the same time too', async () => {
    const sessions = await Promise.all(apps.map(({ app }) => signIn(app, 'alice')));
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(
        apps.flatMap(({ url }, at) => [0, 1, 2].map(() => refreshed(url, sessions[at]?.refresh_token as string))),
      );
      expect(new Set(answers.map(({ refresh_token }) => refresh_token)).size).toBe(2);
    }
  });

  it("refuse each other's", async () => {
    const [first, second] = apps as [Host, Host];
    expect((await refresh(first.url, (await signIn(second.app, 'alice')).refresh_token)).status).toBe(401);
    expect((await refresh(second.url, (await signIn(first.app, 'alice')).refresh_token)).status).toBe(401);
  });

  it('each take the cookie of their own, whose name is the same, at the same time too', async () => {
    const sessions = await Promise.all(apps.map(({ app }) => signIn(app, 'alice')));
    for (let round = 0; round < 5; round += 1) {
      const asked = apps.flatMap(({ url }, at) =>
        sessions.map(async ({ refresh_token }, of) => ({
          isOwn: at === of,
          byCookie: await refreshByCookie(url, refresh_token),
          byHeader: await refresh(url, refresh_token),
        })),
      );
      for (const { isOwn, byCookie, byHeader } of await Promise.all(asked)) {
        expect([byCookie.status, byHeader.status]).toEqual(isOwn ? [200, 200] : [401, 401]);
        // The cookie is answered in a cookie, and the header never.
        if (isOwn) expect(json(byHeader)).toHaveProperty('refresh_token', tokenIn(byCookie));
        else expect(byCookie.headers['set-cookie']).toEqual([CLEARED]);
        expect(byHeader.headers['set-cookie']).toBeUndefined();
      }
    }
  });

  it('open their routes to their own access tokens only, at the same time too', async () => {
    const names = ['alice', 'bob'];
    const sessions = await Promise.all(apps.map(({ app }, at) => signIn(app, names[at] as string)));
    const asked = [1, 2, 3].flatMap(() =>
      apps.flatMap(({ url }, at) =>
        sessions.map(async ({ authorization }, of) => {
          const { status, text } = await call(`${url}/me`, { method: 'GET', headers: { authorization } });
          expect([status, text]).toEqual(
            at === of ? [200, `{"sub":"${names[of]}"}`] : [401, '{"error":"invalid_token"}'],
          );
        }),
      ),
    );
    await Promise.all(asked);
  });
});
