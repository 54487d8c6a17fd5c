import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { TemporarilyUnavailableError } from 'nest-refresh-token';
import { RESOLVED_OPTIONS } from '../../src/auth/injection-tokens.js';
import type { ResolvedOptions } from '../../src/auth/options/resolved-options.js';
import { Database } from '../../src/auth/database/database.js';
import { PURGE_WINDOW, PurgeWalk } from '../../src/auth/session/purge/purge.walk.js';
import { createDatabase, describeOnEachDatabase, describePostgres } from '../support/databases/databases.js';
import { logout, refresh, refreshed, signIn } from '../support/http/http.js';
import { hostOptions } from '../support/hosts/host.js';
import { withInstance } from '../support/servers/instances.js';
import { startLegacyHost } from '../support/hosts/legacy-host.js';
import { eventsIn } from '../support/servers/log.js';
import { idsOf, oldRow, purge, putRows, walkToTheEnd, type RowTimes } from '../support/databases/purge-walk.js';
import { serviceForEachTest, withService } from '../support/servers/running-service.js';
import { startService } from '../support/servers/service.js';
import { loseSession, restoreSession, sessionRow } from '../support/databases/session-rows.js';
import { gist, watchStatements } from '../support/databases/statements.js';
import { TcpProxy } from '../support/databases/tcp-proxy.js';
import { DAY, HOUR, MINUTE } from '../support/test-clock.js';
import { REFUSED, wire } from '../support/http/wire.js';

/** Shorter than the idle life of 30 days, so that each condition decides somewhere. */
const RETENTION = 10 * DAY;
/** Within how many minutes there have been four steps for certain: between two there is a rest of an hour at most. */
const MOST_MINUTES = 5 * 60;

/** Sessions, and whether a purge deletes their rows. */
const FATES: [session: string, (now: number) => RowTimes, fate: 'goes' | 'stays'][] = [
  ['idle for long, its retention just over', (now) => ({ issued: now - RETENTION, expiresAt: now - 1 }), 'goes'],
  ['idle for long, a millisecond of retention left', (now) => ({ issued: now - RETENTION + 1 }), 'stays'],
  ['just expired', (now) => ({ expiresAt: now }), 'goes'],
  ['with a millisecond to live', (now) => ({ expiresAt: now + 1 }), 'stays'],
  ['alive, however old its last token', (now) => ({ expiresAt: now + 20 * DAY }), 'stays'],
  ['ended, and not expired', (now) => ({ expiresAt: now + DAY, revokedAt: now }), 'goes'],
  [
    'ended long ago, a millisecond of retention left',
    (now) => ({ issued: now - RETENTION + 1, revokedAt: 1 }),
    'stays',
  ],
  ['of an old token, its last use too long ago', (now) => ({ issued: 1, lastUsedAt: now - RETENTION }), 'goes'],
  ['of an old token, used', (now) => ({ issued: 1, lastUsedAt: now - RETENTION + 1, revokedAt: now }), 'stays'],
];

/** A walk through the same sessions that begins where a test says: `byte` is each of the start's bytes. */
function walkFrom(byte: number, app: INestApplication, now: () => number): PurgeWalk {
  const settings = app.get<ResolvedOptions>(RESOLVED_OPTIONS);
  return new PurgeWalk(app.get(Database), { now }, { bytes: (size) => Buffer.alloc(size, byte) }, settings);
}

