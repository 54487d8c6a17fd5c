import { afterAll, beforeAll, afterEach, expect, it, jest } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { describeGalera, startGaleraCluster, type GaleraNode } from '../support/databases/galera-cluster.js';
import { logout, postSession, refresh, refreshed, signIn, type Answer } from '../support/http/http.js';
import { stopMariadbServers } from '../support/databases/mariadb-server.js';
import {
  askAll,
  expectLive,
  expectNotReady,
  expectRecovery,
  expectUnavailable,
  timed,
} from '../support/servers/outages.js';
import { cleanUp, until } from '../support/servers/process.js';
import { sessionsOf } from '../support/http/session-calls.js';
import { startService, type TestService } from '../support/servers/service.js';
import { TcpProxy } from '../support/databases/tcp-proxy.js';
import { MINUTE } from '../support/test-clock.js';
import { limit } from '../support/time.js';

const NODES = 3;
const ROUNDS = 10;
/** At each node. */
const PARALLEL = 6;
const USERS = 20;
/** How often an empty database is started on. */
const STARTS = 4;

// Servers are made and killed; on a busy machine that takes its time.
jest.setTimeout(limit(240_000));

describeGalera('On a Galera cluster', () => {
  let nodes: GaleraNode[];
  const services: TestService[] = [];
  let network: TcpProxy | undefined;

  beforeAll(async () => {
    nodes = await startGaleraCluster(NODES);
  });
  // One by one: where one fails, the rest is cleaned up all the same.
  afterEach(async () => void (await Promise.all(services.splice(0).map((service) => service.close()))));
  afterEach(() => network?.close());
  afterAll(stopMariadbServers);
  afterAll(cleanUp);

  /** One instance at each node, with one clock. */
  async function startServices(env: Record<string, string>, urls = nodes.map(({ url }) => url)): Promise<string[]> {
    const first = await startService(urls[0] as string, { env });
    services.push(first);
    for (const url of urls.slice(1)) services.push(await startService(url, { env, clock: first.clock }));
    return services.map(({ url }) => url);
  }

  function urlOf(node: number): string {
    return nodes[node]?.url as string;
  }

  async function cutOff(node: number): Promise<void> {
    await nodes[node]?.cutOff(true);
    await until('it has noticed', async () => ((await nodes[node]?.isReady()) ? undefined : true));
  }

  async function rejoin(node: number): Promise<void> {
    await nodes[node]?.cutOff(false);
    await until('it is one of them again', async () => (await nodes[node]?.isReady()) || undefined);
  }

  async function conflicts(): Promise<number> {
    const counts = await Promise.all(nodes.map((node) => node.conflicts()));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  function advance(milliseconds: number): void {
    services[0]?.clock.advance(milliseconds);
  }

  it('instances that start at once at different nodes make one schema', async () => {
    for (let round = 0; round < STARTS; round += 1) {
      const name = `empty_${round}`;
      await nodes[0]?.createDatabase(name);
      const starts = await Promise.allSettled(
        [...nodes, ...nodes].map(async (node) => services.push(await startService(node.urlOf(name)))),
      );
      expect(starts.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(services.flatMap(({ log }) => log).filter((line) => /error|trying again/i.test(line))).toEqual([]);
      const rows = await nodes[1]?.query(`
        SELECT (SELECT COUNT(*) FROM ${name}.migrations) AS migrations,
               (SELECT COUNT(*) FROM ${name}.refresh_token_secrets) AS secrets,
               (SELECT COUNT(*) FROM ${name}.access_token_keys) AS signing_keys`);
      expect(rows).toEqual([{ migrations: 1, secrets: 1, signing_keys: 1 }]);
      let { refresh_token } = await signIn(services[0]?.url as string);
      for (const { url } of services) ({ refresh_token } = await refreshed(url, refresh_token));
      await Promise.all(services.splice(0).map((service) => service.close()));
    }
  });

  it('what was answered at one node is known at each other at once, many users at a time', async () => {
    const urls = await startServices({ REFRESH_TOKEN_LEEWAY: '0' });
    const comeAndGo = async (user: number) => {
      const at = (turn: number) => urls[(user + turn) % urls.length] as string;
      const { refresh_token } = await signIn(at(0), `user-${user}`);
      const second = await refreshed(at(1), refresh_token);
      expect((await logout(at(2), second.refresh_token)).status).toBe(204);
      for (const turn of [0, 1]) expect((await refresh(at(turn), second.refresh_token)).status).toBe(401);
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all(Array.from({ length: USERS }, (_, user) => comeAndGo(user)));
      advance(MINUTE);
    }
  });

  it('a node that lags behind answers nothing that is out of date', async () => {
    const urls = await startServices({ REFRESH_TOKEN_LEEWAY: '0' });
    const [one, late] = urls as [string, string];
    const holder = await createConnection(urlOf(1));
    try {
      // What the others commit waits there; reads don't.
      await holder.query('FLUSH TABLES WITH READ LOCK');
      const sessions = await Promise.all(Array.from({ length: PARALLEL }, () => signIn(one, 'dora')));
      let isAnswered = false;
      const listing = sessionsOf(late, 'dora').finally(() => (isAnswered = true));
      const endings = sessions.map(({ refresh_token }) => logout(late, refresh_token));
      const asking = "SELECT 1 FROM information_schema.processlist WHERE command IN ('Prepare', 'Execute')";
      await until(
        'they wait',
        async () => (await holder.query<[]>(asking))[0].length > PARALLEL || isAnswered || undefined,
      );
      expect(isAnswered).toBe(false);
      await holder.query('UNLOCK TABLES');
      await listing;
      for (const ending of endings) expect((await ending).status).toBe(204);
      // It has not overlooked those that came late.
      for (const { refresh_token } of sessions) expect((await refresh(one, refresh_token)).status).toBe(401);
    } finally {
      // Its lock goes with it.
      await holder.end();
    }
  });

  it.each(['0', '10s'])(
    'a session refreshed at all nodes at the same time: nobody is refused or put off, leeway %s',
    async (leeway) => {
      const urls = await startServices({ REFRESH_TOKEN_LEEWAY: leeway });
      const { refresh_token, session_id } = await signIn(urls[0] as string);
      let token = refresh_token;
      const before = await conflicts();
      for (let round = 0; round < ROUNDS; round += 1) {
        advance(MINUTE);
        const sent = Array.from({ length: PARALLEL * urls.length }, (_, at) =>
          refresh(urls[at % urls.length] as string, token),
        );
        const answers = await Promise.all(sent);
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
        token = (JSON.parse((answers[round % answers.length] as Answer).text) as { refresh_token: string })
          .refresh_token;
      }
      // It was no quiet time.
      expect(await conflicts()).toBeGreaterThan(before);
      const rows = await nodes[0]?.query(`SELECT revoked_at FROM refresh_token_sessions WHERE id = '${session_id}'`);
      expect(rows).toEqual([{ revoked_at: null }]);
    },
  );

  it('reuse at one node ends the session at all', async () => {
    const urls = await startServices({ REFRESH_TOKEN_LEEWAY: '0' });
    const [one, other] = urls as [string, string];
    const first = await signIn(one);
    advance(MINUTE);
    const second = await refreshed(one, first.refresh_token);
    advance(MINUTE);
    const third = await refreshed(other, second.refresh_token);
    advance(MINUTE);
    const newest = await refreshed(one, third.refresh_token);
    expect((await refresh(other, first.refresh_token)).status).toBe(401);
    for (const url of urls) expect((await refresh(url, newest.refresh_token)).status).toBe(401);
  });

  it('a node that dies: the others go on, its instance answers 503, and recovers with it', async () => {
    const urls = await startServices({ REFRESH_TOKEN_LEEWAY: '0' });
    const [one, , dead] = urls as [string, string, string];
    const { refresh_token } = await signIn(dead);
    const stays = await signIn(one);
    await nodes[2]?.kill();

    expectUnavailable(await askAll(dead, refresh_token));
    await expectNotReady(dead);
    await expectLive(dead);
    // Until the others agree that it is gone, nothing is committed.
    const meanwhile = await timed(refresh(one, stays.refresh_token));
    expectUnavailable([meanwhile].filter(({ status }) => status !== 200));
    await until('the others go on', async () =>
      (await refresh(one, stays.refresh_token)).status === 200 ? true : undefined,
    );
    await expectRecovery(one, [stays.refresh_token]);
    const leaver = await signIn(one);
    expect((await logout(one, leaver.refresh_token)).status).toBe(204);

    await nodes[2]?.comeBack();
    await expectRecovery(dead, [refresh_token]);
    expect((await refresh(dead, leaver.refresh_token)).status).toBe(401);
  });

  it('a node that is cut off from the others: 503 at it, the others go on, and recovery', async () => {
    const urls = await startServices({ REFRESH_TOKEN_LEEWAY: '0' });
    const [one, , alone] = urls as [string, string, string];
    const [stays, other] = [await signIn(alone), await signIn(one)];
    await cutOff(2);

    expectUnavailable(await askAll(alone, stays.refresh_token));
    await expectNotReady(alone);
    await expectLive(alone);
    expect((await logout(one, other.refresh_token)).status).toBe(204);
    await expectRecovery(one, []);

    await rejoin(2);
    await expectRecovery(alone, [stays.refresh_token]);
    expect((await refresh(alone, other.refresh_token)).status).toBe(401);
  });

  it('a node that is cut off behind a balancer: its connections are given up for those to another node', async () => {
    network = await TcpProxy.before(urlOf(2));
    const [url] = (await startServices({ REFRESH_TOKEN_LEEWAY: '0' }, [network.url])) as [string];
    // So that several connections are open.
    const sessions = await Promise.all(Array.from({ length: 9 }, () => signIn(url)));
    const [stays, leaver, ...others] = sessions.map(({ refresh_token }) => refresh_token) as [string, string, string];
    await cutOff(2);
    await expectNotReady(url);

    const asked = [refresh(url, stays), logout(url, leaver), postSession(url, { subject: 'bob' })];
    // New connections only: those that are open stay where they are.
    network.leadTo(urlOf(1));
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 204, 201]);
    await expectRecovery(url, others);
    await rejoin(2);
  });
});
