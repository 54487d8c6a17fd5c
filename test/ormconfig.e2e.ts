import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { copiesOf } from './support/database-copies.js';
import { createDatabase, describeOnEachDatabase, type DatabaseName, type TestDatabase } from './support/databases.js';
import { refreshed, signIn } from './support/http.js';
import { cleanUp, runToEnd, startProcess, stop } from './support/process.js';
import { productionEnvironment } from './support/service.js';

/** What lists the module's tables. */
const TABLES: Record<DatabaseName, string> = {
  SQLite: "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%_token_%' ORDER BY name",
  PostgreSQL: "SELECT table_name AS name FROM information_schema.tables WHERE table_name LIKE '%_token_%' ORDER BY 1",
  MariaDB: `SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name LIKE '%_token_%' ORDER BY 1`,
};

describeOnEachDatabase('TypeORM’s command line', (databaseName) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createDatabase(databaseName);
  });
  afterAll(async () => {
    await cleanUp();
    await database.drop();
  });

  /** `npm run typeorm -- <command>`, which must succeed. */
  async function typeorm(command: string): Promise<string> {
    const { code, stdout, stderr } = await runToEnd('npm', ['run', '--silent', 'typeorm', '--', command], {
      cwd: process.cwd(),
      env: { DATABASE_URL: database.url, HOME: String(process.env['HOME']) },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  }

  async function tables(): Promise<string[]> {
    const copies = await copiesOf(database.url);
    const names = await copies.query(TABLES[databaseName]);
    await copies.close();
    return names.map(({ name }) => String(name));
  }

  it('migrates an empty database to what the entities and the service want, and back', async () => {
    expect(await typeorm('migration:run')).toMatch(/Migration \w+ has been executed successfully/);
    expect(await tables()).toEqual(['access_token_keys', 'refresh_token_secrets', 'refresh_token_sessions']);
    expect(await typeorm('schema:log')).toContain('Your schema is up to date');
    const service = await startProcess({ env: productionEnvironment(database.url) });
    await refreshed(service.url, (await signIn(service.url)).refresh_token);
    await stop(service);

    await typeorm('migration:revert');
    expect(await tables()).toEqual(['refresh_token_secrets', 'refresh_token_sessions']);
    await typeorm('migration:revert');
    expect(await tables()).toEqual([]);
  });
});
