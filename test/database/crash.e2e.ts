import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connectTo } from '../support/databases/database-connection.js';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from '../support/databases/databases.js';
import type { TokenStore } from '../support/clients/honest-client.js';
import { logout, refresh, refreshed, signIn } from '../support/http/http.js';
import { cleanUp, freePort, startProcess, until, type ServiceProcess } from '../support/servers/process.js';
import { RefreshLoad } from '../support/clients/refresh-load.js';
import { productionEnvironment } from '../support/servers/service.js';

const CLIENTS = 12;
/** The second kills one that has come up after the first. */
const KILLS = 2;
/** How many refreshes there are before each kill. */
const LOAD = 50;

afterAll(cleanUp);

describeOnEachDatabase('kill −9 under load', (databaseName) => {
  let database: TestDatabase;
  let env: Record<string, string>;

  beforeAll(async () => {
    database = await createDatabase(databaseName);
    // Without a leeway every refresh rotates.
    env = { ...productionEnvironment(database.url), REFRESH_TOKEN_LEEWAY: '0', PORT: String(await freePort()) };
  });
  afterAll(() => database.drop());

  it('loses no client and no revocation, and leaves one row a session', async () => {
    let service = await startProcess({ env });
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => newcomer(service)));
    const load = new RefreshLoad(clients, [service.url]);
    const signedOut: string[] = [];
    const signedIn: string[] = [];

    for (let kills = 0; kills < KILLS; kills += 1) {
      const [refreshesBefore, lostBefore] = [load.refreshes, load.lost];
      await until('there is load', () => load.refreshes > refreshesBefore + LOAD || undefined);
      const leaver = await newcomer(service);
      const arriving = newcomer(service);
      expect((await logout(service.url, leaver.refreshToken)).status).toBe(204);
      const arrived = await arriving;
      service.signal('SIGKILL');
      await service.exit;
      await until('the clients notice that it was killed at work', () => load.lost > lostBefore || undefined);
      signedOut.push(leaver.refreshToken);
      signedIn.push(arrived.refreshToken);

      service = await startProcess({ env });
      for (const token of signedOut) {
        const { status, text } = await refresh(service.url, token);
        expect({ status, text }).toEqual({ status: 401, text: '{"error":"invalid_refresh_token"}' });
      }
      await refreshed(service.url, arrived.refreshToken);
    }

    await load.end();
    expect({ refused: load.refused, improper: load.improper }).toEqual({ refused: [], improper: [] });
    for (const { refreshToken } of clients) await refreshed(service.url, refreshToken);
    const beside = await connectTo(database.url);
    const [row] = await beside.query('SELECT COUNT(*) AS sessions FROM refresh_token_sessions');
    await beside.close();
    expect(Number(row?.['sessions'])).toBe(CLIENTS + signedOut.length + signedIn.length);
  });
});

async function newcomer({ url }: ServiceProcess): Promise<TokenStore> {
  return { refreshToken: (await signIn(url)).refresh_token };
}
