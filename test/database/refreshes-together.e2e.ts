import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import {
  InvalidRefreshTokenError,
  type IssuedSession,
  RefreshTokenService,
  TemporarilyUnavailableError,
} from 'nest-refresh-token';
import { mariadb } from '../../src/auth/database/dialects/mariadb.js';
import { bind, type SqlStatement } from '../../src/auth/database/sql-statement.js';
import { sessionStatements } from '../../src/auth/session/session.statements.js';
import {
  describeMariadb,
  describeOnEachDatabase,
  describeOnEachServer,
  describePostgres,
} from '../support/databases/databases.js';
import { until } from '../support/servers/process.js';
import { serviceForEachTest, serviceForTheSuite, type RunningService } from '../support/servers/running-service.js';
import { loseSession, sessionRow } from '../support/databases/session-rows.js';
import { gist, sqliteHandle, watchStatements } from '../support/databases/statements.js';
import { MINUTE } from '../support/test-clock.js';

const TABLE = 'refresh_token_sessions';

/** What became of a refresh: `refreshed`, or why not. */
type Outcome = { outcome: string; successor?: string };

/** Sessions, and what becomes of those that are refreshed in the same turn of the event loop. */
function sessionsOf(running: RunningService) {
  const tokens = () => running.service.app.get(RefreshTokenService);
  const dataSource = () => running.service.app.get(DataSource);
  const refresh = async (token: string): Promise<Outcome> => {
    try {
      return { outcome: 'refreshed', successor: (await tokens().refresh(token)).refresh_token };
    } catch (error) {
      if (error instanceof InvalidRefreshTokenError || error instanceof TemporarilyUnavailableError) {
        return { outcome: error.reason };
      }
      throw error;
    }
  };
  return {
    tokens,
    dataSource,
    refresh,
    signIn: (count: number): Promise<IssuedSession[]> =>
      Promise.all(Array.from({ length: count }, (_, at) => tokens().issue({ subject: `user ${at}` }))),
    refreshTogether: (presented: readonly string[]): Promise<Outcome[]> => Promise.all(presented.map(refresh)),
    isUsed: async ({ session_id }: IssuedSession) =>
      Number((await sessionRow(running.service.app, session_id))?.used) > 0,
    /** The statements that `work` runs, in short. */
    watch: async (work: () => Promise<unknown>): Promise<string[]> => {
      const statements: string[] = [];
      const stop = await watchStatements(dataSource(), (sql) => statements.push(sql));
      await work();
      stop();
      return statements.map((sql) => (/^\s*(BEGIN|COMMIT|ROLLBACK)/.exec(sql)?.[1] ?? gist(sql)).trim());
    },
  };
}

