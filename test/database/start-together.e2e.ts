import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connectTo } from '../support/databases/database-connection.js';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from '../support/databases/databases.js';
import { refreshed, signIn } from '../support/http/http.js';
import { cleanUp, startProcess } from '../support/servers/process.js';
import { productionEnvironment } from '../support/servers/service.js';
import { limit } from '../support/time.js';

const INSTANCES = 10;
/** For how long two processors may be busy with all the starts, in milliseconds. */
const PATIENCE = limit(50_000);

describeOnEachDatabase('Instances that start together on an empty database', (databaseName) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createDatabase(databaseName);
  });
  afterAll(async () => {
    await cleanUp();
    await database.drop();
  });

  it(
    'all start, on one schema that was made once, and are one service',
    async () => {
      const env = { ...productionEnvironment(database.url), REFRESH_TOKEN_LEEWAY: '0' };
      const instances = await Promise.all(Array.from({ length: INSTANCES }, () => startProcess({ env }, PATIENCE)));

      expect(instances.map(({ stderr }) => stderr).join('')).toBe('');
      const [first] = instances;
      let { refresh_token } = await signIn(String(first?.url));
      for (const { url } of instances) ({ refresh_token } = await refreshed(url, refresh_token));

      const beside = await connectTo(database.url);
      const rows: Record<string, number> = {};
      try {
        for (const table of ['migrations', 'access_token_keys', 'refresh_token_secrets', 'refresh_token_sessions']) {
          rows[table] = (await beside.query(`SELECT * FROM ${table}`)).length;
        }
      } finally {
        await beside.close();
      }
      expect(rows).toEqual({
        migrations: 1,
        access_token_keys: 1,
        refresh_token_secrets: 1,
        refresh_token_sessions: 1,
      });
    },
    2 * PATIENCE,
  );
});
