import type { RunningService } from './running-service.js';
import { startService, type TestService } from './service.js';

/** Runs `work` against a further instance on the same database and clock, with an environment of its own. */
export async function withInstance<T>(
  { database, service }: RunningService,
  env: Record<string, string>,
  work: (instance: TestService) => Promise<T>,
): Promise<T> {
  const instance = await startService(database.url, { env, clock: service.clock });
  try {
    return await work(instance);
  } finally {
    await instance.close();
  }
}
