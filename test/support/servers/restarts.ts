import { expect } from '@jest/globals';
import { expectNotReady, expectRecovery } from './outages.js';
import { until } from './process.js';
import { RefreshLoad } from '../clients/refresh-load.js';
import { DEADLINE } from '../time.js';

/** How many refreshes there are between two turns of the story. */
const SOME = 60;

/** A database server, as it is restarted. */
export interface Restart {
  stop(): Promise<unknown>;
  start(): Promise<unknown>;
}

/** Restarts the database of a service twice while clients refresh: nobody is refused, and the service recovers. */
export async function expectNobodyRefused(url: string, tokens: readonly string[], server: Restart): Promise<void> {
  const clients = tokens.map((refreshToken) => ({ refreshToken }));
  const load = new RefreshLoad(clients, [url]);
  for (let restarts = 0; restarts < 2; restarts += 1) {
    const [refreshes, putOff] = [load.refreshes, load.putOff];
    await until('there is load', () => load.refreshes > refreshes + SOME || undefined);
    await server.stop();
    await until('clients are put off', () => load.putOff > putOff || undefined);
    await expectNotReady(url);
    await server.start();
  }
  const { refreshes } = load;
  await until('there is load again', () => load.refreshes > refreshes + SOME || undefined);
  await load.end();

  expect({ refused: load.refused, improper: load.improper, lost: load.lost }).toEqual({
    refused: [],
    improper: [],
    lost: 0,
  });
  expect(load.slowest).toBeLessThan(DEADLINE);
  await expectRecovery(
    url,
    clients.map(({ refreshToken }) => refreshToken),
  );
}