/** Has the database refuse every update of a session's row. */
const REFUSE = {
  PostgreSQL: (id: string) => [
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$`,
    `CREATE TRIGGER refuse BEFORE UPDATE ON ${TABLE} FOR EACH ROW WHEN (OLD.id = '${id}') EXECUTE FUNCTION refuse()`,
  ],
  MariaDB: (id: string) => [
    `CREATE TRIGGER refuse BEFORE UPDATE ON ${TABLE} FOR EACH ROW
     BEGIN IF OLD.id = '${id}' THEN SIGNAL SQLSTATE '45000'; END IF; END`,
  ],
};

const textOf = ({ refresh_token }: IssuedSession) => refresh_token;

describeOnEachDatabase('refreshes that arrive together', (name) => {
  const running = serviceForEachTest(name, { REFRESH_TOKEN_LEEWAY: '0' });
  const sessions = sessionsOf(running);

  it('have each a successor of its own, which works', async () => {
    let presented = (await sessions.signIn(40)).map(textOf);
    for (let round = 0; round < 3; round += 1) {
      const outcomes = await sessions.refreshTogether(presented);
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(presented.map(() => 'refreshed'));
      presented = outcomes.map(({ successor }) => String(successor));
      expect(new Set(presented).size).toBe(40);
      running.service.clock.advance(MINUTE);
    }
  });

  it('end each as it would alone: refreshed, reused, signed out, lost, or a second one with the same token', async () => {
    const [good, reused, signedOut, lost, twice] = (await sessions.signIn(5)) as [
      IssuedSession,
      IssuedSession,
      IssuedSession,
      IssuedSession,
      IssuedSession,
    ];
    for (let token = textOf(reused), at = 0; at < 2; at += 1) token = String((await sessions.refresh(token)).successor);
    await sessions.tokens().revoke(textOf(signedOut));
    await loseSession(running.service.app, lost.session_id);

    const outcomes = await sessions.refreshTogether([good, reused, signedOut, lost, twice, twice].map(textOf));

    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'refreshed',
      'reuse',
      'revoked',
      'session_lost',
      'refreshed',
      'refreshed',
    ]);
    // Siblings: the leeway is 0.
    expect(outcomes[4]?.successor).not.toBe(outcomes[5]?.successor);
    expect((await sessions.refresh(textOf(reused))).outcome).toBe('revoked');
  });

  it('go on whatever a host says of their devices', async () => {
    const all = await sessions.signIn(4);
    const agents = ['a'.repeat(600), 'half a character \ud83d', 'a \0', '"\\ ÿ \u0085 \u{1f600}'];
    await Promise.all(
      all.map(({ refresh_token }, at) =>
        sessions.tokens().refresh(refresh_token, { userAgent: agents[at] as string, ip: 'none' }),
      ),
    );
    const recorded = await Promise.all(all.map(({ session_id }) => sessionRow(running.service.app, session_id)));
    expect(recorded.map((row) => [row?.userAgent, row?.ip])).toEqual([
      ['a'.repeat(512), null],
      ['half a character \ufffd', null],
      ['a ', null],
      [agents[3], null],
    ]);
  });
});

describe('refreshes that arrive together on SQLite', () => {
  const running = serviceForEachTest('SQLite', { REFRESH_TOKEN_LEEWAY: '0' });
  const sessions = sessionsOf(running);
  const updates = (count: number) => Array.from({ length: count }, () => 'UPDATE SET floor');

  it('share one commit; one by itself has no transaction around it', async () => {
    const presented = (await sessions.signIn(32)).map(textOf);

    expect(await sessions.watch(() => sessions.refreshTogether(presented))).toEqual([
      'BEGIN',
      ...updates(32),
      'COMMIT',
    ]);
    expect(await sessions.watch(() => sessions.refreshTogether(presented.slice(0, 1)))).toEqual(updates(1));
  });

  it('are many commits where there are very many: the event loop must not stand still', async () => {
    const presented = (await sessions.signIn(600)).map(textOf);
    const statements = await sessions.watch(() => sessions.refreshTogether(presented));

    expect(statements.filter((statement) => statement === 'UPDATE SET floor')).toHaveLength(600);
    expect(statements.filter((statement) => statement === 'COMMIT').length).toBeGreaterThan(1);
  });

  it.each(['ABORT', 'FAIL', 'ROLLBACK'])(
    'suffer nothing from one that the database refuses with %s',
    async (action) => {
      const all = await sessions.signIn(10);
      const refused = all[4] as IssuedSession;
      await sessions.dataSource().query(
        `CREATE TRIGGER refuse BEFORE UPDATE ON ${TABLE} WHEN NEW.id = '${refused.session_id}'
       BEGIN SELECT RAISE(${action}, 'refused'); END`,
      );

      const outcomes = await sessions.refreshTogether(all.map(textOf));

      expect(outcomes.map(({ outcome }) => outcome)).toEqual(
        all.map((session) => (session === refused ? 'database' : 'refreshed')),
      );
      expect(await sessions.isUsed(refused)).toBe(false);
      expect(await Promise.all(all.map(sessions.isUsed))).toEqual(all.map((session) => session !== refused));
    },
  );

  it('are none of them answered where the commit fails', async () => {
    const all = await sessions.signIn(5);
    // Checked at the commit, and only there.
    await sessions.dataSource().query('PRAGMA foreign_keys = ON');
    await sessions.dataSource().query('CREATE TABLE parent (id INTEGER PRIMARY KEY)');
    await sessions
      .dataSource()
      .query('CREATE TABLE child (parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)');
    await sessions
      .dataSource()
      .query(`CREATE TRIGGER orphan AFTER UPDATE ON ${TABLE} BEGIN INSERT INTO child VALUES (1); END`);

    const outcomes = await sessions.refreshTogether(all.map(textOf));

    expect(outcomes.map(({ outcome }) => outcome)).toEqual(all.map(() => 'database'));
    expect(await Promise.all(all.map(sessions.isUsed))).toEqual(all.map(() => false));
    await sessions.dataSource().query('DROP TRIGGER orphan');
    expect(new Set((await sessions.refreshTogether(all.map(textOf))).map(({ outcome }) => outcome))).toEqual(
      new Set(['refreshed']),
    );
  });

  it('leave to the disk what a sign-in and a logout of the same turn wait for', async () => {
    const [leaving, ...staying] = (await sessions.signIn(6)) as [IssuedSession, ...IssuedSession[]];
    const handle = await sqliteHandle(sessions.dataSource());
    const writes: string[] = [];
    const stop = await watchStatements(sessions.dataSource(), (sql) => {
      // Reading the setting is a statement, too.
      if (/^(INSERT|UPDATE)/.test(gist(sql))) {
        writes.push(`${gist(sql)} ${String(handle.pragma('synchronous', { simple: true }))}`);
      }
    });

    await Promise.all([
      sessions.tokens().issue({ subject: 'alice' }),
      sessions.tokens().revoke(textOf(leaving)),
      ...staying.map((session) => sessions.refresh(textOf(session))),
    ]);
    stop();

    const NORMAL = 1;
    const FULL = 2;
    const of = (statement: string) => writes.filter((write) => write.startsWith(statement));
    expect(of('UPDATE SET floor')).toEqual(staying.map(() => `UPDATE SET floor ${NORMAL}`));
    expect(of('UPDATE SET revoked_at')).toEqual([`UPDATE SET revoked_at ${FULL}`]);
    expect(of('INSERT')).toEqual([`INSERT ${FULL}`]);
  });
});

describeOnEachServer('refreshes that arrive together', (name) => {
  const running = serviceForEachTest(name, { REFRESH_TOKEN_LEEWAY: '0' });
  const sessions = sessionsOf(running);

  it('share one statement', async () => {
    const presented = (await sessions.signIn(32)).map(textOf);

    expect(await sessions.watch(() => sessions.refreshTogether(presented))).toEqual(['UPDATE SET floor']);
    expect(await sessions.watch(() => sessions.refreshTogether(presented.slice(0, 1)))).toEqual(['UPDATE SET floor']);
  });

  it('suffer nothing from one that the database refuses', async () => {
    const all = await sessions.signIn(10);
    const refused = all[4] as IssuedSession;
    for (const statement of REFUSE[name](refused.session_id)) await sessions.dataSource().query(statement);

    const outcomes = await sessions.refreshTogether(all.map(textOf));

    expect(outcomes.map(({ outcome }) => outcome)).toEqual(
      all.map((session) => (session === refused ? 'database' : 'refreshed')),
    );
    expect(await sessions.isUsed(refused)).toBe(false);
  });

  it('do not wait for one whose row somebody else holds', async () => {
    const [held, ...others] = (await sessions.signIn(10)) as [IssuedSession, ...IssuedSession[]];
    const other = sessions.dataSource().createQueryRunner();
    try {
      await other.startTransaction();
      await other.query(`SELECT 1 FROM ${TABLE} WHERE id = '${held.session_id}' FOR UPDATE`);

      const [first, ...rest] = [held, ...others].map(textOf).map(sessions.refresh);
      expect((await Promise.all(rest)).map(({ outcome }) => outcome)).toEqual(others.map(() => 'refreshed'));
      expect(await sessions.isUsed(held)).toBe(false);

      await other.commitTransaction();
      expect((await first)?.outcome).toBe('refreshed');
    } finally {
      await other.release();
    }
  });
});

describeOnEachServer('refreshes that arrive together within the leeway', (name) => {
  const running = serviceForEachTest(name);
  const sessions = sessionsOf(running);

  it('are handed what was handed out before, without a statement for each', async () => {
    const presented = (await sessions.signIn(32)).map(textOf);
    const before = await sessions.refreshTogether(presented);
    // PostgreSQL's tell who wrote or locked them last.
    const hidden = name === 'PostgreSQL' ? ', xmin, xmax' : '';
    const rows = () => sessions.dataSource().query(`SELECT *${hidden} FROM ${TABLE} ORDER BY id`);
    const untouched: unknown = await rows();

    let after: Outcome[] = [];
    const statements = await sessions.watch(async () => (after = await sessions.refreshTogether(presented)));

    expect(after).toEqual(before);
    expect(await rows()).toEqual(untouched);
    expect(statements).toEqual(name === 'MariaDB' ? ['UPDATE SET floor', 'SELECT'] : ['UPDATE SET floor']);
  });
});

describeMariadb('refreshes that arrive together on MariaDB', () => {
  const running = serviceForEachTest('MariaDB', { REFRESH_TOKEN_LEEWAY: '0' });
  const sessions = sessionsOf(running);

  it('are updates, whatever a trigger of the host makes of rows that are inserted', async () => {
    const all = await sessions.signIn(3);
    await sessions.dataSource().query(
      `CREATE TRIGGER own BEFORE INSERT ON ${TABLE} FOR EACH ROW
       SET NEW.used = 0, NEW.issued = 0, NEW.floor = 0, NEW.user_agent = 'hidden'`,
    );

    const outcomes = await sessions.refreshTogether(all.map(textOf));

    expect(outcomes.map(({ outcome }) => outcome)).toEqual(all.map(() => 'refreshed'));
    expect(await Promise.all(all.map(sessions.isUsed))).toEqual(all.map(() => true));
    const rows = await Promise.all(all.map(({ session_id }) => sessionRow(running.service.app, session_id)));
    expect(rows.map((row) => row?.userAgent)).toEqual(all.map(() => null));
  });
});

describeMariadb('the statements of refreshes that arrive together on MariaDB', () => {
  const running = serviceForTheSuite('MariaDB');

  it.each(
    (['statement', 'look'] as const).flatMap((part) =>
      ['utf8mb4', 'utf8mb3', 'latin1', 'ascii'].map((characters) => [part, characters] as const),
    ),
  )('%s: find each row by its key, and read no other, in a table in %s', async (part, characters) => {
    const dataSource = running.service.app.get(DataSource);
    await dataSource.query(`ALTER TABLE ${TABLE} CONVERT TO CHARACTER SET ${characters}`);
    const { rotateBatch } = sessionStatements(mariadb, `\`${TABLE}\``, {
      lostResponse: 'forgive',
      recordDevice: true,
    });
    const statement = rotateBatch?.[part] as SqlStatement;
    const values = { n: 1, now: 2, idle: 1, absolute: 1, not_before: 0, leeway: 0, accept_ahead: 0 };
    const asked = [1, 2, 3].map(() => ({ id: randomUUID(), user_agent: null, ip: null, ...values }));

    const bound = bind(statement, { ...values, ...rotateBatch?.valuesOf(asked) });
    const plan: { table: string; type: string; key: string }[] = await dataSource.query(
      `EXPLAIN ${statement.sql}`,
      bound,
    );

    expect(plan.findLast(({ table }) => table === TABLE)).toMatchObject({ type: 'eq_ref', key: 'PRIMARY' });
  });
});

