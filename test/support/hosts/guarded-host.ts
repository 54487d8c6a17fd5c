import type { INestApplication, LoggerService, ModuleMetadata, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AuthModule, Clock, type AuthModuleExtras, type AuthModuleOptions } from 'nest-refresh-token';
import { createDatabase, type DatabaseName, type TestDatabase } from '../databases/databases.js';
import { dataSourceOn, hostOptions, type Host } from './host.js';
import { hostAdapter } from '../servers/http-adapter.js';
import { listen } from '../http/listen.js';
import { TestClock } from '../test-clock.js';
import { MISSING_TOKEN, type Wire } from '../http/wire.js';

/** A host with routes behind the guard, on a database of its own, the clock in the test's hand. */
export interface GuardedHost extends Host {
  readonly clock: TestClock;
  close(): Promise<void>;
}

interface Parts extends Pick<ModuleMetadata, 'controllers' | 'providers' | 'imports'> {
  /** Options of the module, over those of `hostOptions`. */
  options?: Partial<AuthModuleOptions>;
  /** What is decided where the module is declared. */
  extras?: AuthModuleExtras;
  clock?: TestClock;
  /** A database that is there already, and stays. */
  database?: TestDatabase;
  databaseName?: DatabaseName;
  /** Whether it believes every proxy. */
  trustProxy?: boolean;
  configure?: (app: INestApplication) => unknown;
}

const silent: LoggerService = { log: () => {}, error: () => {}, warn: () => {} };

/** Starts a host of these parts. Its answers have no header but those that somebody decided on. */
export async function startGuardedHost({
  options = {},
  extras = {},
  clock = new TestClock(),
  database: shared,
  databaseName = 'SQLite',
  trustProxy = false,
  configure = () => {},
  imports = [],
  ...metadata
}: Parts): Promise<GuardedHost> {
  const database = shared ?? (await createDatabase(databaseName));
  const module = await Test.createTestingModule({
    ...metadata,
    imports: [
      dataSourceOn(database, { logger: 'debug' }),
      AuthModule.forRoot({ ...hostOptions(), ...options, ...extras }),
      ...imports,
    ],
  })
    .overrideProvider(Clock)
    .useValue(clock)
    .setLogger(silent)
    .compile();
  const app = module.createNestApplication(hostAdapter({ trustProxy }));
  await configure(app);
  const close = async () => {
    await app.close();
    if (!shared) await database.drop();
  };
  return { app, clock, url: await listen(app), close };
}

/** A provider of the host's, wherever it is. */
export function provided<T>({ app }: Host, token: Type<T>): T {
  return app.get(token, { strict: false });
}

/** What a guarded route answers to a token that doesn't reach far enough. */
export function insufficientScope(scope: string): Wire {
  return {
    status: 403,
    text: '{"error":"insufficient_scope"}',
    headers: {
      ...MISSING_TOKEN.headers,
      'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"`,
    },
  };
}
