import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { DataSource, type DataSourceOptions, type MigrationInterface, type Table } from 'typeorm';
import {
  mariadbEntities,
  mariadbMigrations,
  postgresMigrations,
  refreshTokenEntities,
  RefreshTokenSecret,
  RefreshTokenSession,
} from 'nest-refresh-token';
import { RefreshTokenCodec } from '../../src/auth/refresh-token/refresh-token.codec.js';
import { RefreshToken } from '../../src/auth/refresh-token/refresh-token.js';
import { tokenSecret } from '../../src/auth/keys/token-secret.js';
import { SnakeCaseNamingStrategy } from '../fixtures/host-app/database/snake-case.naming-strategy.js';
import {
  createDatabase,
  describeMariadb,
  describeOnEachDatabase,
  describeOnEachServer,
  describePostgres,
  type TestDatabase,
} from '../support/databases/databases.js';
import * as serviceDatabase from '../support/databases/service-database.js';
import { logout, refresh, refreshed, signIn } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { SECRET, startService, type TestService } from '../support/servers/service.js';
import { sessionsOf, signInWith } from '../support/http/session-calls.js';
import { watchStatements } from '../support/databases/statements.js';
import { DAY, HOUR, MINUTE, TestClock } from '../support/test-clock.js';

let database: TestDatabase;
let opened: DataSource[];
let started: TestService[];

async function open(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = await new DataSource(options).initialize();
  opened.push(dataSource);
  return dataSource;
}

async function start(): Promise<TestService> {
  const service = await startService(database.url);
  started.push(service);
  return service;
}

const { dataSourceOptions, openDatabase } = serviceDatabase;

function location(): string {
  return database.url;
}

function migrate(dataSource: DataSource): Promise<void> {
  return serviceDatabase.migrate(dataSource, database.url);
}

beforeEach(() => {
  opened = [];
  started = [];
});

afterEach(async () => {
  await Promise.all(started.map((service) => service.close()));
  await Promise.all(opened.map((dataSource) => dataSource.destroy()));
  await database.drop();
});

/** What TypeORM would still change to make the database what the entities say. */
async function drift(dataSource: DataSource): Promise<string[]> {
  const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
  return upQueries.map(({ query }) => query);
}