describePostgres('refreshes that arrive together on PostgreSQL', () => {
  const running = serviceForEachTest('PostgreSQL', { REFRESH_TOKEN_LEEWAY: '0' });
  const sessions = sessionsOf(running);

  /** Has every update of a session's row do something first, in PL/pgSQL. */
  async function onUpdateOf({ session_id }: IssuedSession, statement: string): Promise<void> {
    await sessions
      .dataSource()
      .query(`CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statement}; RETURN NEW; END $$`);
    await sessions
      .dataSource()
      .query(
        `CREATE TRIGGER meddle BEFORE UPDATE ON ${TABLE} FOR EACH ROW WHEN (OLD.id = '${session_id}') EXECUTE FUNCTION meddle()`,
      );
  }

  it('do not wait for the disk, and whatever else is written does', async () => {
    const all = await sessions.signIn(4);
    await sessions.dataSource().query('CREATE TABLE seen (what text, synchronous_commit text)');
    await sessions
      .dataSource()
      .query(
        `CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (TG_OP || coalesce(NEW.revoked_reason, ''), current_setting('synchronous_commit')); RETURN NEW; END $$`,
      );
    await sessions
      .dataSource()
      .query(`CREATE TRIGGER see AFTER INSERT OR UPDATE ON ${TABLE} FOR EACH ROW EXECUTE FUNCTION see()`);

    await sessions.refreshTogether(all.slice(1).map(textOf));
    await sessions.refresh(textOf(all[0] as IssuedSession));
    await sessions.tokens().issue({ subject: 'alice' });
    await sessions.tokens().revoke(textOf(all[0] as IssuedSession));

    expect(await sessions.dataSource().query('SELECT DISTINCT * FROM seen ORDER BY what')).toEqual([
      { what: 'INSERT', synchronous_commit: 'on' },
      { what: 'UPDATE', synchronous_commit: 'off' },
      { what: 'UPDATElogout', synchronous_commit: 'on' },
    ]);
  });

  it('are not tried again where nobody knows what became of them', async () => {
    const all = await sessions.signIn(10);
    await onUpdateOf(all[4] as IssuedSession, 'PERFORM pg_terminate_backend(pg_backend_pid())');

    let outcomes: Outcome[] = [];
    const statements = await sessions.watch(async () => (outcomes = await sessions.refreshTogether(all.map(textOf))));

    expect(outcomes.map(({ outcome }) => outcome)).toEqual(all.map(() => 'database'));
    expect(statements).toEqual(['UPDATE SET floor']);
    await until('the pool has dropped the connection', () =>
      sessions
        .dataSource()
        .query('SELECT 1')
        .catch(() => undefined),
    );
    expect(await Promise.all(all.map(sessions.isUsed))).toEqual(all.map(() => false));
    await sessions.dataSource().query(`DROP TRIGGER meddle ON ${TABLE}`);
    expect((await sessions.refreshTogether(all.map(textOf))).map(({ outcome }) => outcome)).toEqual(
      all.map(() => 'refreshed'),
    );
  });
});
