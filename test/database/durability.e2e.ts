import { createRequire } from 'node:module';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource, type DataSourceOptions, type QueryRunner } from 'typeorm';
import { SessionService } from 'nest-refresh-token';
import { resolveAuthOptions } from '../../src/auth/options/resolve-options.js';
import { Database } from '../../src/auth/database/database.js';
import { KeyTable } from '../../src/auth/key-ring/key-table.js';
import { RefreshTokenSecret } from '../../src/auth/key-ring/token-secret.entity.js';
import { UNKNOWN_DEVICE } from '../../src/auth/session/device.js';
import { SessionStore, type NewSession } from '../../src/auth/session/session.store.js';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { dataSourceOptions } from '../support/databases/service-database.js';
import { logout, postSession, refresh, refreshed, signIn } from '../support/http/http.js';
import { until } from '../support/servers/process.js';
import { startService, type TestService } from '../support/servers/service.js';
import { gist, sqliteHandle, watchStatements, type SqliteHandle } from '../support/databases/statements.js';
import { MINUTE } from '../support/test-clock.js';

/** SQLite's `PRAGMA synchronous`; in WAL mode, a commit waits for the disk from FULL on. */
const LEVELS = ['OFF', 'NORMAL', 'FULL', 'EXTRA'];

function levelOf(handle: SqliteHandle): string {
  return LEVELS[handle.pragma('synchronous', { simple: true }) as number] as string;
}

/** The writes from now on, each with the setting it ran under. */
async function watchWrites(dataSource: DataSource): Promise<string[]> {
  const handle = await sqliteHandle(dataSource);
  const writes: string[] = [];
  await watchStatements(dataSource, (sql) => {
    if (/^(INSERT|UPDATE|DELETE)/.test(gist(sql))) writes.push(`${gist(sql)}: ${levelOf(handle)}`);
  });
  return writes;
}

