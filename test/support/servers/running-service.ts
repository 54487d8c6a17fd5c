import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { createDatabase, type DatabaseName, type TestDatabase } from '../databases/databases.js';
import { startService, type TestService } from './service.js';

/** A service that hooks start and stop; only while a test runs is there a `service`. */
export interface RunningService {
  service: TestService;
  database: TestDatabase;
}

/** A service and a database of its own for every test of the suite. */
export function serviceForEachTest(databaseName: DatabaseName, env: Record<string, string> = {}): RunningService {
  const running = {} as RunningService;
  beforeEach(async () => Object.assign(running, await start(databaseName, env)));
  afterEach(() => stop(running));
  return running;
}

/** One service and one database for all tests of the suite: for tests that leave nothing behind. */
export function serviceForTheSuite(databaseName: DatabaseName, env: Record<string, string> = {}): RunningService {
  const running = {} as RunningService;
  beforeAll(async () => Object.assign(running, await start(databaseName, env)));
  afterAll(() => stop(running));
  return running;
}

/** Runs `work` against a service with an environment of its own. */
export async function withService(
  databaseName: DatabaseName,
  env: Record<string, string>,
  work: (service: TestService) => Promise<void>,
): Promise<void> {
  const running = await start(databaseName, env);
  try {
    await work(running.service);
  } finally {
    await stop(running);
  }
}

async function start(databaseName: DatabaseName, env: Record<string, string>): Promise<RunningService> {
  const database = await createDatabase(databaseName);
  return { database, service: await startService(database.url, { env }) };
}

async function stop({ service, database }: RunningService): Promise<void> {
  await service.close();
  await database.drop();
}
