import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { DataSource, type DataSourceOptions, type MigrationInterface } from 'typeorm';
import { postgresMigrations, refreshTokenEntities, RefreshTokenSecret, RefreshTokenSession } from 'nest-refresh-token';
import { dataSourceOptions, openDatabase } from '../src/service/database/data-source.js';
import { parseDatabaseUrl, type DatabaseLocation } from '../src/service/database/database-url.js';
import { migrate } from '../src/service/database/migrate.js';
import { SnakeCaseNamingStrategy } from './fixtures/host-app/database/snake-case.naming-strategy.js';
import { createDatabase, describeOnEachDatabase, describePostgres, type TestDatabase } from './support/databases.js';
import { refresh, signIn } from './support/http.js';
import { startService } from './support/service.js';

let database: TestDatabase;
let opened: DataSource[];

async function open(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = await new DataSource(options).initialize();
  opened.push(dataSource);
  return dataSource;
}

function location(): DatabaseLocation {
  return parseDatabaseUrl(database.url) as DatabaseLocation;
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

/** The names of all tables that the database has. */
async function tables(dataSource: DataSource): Promise<string[]> {
  const rows =
    dataSource.options.type === 'postgres'
      ? `SELECT tablename AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`
      : `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`;
  const found = await dataSource.query<{ name: string }[]>(rows);
  return found.map(({ name }) => name).toSorted();
}

const OURS = ['migrations', 'refresh_token_secrets', 'refresh_token_sessions'];

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
    await dataSource.undoLastMigration();
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

  it('that fail leave nothing behind, no lock either', async () => {
    class Fails1764000000001 implements MigrationInterface {
      readonly name = 'Fails1764000000001';
      async up(): Promise<void> {
        throw new Error('on purpose');
      }
      async down(): Promise<void> {
        return;
      }
    }
    const options = dataSourceOptions(location());
    const migrations = [...(options.migrations as (new () => MigrationInterface)[]), Fails1764000000001];
    const failing = await open({ ...options, migrations, logger: 'debug' });
    await expect(migrate(failing)).rejects.toThrow('on purpose');
    expect(await tables(failing)).not.toContain('refresh_token_sessions');

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

describePostgres('the migrations of instances that start at once', () => {
  beforeEach(async () => {
    database = await createDatabase('PostgreSQL');
  });

  it('wait for each other: none of them fails', async () => {
    const instances = await Promise.all(Array.from({ length: 10 }, () => open(dataSourceOptions(location()))));
    await Promise.all(instances.map(migrate));
    const [first] = instances as [DataSource];
    expect(await first.query('SELECT name FROM migrations')).toHaveLength(1);
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

    await dataSource.undoLastMigration();
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
