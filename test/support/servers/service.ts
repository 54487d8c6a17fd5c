import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { AddressInfo } from 'node:net';
import { Clock } from 'nest-refresh-token';
import { serveDocs } from '../../../src/service/docs/swagger-ui.js';
import { configureHttp } from '../../../src/service/http/configure-http.js';
import { createHttpAdapter } from '../../../src/service/http/create-http-adapter.js';
import { generateSigningKeys } from '../../../src/auth/keys/key-generation.js';
import { serviceConfig } from '../../../src/service/service.config.js';
import { ServiceModule } from '../../../src/service/service.module.js';
import { HTTP_ADAPTER } from './http-adapter.js';
import { recorder } from './log-recorder.js';
import { TestClock } from '../test-clock.js';

export const ISSUER = 'https://auth.example.com';
export const SERVICE_KEY = 'service-key-of-the-tests-0123456789';
export const SECRET = 'refresh-token-secret-of-the-tests-0123456789';
export const SIGNING_KEYS = JSON.stringify(generateSigningKeys());

/** All that the service takes in production, on a database; nothing is made up on disk. */
export function productionEnvironment(databaseUrl: string): Record<string, string> {
  return {
    NODE_ENV: 'production',
    DATABASE_URL: databaseUrl,
    ISSUER,
    REFRESH_TOKEN_SECRETS: SECRET,
    SIGNING_KEYS,
    SERVICE_KEYS: SERVICE_KEY,
    HTTP_ADAPTER,
  };
}

/** The whole service, listening on a free port unless its environment names one, its clock in the test's hand. */
export interface TestService {
  readonly url: string;
  readonly app: INestApplication;
  readonly clock: TestClock;
  /** All that was logged: one entry a call, its arguments as JSON. */
  readonly log: string[];
  close(): Promise<void>;
}

/**
 * Starts the service as `main.ts` does, through `Test.createTestingModule`.
 * @param env variables of the environment, over defaults that make nothing up on disk
 */
export async function startService(
  databaseUrl: string,
  { env = {}, clock = new TestClock() }: { env?: Record<string, string>; clock?: TestClock } = {},
): Promise<TestService> {
  // Tests turn the clock by months: no row goes behind their back.
  const config = serviceConfig({ ...productionEnvironment(databaseUrl), SESSION_PURGE: 'false', ...env });
  const log: string[] = [];
  const module = await Test.createTestingModule({ imports: [ServiceModule.with(config)] })
    .overrideProvider(Clock)
    .useValue(clock)
    .setLogger(recorder(log))
    .compile();
  const app = module.createNestApplication(await createHttpAdapter(config), { bodyParser: false });
  configureHttp(app);
  await serveDocs(app, config);
  try {
    await app.listen(Number(env['PORT'] ?? 0), '127.0.0.1');
  } catch (error) {
    // A refused start must not leave its connections behind.
    await app.close();
    throw error;
  }
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, app, clock, log, close: () => app.close() };
}
