import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { createConnection, type Connection } from 'mysql2/promise';
import { logout, refresh, signIn } from '../support/http/http.js';
import { describeMariadbServers, MariadbServer, stopMariadbServers } from '../support/databases/mariadb-server.js';
import {
  askAll,
  expectLive,
  expectNotReady,
  expectRecovery,
  expectUnavailable,
  timed,
} from '../support/servers/outages.js';
import { expectNobodyRefused } from '../support/servers/restarts.js';
import { cleanUp, until } from '../support/servers/process.js';
import { startService, type TestService } from '../support/servers/service.js';
import { takeAllConnections } from '../support/databases/take-all-connections.js';
import { limit, PROMPT } from '../support/time.js';

const CLIENTS = 20;

// Servers are made and killed; on a busy machine that takes its time.
jest.setTimeout(limit(180_000));

describeMariadbServers('A MariaDB server', () => {
  let server: MariadbServer;
  let service: TestService;
  let url: string;

  beforeEach(async () => {
    server = await MariadbServer.start(['--max-connections=15']);
    service = await startService(server.url, { env: { REFRESH_TOKEN_LEEWAY: '0' } });
    ({ url } = service);
  });
  // One by one: where the start has failed, what is left of it is cleaned up all the same.
  afterEach(() => server?.goOn());
  afterEach(() => service?.close());
  afterEach(stopMariadbServers);
  afterEach(cleanUp);

  it.each(['stop', 'kill'] as const)('restarted under load (%s): nobody is refused, and recovery', async (how) => {
    const tokens = await Promise.all(Array.from({ length: CLIENTS }, async () => (await signIn(url)).refresh_token));
    await expectNobodyRefused(url, tokens, { stop: () => server[how](), start: () => server.start() });
  });

  it('that does not answer any more, with all connections open: 503 by the deadline, and recovery', async () => {
    const { refresh_token } = await signIn(url);
    const stays = await signIn(url);
    server.pause();

    expectUnavailable(await askAll(url, refresh_token));
    await expectNotReady(url);
    await expectLive(url);
    server.goOn();
    await expectRecovery(url, [stays.refresh_token]);
  });

  it('that was made read-only: 503 at once, readiness says so, and recovery', async () => {
    const { refresh_token } = await signIn(url);
    await server.query("CREATE USER service@'%'");
    await server.query('GRANT ALL ON refresh_token.* TO service');
    const ofUser = await startService(server.url.replace('root@', 'service@'), { env: { REFRESH_TOKEN_LEEWAY: '0' } });
    try {
      await server.query('SET GLOBAL read_only = ON');
      const answers = await askAll(ofUser.url, refresh_token);
      expectUnavailable(answers);
      expect(Math.max(...answers.map(({ took }) => took))).toBeLessThan(PROMPT);
      await expectNotReady(ofUser.url, 'read-only');
      await expectLive(ofUser.url);
      await server.query('SET GLOBAL read_only = OFF');
      await expectRecovery(ofUser.url, [refresh_token]);
    } finally {
      await ofUser.close();
    }
  });

  it('that has no connection left: 503, and recovery', async () => {
    const { refresh_token } = await signIn(url);
    await server.restart();
    await until('nobody is connected', async () => {
      const [row] = await server.query(
        "SELECT COUNT(*) AS others FROM information_schema.processlist WHERE user = 'root' AND id <> CONNECTION_ID()",
      );
      return Number(row?.['others']) === 0 || undefined;
    });
    const others = await takeAllConnections(() => connectTo(server), 'ER_CON_COUNT_ERROR');

    expectUnavailable(await askAll(url, refresh_token));
    await expectNotReady(url);
    await expectLive(url);
    await Promise.all(others.map((other) => other.end()));
    await expectRecovery(url, [refresh_token]);
  });

  it('on which somebody else holds the rows: requests wait for them, up to the deadline', async () => {
    const [one, other] = [await signIn(url), await signIn(url)];
    const holder = await connectTo(server);
    const holdRows = async () => {
      await holder.query('START TRANSACTION');
      await holder.query('SELECT id FROM refresh_token_sessions FOR UPDATE');
    };
    await holdRows();
    const short = refresh(url, one.refresh_token);
    await until('it waits', async () =>
      Number((await server.query("SHOW STATUS LIKE 'Innodb_row_lock_current_waits'"))[0]?.['Value']) > 0
        ? true
        : undefined,
    );
    await holder.query('COMMIT');
    expect((await short).status).toBe(200);

    await holdRows();
    expectUnavailable(
      await Promise.all([timed(refresh(url, other.refresh_token)), timed(logout(url, one.refresh_token))]),
    );
    await expectLive(url);
    await holder.query('COMMIT');
    await holder.end();
    await expectRecovery(url, [other.refresh_token]);
  });
});

async function connectTo({ url }: MariadbServer): Promise<Connection> {
  const connection = await createConnection(url);
  // The server may be ended before it is.
  connection.on('error', () => undefined);
  return connection;
}