describe('durability of the service on SQLite', () => {
  let database: TestDatabase;
  let service: TestService;
  let dataSource: DataSource;
  let handle: SqliteHandle;
  let writes: string[];

  beforeEach(async () => {
    database = await createDatabase('SQLite');
    service = await startService(database.url);
    dataSource = service.app.get(DataSource);
    handle = await sqliteHandle(dataSource);
    writes = await watchWrites(dataSource);
  });

  afterEach(async () => {
    await service.close();
    await database.drop();
  });

  it('keeps a write-ahead log, and waits for the disk at checkpoints only', () => {
    expect(handle.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(levelOf(handle)).toBe('NORMAL');
  });

  it('waits for the disk when a session begins, and not when it rotates', async () => {
    const session = await signIn(service.url);
    await refreshed(service.url, session.refresh_token);

    expect(writes).toEqual(['INSERT: FULL', 'UPDATE SET floor: NORMAL']);
    expect(levelOf(handle)).toBe('NORMAL');
  });

  it('waits for the disk when a session ends: by logout, by its id, by its subject', async () => {
    const sessionService = service.app.get(SessionService);
    const sessions = [await signIn(service.url), await signIn(service.url), await signIn(service.url)] as const;
    writes.length = 0;

    await logout(service.url, sessions[0].refresh_token);
    await sessionService.end(sessions[1].session_id);
    await sessionService.endAll('alice');

    expect(writes).toEqual(Array.from({ length: 3 }, () => 'UPDATE SET revoked_at: FULL'));
    expect(levelOf(handle)).toBe('NORMAL');
  });

  it('waits for the disk when the sessions of a user are ended, named or changed', async () => {
    const { session_id } = await signIn(service.url);
    const sessions = service.app.get(SessionService);
    writes.length = 0;

    await postSession(service.url, { subject: 'alice', revoke_others: true });
    await sessions.rename(session_id, 'My phone');
    await sessions.update('alice', { scope: 'read' });
    await sessions.endAll('alice');

    expect(writes).toEqual([
      'INSERT: FULL',
      'UPDATE SET revoked_at: FULL',
      'UPDATE SET label: FULL',
      'UPDATE SET claims: FULL',
      'UPDATE SET revoked_at: FULL',
    ]);
    expect(levelOf(handle)).toBe('NORMAL');
  });

  it('waits for the disk before a reused token is refused', async () => {
    const session = await signIn(service.url);
    const { refresh_token: successor } = await refreshed(service.url, session.refresh_token);
    service.clock.advance(MINUTE);
    await refreshed(service.url, successor);
    writes.length = 0;

    expect((await refresh(service.url, session.refresh_token)).status).toBe(401);
    expect(writes).toEqual(['UPDATE SET floor: NORMAL', 'UPDATE SET revoked_at: FULL']);
  });

  it('goes back to its own setting where a statement fails, and goes on', async () => {
    await dataSource.query(
      `CREATE TRIGGER full BEFORE INSERT ON refresh_token_sessions BEGIN SELECT RAISE(ABORT, 'full'); END`,
    );
    expect((await postSession(service.url, { subject: 'alice' })).status).toBe(503);
    expect(levelOf(handle)).toBe('NORMAL');

    await dataSource.query('DROP TRIGGER full');
    await signIn(service.url);
    expect(writes).toEqual(['INSERT: FULL', 'INSERT: FULL']);
    expect(levelOf(handle)).toBe('NORMAL');
  });

  it('has its own setting while it waits for a writer of another process', async () => {
    const other = openSqlite(database.url.replace('sqlite:', ''));
    other.exec('BEGIN IMMEDIATE');
    const answer = postSession(service.url, { subject: 'alice' });
    await until('something is written', () => writes.length > 0 || undefined);
    expect(levelOf(handle)).toBe('NORMAL');

    other.exec('COMMIT');
    other.close();
    expect((await answer).status).toBe(201);
    expect(new Set(writes)).toEqual(new Set(['INSERT: FULL']));
    expect(levelOf(handle)).toBe('NORMAL');
  });
});

describe("durability on a host's own SQLite", () => {
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeEach(async () => {
    database = await createDatabase('SQLite');
    const options = dataSourceOptions(database.url);
    dataSource = await new DataSource({ ...options, migrationsRun: true } as DataSourceOptions).initialize();
  });

  afterEach(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  function store(): SessionStore {
    const settings = resolveAuthOptions(
      {
        refreshToken: { secrets: ['the-first-secret-of-the-tests-0123456789'] },
        accessToken: { issuer: 'https://auth.example.com', algorithm: 'HS256', secret: 'hs256' },
      },
      0,
    );
    return new SessionStore(new Database(dataSource), settings);
  }

  it.each([
    ['OFF', 'FULL'],
    ['NORMAL', 'FULL'],
    ['FULL', 'FULL'],
    ['EXTRA', 'EXTRA'],
  ])('under %s, creates and ends with %s, rotates as it is, and leaves the setting alone', async (own, durable) => {
    const handle = await sqliteHandle(dataSource);
    handle.pragma(`synchronous = ${own}`);
    const writes = await watchWrites(dataSource);
    const session = newSession();

    await store().create(session, 1_000);
    await store().rotate(session.id, {
      n: 1_000,
      now: 2_000,
      device: UNKNOWN_DEVICE,
      acceptAhead: false,
      amendments: undefined,
    });
    await store().end(session.id, 'logout', 3_000);

    expect(writes).toEqual([`INSERT: ${durable}`, `UPDATE SET floor: ${own}`, `UPDATE SET revoked_at: ${durable}`]);
    expect(levelOf(handle)).toBe(own);
  });

  it('waits for the disk before a key is used, and leaves the setting alone, where that fails too', async () => {
    const handle = await sqliteHandle(dataSource);
    handle.pragma('synchronous = NORMAL');
    const writes = await watchWrites(dataSource);
    const table = new KeyTable(new Database(dataSource), RefreshTokenSecret, 'fingerprint', 1);

    await table.exclusively((rows) => rows.use('0123456789abcdef', 1_000));
    expect(writes).toEqual(['UPDATE SET used_at: FULL', 'UPDATE SET replaced_at: FULL']);
    expect(levelOf(handle)).toBe('NORMAL');

    await expect(table.exclusively(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    expect(levelOf(handle)).toBe('NORMAL');
  });

  it.each<[string, (host: QueryRunner) => Promise<unknown>, (host: QueryRunner) => Promise<unknown>]>([
    ["TypeORM's", (host) => host.startTransaction(), (host) => host.rollbackTransaction()],
    ['its own BEGIN', (host) => host.query('BEGIN'), (host) => host.query('ROLLBACK')],
  ])('never writes into a transaction of the host, which may undo it: %s', async (_, begin, rollBack) => {
    const writes = await watchWrites(dataSource);
    const host = dataSource.createQueryRunner();
    const session = newSession();
    await begin(host);
    const created = store().create(session, 1_000);
    await new Promise(setImmediate);
    expect(writes).toEqual([]);

    await rollBack(host);
    expect((await created).id).toBe(session.id);
    expect(await store().find(session.id)).toMatchObject({ subject: 'alice', issued: 1_000 });
    expect(writes).toEqual(['INSERT: FULL']);
  });
});

function newSession(): NewSession {
  const said = { clientId: null, scope: null, claims: null, label: null };
  return { id: randomUUID(), subject: 'alice', ...said, ...UNKNOWN_DEVICE };
}

interface SqliteConnection {
  exec(sql: string): void;
  close(): void;
}

function openSqlite(path: string): SqliteConnection {
  const BetterSqlite3 = createRequire(import.meta.url)('better-sqlite3') as new (path: string) => SqliteConnection;
  return new BetterSqlite3(path);
}