/** Has `before` its way each time a statement of this kind is about to run. */
function gate(app: INestApplication, kind: string, before: () => unknown): jest.Spied<Database['run']> {
  const database = app.get(Database);
  const run = database.run.bind(database);
  return jest.spyOn(database, 'run').mockImplementation(async (statement, values) => {
    if (gist(statement.sql) === kind) await before();
    return run(statement, values);
  });
}

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describeOnEachDatabase('A purge', (databaseName) => {
  const running = serviceForEachTest(databaseName, { SESSION_RETENTION: '10d' });

  it('deletes each row that is past, and no other', async () => {
    const { app, clock } = running.service;
    const rows = FATES.map(([session, times, fate]) => ({
      session,
      fate,
      row: oldRow(clock.now(), times(clock.now())),
    }));
    await putRows(
      app,
      rows.map(({ row }) => row),
    );
    expect(await purge(app)).toBe(FATES.filter(([, , fate]) => fate === 'goes').length);
    const left = await idsOf(app);
    for (const { session, fate, row } of rows) {
      expect([session, left.includes(row.id) ? 'stays' : 'goes']).toEqual([session, fate]);
    }
  });

  it('leaves tokens that are refused as before, and those of everybody else good', async () => {
    const { app, clock, log, url } = running.service;
    const gone = await signIn(url);
    await logout(url, gone.refresh_token);
    clock.advance(DAY);
    const alive = await signIn(url, 'bob');
    expect(wire(await refresh(url, gone.refresh_token))).toEqual(REFUSED);

    clock.advance(RETENTION - DAY - 1);
    expect(await purge(app)).toBe(0);
    clock.advance(1);
    expect(await purge(app)).toBe(1);

    expect(wire(await refresh(url, gone.refresh_token))).toEqual(REFUSED);
    expect(eventsIn(log, 'refresh.refused').map(({ reason }) => reason)).toEqual(['revoked', 'unknown_session']);
    expect(eventsIn(log, 'session_lost')).toEqual([]);
    await refreshed(url, alive.refresh_token);
  });

  it('has the retention counted from the last token, and refuses each of them afterwards', async () => {
    const { app, clock, url } = running.service;
    const first = await signIn(url);
    clock.advance(20 * DAY);
    const second = await refreshed(url, first.refresh_token);
    clock.advance(30 * DAY - 1);
    expect(await purge(app)).toBe(0);
    clock.advance(1);
    expect(await purge(app)).toBe(1);
    expect(wire(await refresh(url, first.refresh_token))).toEqual(REFUSED);
    expect(wire(await refresh(url, second.refresh_token))).toEqual(REFUSED);
  });

  it('spares a session that comes back to life before it is deleted', async () => {
    const { app, clock, url } = running.service;
    const session = await signIn(url);
    const backup = await sessionRow(app, session.session_id);
    clock.advance(20 * DAY);
    const { refresh_token } = await refreshed(url, session.refresh_token);
    // The database is restored: the row has expired, and its token is good.
    await loseSession(app, session.session_id);
    await restoreSession(app, backup);
    clock.advance(15 * DAY);

    let revived = '';
    const run = gate(app, 'DELETE', async () => {
      revived = (await refreshed(url, refresh_token)).refresh_token;
    });
    expect(await purge(app)).toBe(0);
    expect(run.mock.calls.filter(([{ sql }]) => gist(sql) === 'DELETE')).toHaveLength(1);
    clock.advance(DAY);
    await refreshed(url, revived);
  });

  it('spares what the emergency brake refuses: it may be released', async () => {
    const { clock, url } = running.service;
    const session = await signIn(url);
    clock.advance(RETENTION + DAY);
    const brake = { SESSION_RETENTION: '10d', SESSIONS_NOT_BEFORE: new Date(clock.now()).toISOString() };
    await withInstance(running, brake, async (instance) => {
      expect(wire(await refresh(instance.url, session.refresh_token))).toEqual(REFUSED);
      expect(await purge(instance.app)).toBe(0);
    });
    await refreshed(url, session.refresh_token);
  });

  it('by three instances at once deletes each row once, and nothing else', async () => {
    const { app, clock } = running.service;
    const past = Array.from({ length: 700 }, () => oldRow(clock.now()));
    const others = Array.from({ length: 300 }, () => oldRow(clock.now(), { expiresAt: clock.now() + DAY }));
    await putRows(app, [...past, ...others]);

    const env = { SESSION_RETENTION: '10d' };
    await withInstance(running, env, (second) =>
      withInstance(running, env, async (third) => {
        const deleted = await Promise.all([app, second.app, third.app].map(purge));
        expect(deleted.reduce((sum, count) => sum + count)).toBe(past.length);
      }),
    );
    expect(await idsOf(app)).toEqual(others.map(({ id }) => id).toSorted());
  });

  it.each([0x00, 0x5a, 0xff])('looks at every row from wherever it begins, and then at all again: %d', async (byte) => {
    const { app, clock } = running.service;
    const rows = Array.from({ length: 2 * PURGE_WINDOW + 50 }, () => oldRow(clock.now(), { revokedAt: clock.now() }));
    const alive = rows.map((row) => Object.assign(row, { issued: String(clock.now()) }));
    await putRows(app, alive);
    const walk = walkFrom(byte, app, () => clock.now());

    const seen: number[] = [];
    const database = app.get(Database);
    const run = database.run.bind(database);
    jest.spyOn(database, 'run').mockImplementation(async (...args) => {
      const found = await run(...args);
      seen.push(found.length);
      return found;
    });
    // What is before the start isn't looked at yet.
    expect((await walkToTheEnd(walk)).isClean).toBe(false);
    seen.length = 0;
    expect(await walkToTheEnd(walk)).toEqual({ deleted: 0, steps: 3, isClean: true });
    expect(seen).toEqual([PURGE_WINDOW, PURGE_WINDOW, 50]);

    for (const row of alive) Object.assign(row, { issued: row.createdAt });
    await putRows(app, alive);
    expect(await walkToTheEnd(walk)).toEqual({ deleted: alive.length, steps: 3, isClean: false });
    expect(await walkToTheEnd(walk)).toEqual({ deleted: 0, steps: 1, isClean: true });
  });

  it('reads where nothing is past, and reads and deletes where something is', async () => {
    const { app, clock } = running.service;
    const statements: string[] = [];
    const walk = walkFrom(0, app, () => clock.now());
    await putRows(app, [oldRow(clock.now(), { expiresAt: clock.now() + DAY })]);
    const stop = await watchStatements(app.get(DataSource), (sql) => statements.push(gist(sql)));
    await walk.step();
    expect(statements.splice(0)).toEqual(['SELECT']);
    clock.advance(DAY);
    await walk.step();
    stop();
    expect(statements).toEqual(['SELECT', 'DELETE']);
  });

  it('goes on after rows that could not be deleted, and comes back for them', async () => {
    const { app, clock } = running.service;
    const rows = Array.from({ length: PURGE_WINDOW + 100 }, () => oldRow(clock.now()));
    await putRows(app, rows);
    const walk = walkFrom(0, app, () => clock.now());
    let failures = 1;
    gate(app, 'DELETE', () => {
      if ((failures -= 1) >= 0) throw new TemporarilyUnavailableError('database');
    });
    await expect(walk.step()).rejects.toThrow(TemporarilyUnavailableError);
    expect(await walkToTheEnd(walk)).toEqual({ deleted: 100, steps: 1, isClean: false });
    expect((await walkToTheEnd(walk)).deleted).toBe(PURGE_WINDOW);
    expect(await idsOf(app)).toEqual([]);
  });

  // SQLite has the machine's own clock.
  (databaseName === 'SQLite' ? it.skip : it)('deletes nothing by a clock that is ahead of the database', async () => {
    const { app, clock } = running.service;
    await putRows(app, [oldRow(clock.now())]);
    const ahead = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 2 * MINUTE);
    expect(await purge(app)).toBe(0);
    ahead.mockRestore();
    expect(await purge(app)).toBe(1);
  });
});

