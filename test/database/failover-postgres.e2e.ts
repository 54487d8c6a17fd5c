import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ComingsAndGoings } from '../support/fleet/acknowledged.js';
import { logout, postSession, refresh, refreshed, signIn } from '../support/http/http.js';
import {
  askAll,
  expectLive,
  expectNotReady,
  expectRecovery,
  expectUnavailable,
  isReady,
  timed,
} from '../support/servers/outages.js';
import { describePostgresServers, PostgresServer, stopPostgresServers } from '../support/databases/postgres-server.js';
import { cleanUp, startProcess, until, type ServiceProcess } from '../support/servers/process.js';
import { RefreshLoad } from '../support/clients/refresh-load.js';
import { productionEnvironment } from '../support/servers/service.js';
import { TcpProxy } from '../support/databases/tcp-proxy.js';
import { DEADLINE, limit } from '../support/time.js';

const CLIENTS = 20;
/** How many refreshes there are between two turns of the story. */
const SOME = 100;
const TOKEN = /rt_[\w-]{60}|eyJ[\w-]+\./;

// Servers are made and killed; on a busy machine that takes its time.
jest.setTimeout(limit(180_000));

describePostgresServers('When PostgreSQL fails over', () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  /** Between the instances and whoever is the primary: a fixed address. */
  let network: TcpProxy;
  /** Between the primary and its standby. */
  let replication: TcpProxy;
  let instances: ServiceProcess[];
  let urls: string[];
  let url: string;

  beforeEach(async () => {
    primary = await PostgresServer.start();
    [replication, network] = await Promise.all([TcpProxy.before(primary.url), TcpProxy.before(primary.url)]);
    standby = await primary.addStandby(replication.url);
    // Without a leeway every refresh rotates.
    const env = { ...productionEnvironment(network.url), REFRESH_TOKEN_LEEWAY: '0' };
    instances = await Promise.all([startProcess({ env }), startProcess({ env })]);
    urls = instances.map((instance) => instance.url);
    url = urls[0] as string;
  });
  // One by one: where the start has failed, what is left of it is cleaned up all the same.
  afterEach(stopPostgresServers);
  afterEach(() => network?.close());
  afterEach(() => replication?.close());
  afterEach(cleanUp);

  async function failOver(): Promise<void> {
    network.leadTo(standby.url);
    await standby.promote();
  }

  async function expectServing(): Promise<void> {
    for (const each of urls) await expectRecovery(each, []);
  }

  function signInMany(): Promise<{ refreshToken: string }[]> {
    return Promise.all(
      Array.from({ length: CLIENTS }, async (_, at) => ({
        refreshToken: (await signIn(urls[at % urls.length] as string)).refresh_token,
      })),
    );
  }

  function expectNoTokenInTheLogs(): void {
    for (const { stdout, stderr } of instances) expect(stdout + stderr).not.toMatch(TOKEN);
  }

  describe('to a synchronous standby', () => {
    beforeEach(() => primary.waitFor(standby));

    it('killed under load: nobody is refused, and all that was acknowledged is there', async () => {
      const clients = await signInMany();
      const [open, closed] = [await plantTheft(url), await plantTheft(url)];
      await expectTheftToEnd(url, closed);
      const load = new RefreshLoad(clients, urls);
      const others = new ComingsAndGoings(urls);
      await until('there is load', () => load.refreshes > SOME || undefined);
      await until('users come and go', () => others.ended.length > 3 || undefined);

      await primary.kill();
      await until('clients are put off', () => load.putOff > CLIENTS || undefined);
      for (const each of urls) {
        await expectNotReady(each);
        await expectLive(each);
      }
      await failOver();
      const [refreshes, acknowledged] = [load.refreshes, others.ended.length];
      await until('there is load again', () => load.refreshes > refreshes + SOME || undefined);
      await until('users come and go again', () => others.ended.length > acknowledged + 3 || undefined);
      await Promise.all([load.end(), others.end()]);

      const improper = [...load.improper, ...others.improper];
      expect({ refused: load.refused, improper, lost: load.lost }).toEqual({ refused: [], improper: [], lost: 0 });
      expect(load.slowest).toBeLessThan(DEADLINE);
      await expectServing();
      for (const { refreshToken } of clients) await refreshed(url, refreshToken);
      for (const token of others.began) await refreshed(url, token);
      for (const token of others.ended) expect((await refresh(url, token)).status).toBe(401);
      await expectTheftToEnd(url, open);
      expectNoTokenInTheLogs();
    });

    it('that stops following: nothing is acknowledged that it does not have, and recovery', async () => {
      const [stays, leaves] = [await signIn(url), await signIn(url)];
      await primary.caughtUp(standby);
      replication.stall();

      // A rotation is answered before it is there: losing it is harmless.
      const rotation = refresh(url, stays.refresh_token);
      expectUnavailable(
        await Promise.all([timed(postSession(url, { subject: 'bob' })), timed(logout(url, leaves.refresh_token))]),
      );
      expect((await rotation).status).toBe(200);
      await expectLive(url);
      await replication.pass();
      await expectRecovery(url, [stays.refresh_token]);
      // It was not told so, and asks again.
      expect((await logout(url, leaves.refresh_token)).status).toBe(204);
      expect((await refresh(url, leaves.refresh_token)).status).toBe(401);
    });
  });

  describe('to an asynchronous standby that lacks the last second', () => {
    it('lost rotations are harmless, and lost sessions are not signed out', async () => {
      const clients = await signInMany();
      const theft = await plantTheft(url);
      const load = new RefreshLoad(clients, urls);
      await until('there is load', () => load.refreshes > SOME || undefined);
      await primary.caughtUp(standby);

      replication.stall();
      const late = await Promise.all([signIn(url), signIn(url), signIn(url)]);
      const lateSuccessor = await refreshed(url, String(late[0]?.refresh_token));
      const before = load.refreshes;
      await until('clients rotate what is lost', () => load.refreshes > before + SOME || undefined);
      await primary.kill();
      await failOver();
      const after = load.refreshes;
      await until('there is load again', () => load.refreshes > after + SOME || undefined);
      await load.end();

      const { refused, improper, lost: unanswered } = load;
      expect({ refused, improper, unanswered }).toEqual({ refused: [], improper: [], unanswered: 0 });
      for (const { refreshToken } of clients) await refreshed(url, refreshToken);
      const log = () => instances.map(({ stdout, stderr }) => stdout + stderr).join('');
      const behind = () =>
        new Set([...log().matchAll(/"event":"store_behind","session_id":"([^"]+)"/g)].map(([, id]) => id));
      await until('all of them are told of', () => behind().size >= CLIENTS || undefined);
      expect(behind().size).toBe(CLIENTS);

      const lost = [...late.map(({ refresh_token }) => refresh_token), lateSuccessor.refresh_token];
      for (const token of lost) {
        expectUnavailable([await timed(refresh(url, token)), await timed(logout(url, token))]);
      }
      for (const { session_id } of late) {
        const line = `"event":"session_lost","session_id":"${session_id}"`;
        await until(`the log has ${line}`, () => log().includes(line) || undefined);
      }
      await expectTheftToEnd(url, theft);
      await expectServing();
      expectNoTokenInTheLogs();
    });
  });

  describe('and the old primary lives on, read-only, under the connections that were open', () => {
    it('503, and recovery: they are given up for the new one', async () => {
      const { refresh_token } = await signIn(url);
      // So that several connections are open.
      await Promise.all(Array.from({ length: 8 }, () => signIn(url)));
      const last = await signIn(url);
      await primary.caughtUp(standby);
      await primary.set('default_transaction_read_only', 'on');
      await until('it takes no writes', async () => ((await isReady(url)) ? undefined : true));

      expectUnavailable(await askAll(url, refresh_token));
      await expectNotReady(url, 'read-only');
      await expectLive(url);
      await failOver();
      // As clients do that come again.
      await until('it serves again', async () =>
        (await refresh(url, last.refresh_token)).status === 200 ? true : undefined,
      );
      await expectServing();
      await refreshed(url, refresh_token);
    });

    it('an instance that is sent nothing as long as it is not ready gets ready', async () => {
      await signIn(url);
      await primary.caughtUp(standby);
      await primary.set('default_transaction_read_only', 'on');
      await until('it is not ready', async () => ((await isReady(url)) ? undefined : true));
      await failOver();
      await expectServing();
    });
  });
});

/** A refresh token that two have: the owner as it was, the thief as its successor. */
interface Theft {
  readonly owner: string;
  readonly thief: string;
}

/** A thief has copied the owner's token, and was the first to use it. */
async function plantTheft(url: string): Promise<Theft> {
  const { refresh_token } = await signIn(url, 'mallory');
  const { refresh_token: owner } = await refreshed(url, refresh_token);
  const { refresh_token: thief } = await refreshed(url, owner);
  return { owner, thief };
}

/** Both go on: the owner comes back, the thief is accepted once more at most, and then the session ends for both. */
async function expectTheftToEnd(url: string, { owner, thief }: Theft): Promise<void> {
  const { refresh_token: next } = await refreshed(url, owner);
  const stolen = await refresh(url, thief);
  for (const token of [next, owner, thief]) expect((await refresh(url, token)).status).toBe(401);
  expect([200, 401]).toContain(stolen.status);
}
