import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { connectTo } from '../support/databases/database-connection.js';
import {
  createDatabase,
  describeOnEachServer,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases/databases.js';
import { refreshed, signIn } from '../support/http/http.js';
import { cleanUp, runToEnd, startProcess, stop } from '../support/servers/process.js';
import { productionEnvironment, startService } from '../support/servers/service.js';

/** What lists the module's tables. */
const TABLES: Record<DatabaseName, string> = {
  SQLite: "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%_token_%' ORDER BY name",
  PostgreSQL: "SELECT table_name AS name FROM information_schema.tables WHERE table_name LIKE '%_token_%' ORDER BY 1",
  MariaDB: `SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name LIKE '%_token_%' ORDER BY 1`,
};

const OURS = ['access_token_keys', 'refresh_token_secrets', 'refresh_token_sessions'];

afterAll(cleanUp);

/** `npm run typeorm -- <command>`, which must succeed. */
async function typeorm(command: string, { url }: TestDatabase): Promise<string> {
  const { code, stdout, stderr } = await runToEnd('npm', ['run', '--silent', 'typeorm', '--', command], {
    cwd: process.cwd(),
    env: { DATABASE_URL: url, HOME: String(process.env['HOME']) },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

async function tables(name: DatabaseName, { url }: TestDatabase): Promise<string[]> {
  const beside = await connectTo(url);
  const names = await beside.query(TABLES[name]);
  await beside.close();
  return names.map((row) => String(row['name']));
}

describe('TypeORM’s command line', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createDatabase('SQLite');
  });
  afterAll(() => database.drop());

  it('migrates an empty database to what the entities and the service want, and back', async () => {
    expect(await typeorm('migration:run', database)).toMatch(/Migration \w+ has been executed successfully/);
    expect(await tables('SQLite', database)).toEqual(OURS);
    expect(await typeorm('schema:log', database)).toContain('Your schema is up to date');
    const service = await startProcess({ env: productionEnvironment(database.url) });
    await refreshed(service.url, (await signIn(service.url)).refresh_token);
    await stop(service);

    await typeorm('migration:revert', database);
    expect(await tables('SQLite', database)).toEqual([]);
  });
});

describeOnEachServer('TypeORM’s command line', (name) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createDatabase(name);
  });
  afterAll(() => database.drop());

  it('migrates an empty database to what the entities and the service want, and back', async () => {
    expect(await typeorm('migration:run', database)).toMatch(/Migration \w+ has been executed successfully/);
    expect(await tables(name, database)).toEqual(OURS);
    const { url, app, close } = await startService(database.url);
    const dataSource = app.get(DataSource);
    // What the command `schema:log` asks.
    expect((await dataSource.driver.createSchemaBuilder().log()).upQueries).toEqual([]);
    await refreshed(url, (await signIn(url)).refresh_token);

    await typeorm('migration:revert', database);
    expect(await tables(name, database)).toEqual([]);
    await close();
  });
});
