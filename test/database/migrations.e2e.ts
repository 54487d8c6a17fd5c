import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { DataSource, type DataSourceOptions, type MigrationInterface } from 'typeorm';
import {
  mariadbEntities,
  mariadbMigrations,
  postgresMigrations,
  refreshTokenEntities,
  RefreshTokenSecret,
  RefreshTokenSession,
} from 'nest-refresh-token';
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
import { refresh, signIn } from '../support/http/http.js';
import { startService } from '../support/servers/service.js';
import { watchStatements } from '../support/databases/statements.js';

let database: TestDatabase;
let opened: DataSource[];

async function open(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = await new DataSource(options).initialize();
  opened.push(dataSource);
  return dataSource;
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
});

afterEach(async () => {
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

const OURS = ['access_token_keys', 'migrations', 'refresh_token_secrets', 'refresh_token_sessions'];

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
    expect(await dataSource.query('SELECT name FROM migrations')).toHaveLength(1);
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
    expect(await first.query('SELECT name FROM migrations')).toHaveLength(1);
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

describeOnEachServer('the migrations of instances that start at once', (databaseName) => {
  beforeEach(async () => {
    database = await createDatabase(databaseName);
  });

  it('wait for each other: none of them fails', async () => {
    const instances = await Promise.all(Array.from({ length: 10 }, () => open(dataSourceOptions(location()))));
    await Promise.all(instances.map(migrate));
    const [first] = instances as [DataSource];
    expect(await first.query('SELECT name FROM migrations')).toHaveLength(1);
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
    expect(all).toHaveLength(4);
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