// On SQLite: where timers stand still, the drivers of the servers do, too.
describe('The service', () => {
  /** Turns the timers, and nothing else that a server works with. */
  function holdTimers(): void {
    jest.useFakeTimers({
      doNotFake: ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'setInterval'],
    });
  }

  it('purges by itself, tells how many, and stops when it shuts down', async () => {
    holdTimers();
    const database = await createDatabase('SQLite');
    const { app, clock, log, close } = await startService(database.url, { env: { SESSION_PURGE: 'true' } });
    let closing: Promise<void> | undefined;
    const closeOnce = () => (closing ??= close());
    try {
      const walk = app.get(PurgeWalk, { strict: false });
      const steps = jest.spyOn(walk, 'step');
      const settled = () => Promise.all(steps.mock.results.map(({ value }) => value as Promise<unknown>));
      clock.advance(400 * DAY);
      const past = Array.from({ length: 3 }, () => oldRow(clock.now() - 400 * DAY));
      await putRows(app, [...past, oldRow(clock.now())]);

      await jest.advanceTimersByTimeAsync(29_999);
      expect(steps).not.toHaveBeenCalled();
      for (let minutes = 0; minutes < MOST_MINUTES && steps.mock.calls.length < 4; minutes += 1) {
        await jest.advanceTimersByTimeAsync(MINUTE);
        await settled();
      }
      expect(steps.mock.calls.length).toBeGreaterThanOrEqual(4);
      expect(await idsOf(app)).toHaveLength(1);
      const purged = eventsIn(log, 'sessions.purged');
      expect(purged.reduce((sum, { count }) => sum + Number(count), 0)).toBe(3);

      await closeOnce();
      const before = steps.mock.calls.length;
      await jest.advanceTimersByTimeAsync(5 * HOUR);
      expect(steps).toHaveBeenCalledTimes(before);
      expect(log.join('\n')).not.toContain('purge_failed');
    } finally {
      await closeOnce();
      await database.drop();
    }
  });

  it('leaves the rows alone with SESSION_PURGE=false', async () => {
    holdTimers();
    await withService('SQLite', { SESSION_PURGE: 'false' }, async ({ app, clock }) => {
      await putRows(app, [oldRow(clock.now() - 400 * DAY)]);
      const step = jest.spyOn(app.get(PurgeWalk, { strict: false }), 'step');
      await jest.advanceTimersByTimeAsync(5 * HOUR);
      expect(step).not.toHaveBeenCalled();
      expect(await idsOf(app)).toHaveLength(1);
    });
  });
});

