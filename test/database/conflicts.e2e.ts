import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { whileWritesConflict } from '../support/databases/conflicting-writes.js';
import {
  createDatabase,
  describeMariadb,
  describePostgres,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases/databases.js';
import { logout, refresh, postSession, refreshed, signIn, type Answer } from '../support/http/http.js';
import { askAll, expectUnavailable, isReady, timed } from '../support/servers/outages.js';
import { startService, type TestService } from '../support/servers/service.js';
import { endOf, sessionRow } from '../support/databases/session-rows.js';
import { TcpProxy } from '../support/databases/tcp-proxy.js';
import { MINUTE } from '../support/test-clock.js';

const PARALLEL = 20;
const ALWAYS = 1_000_000;
/** A serialization failure, which is what MariaDB calls a deadlock, too; and PostgreSQL's own state for that. */
const SERIALIZATION_FAILURE = '40001';
const DEADLOCK = '40P01';

const FORGIVE = { REFRESH_TOKEN_LEEWAY: '0' };
const REVOKE = { REFRESH_TOKEN_LEEWAY: '10s', REFRESH_TOKEN_LOST_RESPONSE: 'revoke' };

describePostgres('What PostgreSQL has rolled back', () => {
  rolledBack('PostgreSQL', [SERIALIZATION_FAILURE, DEADLOCK]);
});
describeMariadb('What MariaDB has rolled back', () => {
  rolledBack('MariaDB', [SERIALIZATION_FAILURE]);
});

function rolledBack(name: DatabaseName, sqlStates: readonly string[]): void {
  let database: TestDatabase;
  let service: TestService;

  beforeEach(async () => {
    database = await createDatabase(name);
  });
  // One by one: where the start has failed, the database is dropped all the same.
  afterEach(() => service?.close());
  afterEach(() => database?.drop());

  it.each(sqlStates.flatMap((sqlState) => [FORGIVE, REVOKE].map((env) => ({ sqlState, env }))))(
    'is tried again, whatever a lost response means: %j',
    async ({ sqlState, env }) => {
      service = await startService(database.url, { env });
      const { url, app, clock } = service;
      const [session, leaver] = [await signIn(url), await signIn(url)];
      clock.advance(MINUTE);
      const conflict = { sqlState, times: 3 };

      const { refresh_token } = await whileWritesConflict(app, conflict, async ({ attempts }) => {
        const tokens = await refreshed(url, session.refresh_token);
        expect(await attempts()).toBe(4);
        return tokens;
      });
      clock.advance(MINUTE);
      await refreshed(url, refresh_token);
      await whileWritesConflict(app, conflict, () => signIn(url));
      await whileWritesConflict(app, conflict, async () => {
        expect((await logout(url, leaver.refresh_token)).status).toBe(204);
      });
      expect((await refresh(url, leaver.refresh_token)).status).toBe(401);
    },
  );

  it('over and over is given up: 503 after a bounded number of tries, and recovery', async () => {
    service = await startService(database.url, { env: FORGIVE });
    const { url, app, clock } = service;
    const { refresh_token } = await signIn(url);
    clock.advance(MINUTE);

    await whileWritesConflict(app, { sqlState: SERIALIZATION_FAILURE, times: ALWAYS }, async ({ attempts }) => {
      const answers = await askAll(url, refresh_token);
      const tried = await attempts();
      expectUnavailable(answers);
      // Each of them several times.
      expect(tried).toBeGreaterThan(answers.length * 3);
      expect(await isReady(url)).toBe(true);
      // Whoever was told to come again is not served behind their back.
      expect(await attempts()).toBe(tried);
    });
    await refreshed(url, refresh_token);
  });
}

describePostgres('Many requests at once on a PostgreSQL that gives up on conflicts', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createDatabase('PostgreSQL');
  });
  afterEach(() => database?.drop());

  /** For all transactions that begin from now on. */
  async function isolate(level: string): Promise<void> {
    const before = await startService(database.url);
    const name = new URL(database.url).pathname.slice(1);
    await before.app.get(DataSource).query(`ALTER DATABASE ${name} SET default_transaction_isolation = '${level}'`);
    await before.close();
  }

  it.each(['repeatable read', 'serializable'])(
    'are all answered, what was rolled back is repeated: %s',
    async (level) => {
      await isolate(level);
      const one = await startService(database.url, { env: FORGIVE });
      let other: TestService | undefined;
      try {
        other = await startService(database.url, { env: FORGIVE, clock: one.clock });
        const both = [one.url, other.url];
        const atOnce = async (send: (url: string) => Promise<Answer>) => {
          const urls = Array.from({ length: PARALLEL }, (_, at) => both[at % 2] as string);
          return new Set((await Promise.all(urls.map(send))).map(({ status }) => status));
        };
        expect(await one.app.get(DataSource).query('SHOW transaction_isolation')).toEqual([
          { transaction_isolation: level },
        ]);
        const { refresh_token } = await signIn(one.url);
        for (let burst = 0; burst < 3; burst += 1) {
          one.clock.advance(MINUTE);
          expect(await atOnce((url) => refresh(url, refresh_token))).toEqual(new Set([200]));
        }
        expect(await atOnce((url) => postSession(url, { subject: 'alice' }))).toEqual(new Set([201]));
        expect(await atOnce((url) => logout(url, refresh_token))).toEqual(new Set([204]));
      } finally {
        await one.close();
        await other?.close();
      }
    },
  );
});

describePostgres('A rotation on PostgreSQL of which no answer came, where a lost response is reuse', () => {
  answerLost('PostgreSQL');
});
describeMariadb('A rotation on MariaDB of which no answer came, where a lost response is reuse', () => {
  answerLost('MariaDB');
});

function answerLost(name: DatabaseName): void {
  it('is not tried again by the service: that would be a second holder', async () => {
    const database = await createDatabase(name);
    const network = await TcpProxy.before(database.url);
    let service: TestService | undefined;
    try {
      // Without a leeway, there is no telling a repeat from a second holder.
      service = await startService(network.url, { env: { ...REVOKE, REFRESH_TOKEN_LEEWAY: '0' } });
      const { url, app, clock } = service;
      // So that the statement is prepared on every connection: the first answer on it is the outcome's.
      const others = await Promise.all(Array.from({ length: PARALLEL }, () => signIn(url)));
      await Promise.all(others.map((other) => refreshed(url, other.refresh_token)));
      const { refresh_token, session_id } = await signIn(url);
      clock.advance(MINUTE);
      network.loseOneAnswer();
      expectUnavailable([await timed(refresh(url, refresh_token))]);

      // It was committed, once, and the session lives.
      expect(Number((await sessionRow(app, session_id))?.issued)).toBe(clock.now());
      expect(await endOf(app, session_id)).toBeNull();
    } finally {
      await service?.close();
      await network.close();
      await database.drop();
    }
  });
}