const LIST_TABLES: Record<string, string> = {
  'better-sqlite3': `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`,
  postgres: `SELECT tablename AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  mariadb: 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
};

/** The names of all tables that the database has. */
async function tables(dataSource: DataSource): Promise<string[]> {
  const found = await dataSource.query<{ name: string }[]>(String(LIST_TABLES[dataSource.options.type]));
  return found.map(({ name }) => name).toSorted();
}

/** Takes one after the other back. */
async function undoAll(dataSource: DataSource): Promise<void> {
  for (const _ of dataSource.migrations) await dataSource.undoLastMigration();
}

const FIRST = ['migrations', 'refresh_token_secrets', 'refresh_token_sessions'];
const OURS = ['access_token_keys', ...FIRST];

describeOnEachDatabase('the migrations', (databaseName) => {
  beforeEach(async () => {
    database = await createDatabase(databaseName);
  });

  it('make what the entities say, without drift; a second run changes nothing', async () => {
    const dataSource = await open(dataSourceOptions(location()));
    expect(await drift(dataSource)).not.toEqual([]);
    await migrate(dataSource);
    expect(await tables(dataSource)).toEqual(OURS);
    expect(await drift(dataSource)).toEqual([]);
    await migrate(dataSource);
    expect(await drift(dataSource)).toEqual([]);
    expect(await dataSource.query('SELECT name FROM migrations')).toHaveLength(2);
  });

  it('go down, leaving nothing of ours, and up again', async () => {
    const dataSource = await open(dataSourceOptions(location()));
    await migrate(dataSource);
    await undoAll(dataSource);
    expect(await tables(dataSource)).toEqual(['migrations']);
    await migrate(dataSource);
    expect(await tables(dataSource)).toEqual(OURS);
    expect(await drift(dataSource)).toEqual([]);
  });

  it('by ten instances that start at once on an empty database make one schema', async () => {
    const instances = await Promise.all(Array.from({ length: 10 }, () => openDatabase(location(), 20_000)));
    opened.push(...instances);
    for (const dataSource of instances) expect(await drift(dataSource)).toEqual([]);
    const [first] = instances as [DataSource];
    expect(await tables(first)).toEqual(OURS);
    expect(await first.query('SELECT name FROM migrations')).toHaveLength(2);
  });

  it('that fail leave no lock behind, and nothing else where a change of the schema can be taken back', async () => {
    class Fails1764100000001 implements MigrationInterface {
      readonly name = 'Fails1764100000001';
      async up(): Promise<void> {
        throw new Error('on purpose');
      }
      async down(): Promise<void> {
        return;
      }
    }
    const options = dataSourceOptions(location());
    const migrations = [...(options.migrations as (new () => MigrationInterface)[]), Fails1764100000001];
    const failing = await open({ ...options, migrations, logger: 'debug' });
    await expect(migrate(failing)).rejects.toThrow('on purpose');
    if (databaseName !== 'MariaDB') expect(await tables(failing)).not.toContain('refresh_token_sessions');

    const working = await open(options);
    await migrate(working);
    expect(await drift(working)).toEqual([]);
  });

  it('leave the sessions of a service that starts again alone', async () => {
    const before = await startService(database.url);
    const session = await signIn(before.url);
    await before.close();
    const after = await startService(database.url);
    try {
      expect((await refresh(after.url, session.refresh_token)).status).toBe(200);
      expect(await drift(after.app.get(DataSource))).toEqual([]);
    } finally {
      await after.close();
    }
  });

  it('index nothing that a refresh changes', async () => {
    const dataSource = await open(dataSourceOptions(location()));
    await migrate(dataSource);
    const { tablePath } = dataSource.getMetadata(RefreshTokenSession);
    const runner = dataSource.createQueryRunner();
    const table = await runner.getTable(tablePath);
    await runner.release();
    const indexed = [...(table?.indices ?? []), ...(table?.uniques ?? [])].flatMap(({ columnNames }) => columnNames);
    expect(indexed).toEqual(['subject']);
    expect(table?.primaryColumns.map(({ name }) => name)).toEqual(['id']);
  });
});

describeOnEachDatabase('a database of the version before', (databaseName) => {
  beforeEach(async () => {
    database = await createDatabase(databaseName);
  });

  /** The database as that version made it. */
  async function openAsBefore(): Promise<DataSource> {
    const options = dataSourceOptions(location());
    const [first] = options.migrations as [new () => MigrationInterface];
    const dataSource = await open({ ...options, migrations: [first] });
    await migrate(dataSource);
    expect(await tables(dataSource)).toEqual(FIRST);
    return dataSource;
  }

  const COLUMNS = `id, subject, client_id, scope, claims, used, issued, floor, created_at, last_used_at, expires_at,
    revoked_at`;

  /** Starts a session with the statement of that version. */
  async function createAsBefore(dataSource: DataSource, { sessionId, number }: RefreshToken): Promise<void> {
    const end = number + 30 * DAY;
    await dataSource.query(
      `INSERT INTO refresh_token_sessions (${COLUMNS})
       VALUES ('${sessionId}', 'alice', NULL, 'read', '{"role":"user"}', 0, ${number}, 0, ${number}, ${number}, ${end}, NULL)
       RETURNING ${COLUMNS}`,
    );
  }

  /** Rotates its first token with what the statement of that version comes to. @returns the token handed out */
  async function rotateAsBefore(dataSource: DataSource, token: RefreshToken): Promise<RefreshToken> {
    const now = token.number + MINUTE;
    await dataSource.query(
      `UPDATE refresh_token_sessions SET floor = issued, used = ${token.number}, issued = ${now}, last_used_at = ${now},
         expires_at = ${now + 30 * DAY}
       WHERE id = '${token.sessionId}' AND revoked_at IS NULL`,
    );
    return token.withNumber(now);
  }

  async function endAsBefore(dataSource: DataSource, { sessionId, number }: RefreshToken): Promise<void> {
    await dataSource.query(
      `UPDATE refresh_token_sessions SET revoked_at = ${number}, revoked_reason = 'logout'
       WHERE id = '${sessionId}' AND revoked_at IS NULL`,
    );
  }

  /** A new session's first token. */
  function firstToken(): RefreshToken {
    return new RefreshToken(randomBytes(16), new TestClock().now());
  }

  function columnsOf(dataSource: DataSource): Promise<string[]> {
    const runner = dataSource.createQueryRunner();
    return runner
      .getTable('refresh_token_sessions')
      .then((table) => (table as Table).columns.map(({ name, type, isNullable }) => `${name} ${type} ${isNullable}`))
      .finally(() => runner.release());
  }

  async function rowsOf(dataSource: DataSource): Promise<object[]> {
    return dataSource.query(`SELECT ${COLUMNS}, revoked_reason FROM refresh_token_sessions ORDER BY id`);
  }

  it('is brought along with its sessions: the live ones go on, the ended ones stay ended', async () => {
    const before = await openAsBefore();
    const [fresh, rotated, ended] = [firstToken(), firstToken(), firstToken()];
    for (const token of [fresh, rotated, ended]) await createAsBefore(before, token);
    const successor = await rotateAsBefore(before, rotated);
    await endAsBefore(before, ended);
    const rows = await rowsOf(before);

    const service = await start();
    const dataSource = service.app.get(DataSource);
    expect(await tables(dataSource)).toEqual(OURS);
    expect(await drift(dataSource)).toEqual([]);
    expect(await rowsOf(dataSource)).toEqual(rows);
    const unknown = { label: null, user_agent: null, ip: null };
    const live = [fresh, rotated].map(({ sessionId }) => expect.objectContaining({ id: sessionId, ...unknown }));
    expect(await sessionsOf(service.url, 'alice')).toEqual(expect.arrayContaining(live));

    service.clock.advance(HOUR);
    const text = (token: RefreshToken) => service.app.get(RefreshTokenCodec).encode(token, tokenSecret(SECRET));
    for (const token of [fresh, successor]) {
      const { access_token } = await refreshed(service.url, text(token));
      expect(decodeJwt(access_token)).toMatchObject({
        sub: 'alice',
        scope: 'read',
        role: 'user',
        sid: token.sessionId,
      });
    }
    expect((await refresh(service.url, text(ended))).status).toBe(401);
    // It remembers which of them was used, and which had been before.
    expect((await refresh(service.url, text(rotated))).status).toBe(401);
    expect((await refresh(service.url, text(successor))).status).toBe(401);
    expect(await sessionsOf(service.url, 'alice')).toEqual([
      expect.objectContaining({ id: fresh.sessionId, ...unknown, ip: '127.0.0.1' }),
    ]);
  });

  it('may be gone on with by instances of that version, once it was brought along', async () => {
    const before = await openAsBefore();
    const service = await start();
    const [fresh, rotated, ended] = [firstToken(), firstToken(), firstToken()];
    for (const token of [fresh, rotated, ended]) await createAsBefore(before, token);
    const successor = await rotateAsBefore(before, rotated);
    await endAsBefore(before, ended);

    service.clock.advance(HOUR);
    const text = (token: RefreshToken) => service.app.get(RefreshTokenCodec).encode(token, tokenSecret(SECRET));
    await refreshed(service.url, text(fresh));
    await refreshed(service.url, text(successor));
    expect((await refresh(service.url, text(ended))).status).toBe(401);
    expect(eventsIn(service.log, 'session.refreshed').map(({ outcome }) => outcome)).toEqual(['rotated', 'rotated']);
  });

  it('is what there is again when the version is taken back, with all of its sessions', async () => {
    const before = await openAsBefore();
    const columns = await columnsOf(before);
    const service = await start();
    await signInWith(service.url, { subject: 'alice', label: 'My phone', user_agent: 'Phone/1', ip: '192.0.2.1' });
    const ended = await signIn(service.url);
    await logout(service.url, ended.refresh_token);
    await service.close();

    const dataSource = await open(dataSourceOptions(location()));
    expect(await columnsOf(dataSource)).not.toEqual(columns);
    const rows = await rowsOf(dataSource);
    expect(rows).toHaveLength(2);
    await dataSource.undoLastMigration();
    expect(await tables(dataSource)).toEqual(FIRST);
    expect(await columnsOf(dataSource)).toEqual(columns);
    expect(await rowsOf(dataSource)).toEqual(rows);
    await createAsBefore(before, firstToken());

    await migrate(dataSource);
    expect(await drift(dataSource)).toEqual([]);
    expect(await rowsOf(dataSource)).toHaveLength(3);
  });
});

describeOnEachServer('the migrations of instances that start at once', (databaseName) => {
  beforeEach(async () => {
    database = await createDatabase(databaseName);
  });

  it('wait for each other: none of them fails', async () => {
    const instances = await Promise.all(Array.from({ length: 10 }, () => open(dataSourceOptions(location()))));
    await Promise.all(instances.map(migrate));
    const [first] = instances as [DataSource];
    expect(await first.query('SELECT name FROM migrations')).toHaveLength(2);
  });
});

describeMariadb('the migrations on MariaDB, which takes back no change of the schema,', () => {
  beforeEach(async () => {
    database = await createDatabase('MariaDB');
  });

  /** The changes of the schema by all migrations, as they come. */
  async function statements(): Promise<string[]> {
    const seen: string[] = [];
    const dataSource = await open(dataSourceOptions(location()));
    const stop = await watchStatements(dataSource, (sql) => seen.push(sql));
    await migrate(dataSource);
    stop();
    return seen.filter((sql) => /^\s*(CREATE|ALTER)/.test(sql));
  }

  it('go on wherever they were cut off', async () => {
    const all = await statements();
    expect(all).toHaveLength(5);
    for (let count = 1; count <= all.length; count += 1) {
      const other = await createDatabase('MariaDB');
      try {
        const cutOff = await open(dataSourceOptions(other.url));
        for (const sql of all.slice(0, count)) await cutOff.query(sql);
        await migrate(cutOff);
        expect(await tables(cutOff)).toEqual(OURS);
        expect(await drift(cutOff)).toEqual([]);
      } finally {
        await other.drop();
      }
    }
  });

  it('note no migration twice, whoever comes second', async () => {
    const dataSource = await open(dataSourceOptions(location()));
    await migrate(dataSource);
    const again = dataSource.query('INSERT INTO migrations (timestamp, name) SELECT timestamp, name FROM migrations');
    await expect(again).rejects.toThrow('Duplicate entry');
  });

  it.each<[string, { entityPrefix?: string; namingStrategy?: SnakeCaseNamingStrategy }, string]>([
    ['as it comes', {}, 'refresh_token_sessions'],
    ['with a prefix', { entityPrefix: 'auth_' }, 'auth_refresh_token_sessions'],
    ['with a naming strategy', { namingStrategy: new SnakeCaseNamingStrategy() }, 'refresh_token_sessions'],
  ])('put the tables where a host has its own, without drift: %s', async (_, options, path) => {
    const dataSource = await open({
      type: 'mariadb',
      url: database.url,
      entities: mariadbEntities,
      migrations: mariadbMigrations,
      ...options,
    });
    await dataSource.runMigrations();
    expect(await drift(dataSource)).toEqual([]);
    expect(dataSource.getMetadata(RefreshTokenSession).tablePath).toBe(path);
    expect(await tables(dataSource)).toContain(path);
    await undoAll(dataSource);
    expect(await tables(dataSource)).toEqual(['migrations']);
  });
});

describePostgres('the migrations in the database of a host', () => {
  beforeEach(async () => {
    database = await createDatabase('PostgreSQL');
  });

  function host(more: object): DataSourceOptions {
    return {
      type: 'postgres',
      url: database.url,
      entities: refreshTokenEntities,
      migrations: postgresMigrations,
      ...more,
    };
  }

  it.each<[string, { schema?: string; entityPrefix?: string; namingStrategy?: SnakeCaseNamingStrategy }, string]>([
    ['as it comes', {}, 'refresh_token_sessions'],
    ['with a schema', { schema: 'app' }, 'app.refresh_token_sessions'],
    ['with a schema whose name needs quotes', { schema: 'My App' }, 'My App.refresh_token_sessions'],
    ['with a prefix', { entityPrefix: 'auth_' }, 'auth_refresh_token_sessions'],
    ['with a naming strategy', { namingStrategy: new SnakeCaseNamingStrategy() }, 'refresh_token_sessions'],
    [
      'with all three',
      { schema: 'app', entityPrefix: 'auth_', namingStrategy: new SnakeCaseNamingStrategy() },
      'app.auth_refresh_token_sessions',
    ],
  ])('put the tables where it has its own, without drift: %s', async (_, options, path) => {
    if (options.schema) {
      const admin = await open({ type: 'postgres', url: database.url });
      await admin.query(`CREATE SCHEMA "${options.schema}"`);
    }
    const dataSource = await open(host(options));
    await dataSource.runMigrations();
    expect(dataSource.getMetadata(RefreshTokenSession).tablePath).toBe(path);
    expect(await dataSource.getRepository(RefreshTokenSession).count()).toBe(0);
    expect(await dataSource.getRepository(RefreshTokenSecret).count()).toBe(0);
    expect(await drift(dataSource)).toEqual([]);

    await undoAll(dataSource);
    expect(await tables(dataSource)).toEqual(['migrations']);
    await dataSource.runMigrations();
    expect(await drift(dataSource)).toEqual([]);
  });

  it('leave room on each page for the new version of a row', async () => {
    const dataSource = await open(host({ entityPrefix: 'auth_' }));
    await dataSource.runMigrations();
    expect(
      await dataSource.query(`SELECT reloptions FROM pg_class WHERE relname = 'auth_refresh_token_sessions'`),
    ).toEqual([{ reloptions: ['fillfactor=80'] }]);
  });
});