describePostgres('A purge on PostgreSQL', () => {
  const env = { SESSION_RETENTION: '10d' };
  const running = serviceForEachTest('PostgreSQL', env);

  it('survives an outage in the middle, and a row is deleted once', async () => {
    const { app, clock } = running.service;
    const rows = Array.from({ length: PURGE_WINDOW + 100 }, () => oldRow(clock.now()));
    await putRows(app, rows);
    const network = await TcpProxy.before(running.database.url);
    const instance = await startService(network.url, { env, clock });
    try {
      const walk = walkFrom(0, instance.app, () => clock.now());
      const cut = gate(instance.app, 'DELETE', () => network.refuse());
      await expect(walk.step()).rejects.toThrow(TemporarilyUnavailableError);
      await expect(walk.step()).rejects.toThrow(TemporarilyUnavailableError);
      expect(await idsOf(app)).toHaveLength(rows.length);
      cut.mockRestore();
      await network.pass();

      // The DELETE that failed was the first one's: the second never got as far.
      expect(await walkToTheEnd(walk)).toEqual({ deleted: 100, steps: 1, isClean: false });
      expect(await walkToTheEnd(walk)).toMatchObject({ deleted: PURGE_WINDOW });
      expect(await idsOf(app)).toEqual([]);
    } finally {
      await instance.close();
      await network.close();
    }
  });

  it('reads by the key, a window at a time, however many sessions there are', async () => {
    const { app } = running.service;
    const dataSource = app.get(DataSource);
    await dataSource.query(`
      INSERT INTO refresh_token_sessions (id, subject, used, issued, floor, created_at, last_used_at, expires_at)
      SELECT gen_random_uuid(), 'user ' || i, 0, i, 0, i, i, i FROM generate_series(1, 20000) AS i`);
    await dataSource.query('ANALYZE refresh_token_sessions');
    const seen: { sql: string; values: unknown[] }[] = [];
    const before = dataSource.logger;
    jest
      .spyOn(before, 'logQuery')
      .mockImplementation((sql, values) => void seen.push({ sql, values: values as unknown[] }));
    await app.get(PurgeWalk, { strict: false }).step();
    const purging = seen.filter(({ sql }) => /^\s*(SELECT id,|DELETE)/.test(sql));
    expect(purging.map(({ sql }) => gist(sql))).toEqual(['SELECT', 'DELETE']);
    for (const { sql, values } of purging) {
      const plan = await dataSource.query<{ 'QUERY PLAN': string }[]>(`EXPLAIN ${sql}`, values);
      const lines = plan.map((line) => line['QUERY PLAN']).join('\n');
      expect(lines).toMatch(/Index Scan (using|on)/);
      expect(lines).not.toContain('Seq Scan');
    }
  });
});

describeOnEachDatabase('A purge among sessions of old tokens', (databaseName) => {
  it('forgets that one has ended once its retention is over, and no earlier', async () => {
    const database = await createDatabase(databaseName);
    const options = { ...hostOptions(), session: { retention: '10d', purge: false } };
    const { app, clock, close, url, world } = await startLegacyHost(database, { options });
    try {
      world.users.set('old-token', { subject: 'alice' });
      expect((await logout(url, 'old-token')).status).toBe(204);
      clock.advance(RETENTION - 1);
      expect(await purge(app)).toBe(0);
      expect(wire(await refresh(url, 'old-token'))).toEqual(REFUSED);
      expect(world.asked).toEqual(['old-token']);

      clock.advance(1);
      expect(await purge(app)).toBe(1);
      world.users.clear();
      expect(wire(await refresh(url, 'old-token'))).toEqual(REFUSED);
      expect(world.asked).toEqual(['old-token', 'old-token']);
    } finally {
      await close();
      await database.drop();
    }
  });
});

describe('A walk that begins somewhere', () => {
  const running = serviceForEachTest('SQLite');

  it('begins elsewhere in each instance', async () => {
    const starts = new Set<unknown>();
    for (const _ of [1, 2, 3]) {
      await withInstance(running, {}, async ({ app }) => {
        const run = jest.spyOn(app.get(Database), 'run');
        await app.get(PurgeWalk, { strict: false }).step();
        starts.add(run.mock.calls[0]?.[1]?.['after']);
      });
    }
    expect(starts.size).toBe(3);
    for (const start of starts) expect(start).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });
});
