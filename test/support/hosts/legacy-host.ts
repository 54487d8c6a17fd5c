import { Controller, Get, Injectable, Module, Req, UseGuards } from '@nestjs/common';
import type { INestApplication, LoggerService } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  AuthModule,
  type AuthModuleExtras,
  type AuthModuleOptions,
  Clock,
  type IssueOptions,
  LegacyTokens,
  LogoutController,
  RefreshTokenController,
  RefreshTokenGuard,
  type RefreshTokenRequest,
  RefreshTokenSession,
  type SessionEvent,
  SessionObserver,
} from 'nest-refresh-token';
import { DataSource } from 'typeorm';
import type { TestDatabase } from '../databases/databases.js';
import { dataSourceOn, hostOptions } from './host.js';
import { hostAdapter } from '../servers/http-adapter.js';
import { listen } from '../http/listen.js';
import { TestClock } from '../test-clock.js';

/** What a resolver makes of a token; a careless one returns whatever it likes. */
export type Resolve = (token: string) => unknown;

/** What the host's own parts work with: the tokens that it handed out before, and what it was told. */
@Injectable()
export class OldWorld {
  readonly users = new Map<string, IssueOptions>();
  /** The tokens that it was asked about, in order. */
  asked: string[] = [];
  events: SessionEvent[] = [];
  resolve: Resolve = this.lookUp;

  lookUp(token: string): IssueOptions | null {
    return this.users.get(token) ?? null;
  }

  reset(): void {
    this.users.clear();
    Object.assign(this, { asked: [], events: [], resolve: this.lookUp });
  }
}

@Module({ providers: [OldWorld], exports: [OldWorld] })
class OldWorldModule {}

@Injectable()
class OldTokens extends LegacyTokens {
  constructor(private readonly world: OldWorld) {
    super();
  }

  resolve(token: string): Promise<IssueOptions | null> {
    this.world.asked.push(token);
    return this.world.resolve(token) as Promise<IssueOptions | null>;
  }
}

@Injectable()
class Witness extends SessionObserver {
  constructor(private readonly world: OldWorld) {
    super();
  }

  observe(event: SessionEvent): void {
    this.world.events.push(event);
  }
}

/** A route of the host's own that a refresh token opens. */
@Controller('device')
@UseGuards(RefreshTokenGuard)
class DeviceController {
  @Get()
  show(@Req() { refreshToken }: RefreshTokenRequest) {
    return { session: refreshToken.sessionId };
  }
}

/** A host with users who hold refresh tokens of the time before. */
export interface LegacyHost {
  readonly url: string;
  readonly app: INestApplication;
  readonly clock: TestClock;
  readonly world: OldWorld;
  /** All that was logged: one entry a call, its arguments as JSON. */
  readonly log: readonly string[];
  /** How many sessions the database has. */
  rows(): Promise<number>;
  /** Forgets everything: sessions, users, and what was logged and told. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

interface LegacyHostOptions {
  options?: AuthModuleOptions;
  clock?: TestClock;
  extras?: AuthModuleExtras;
}

/** Starts such a host; `extras: {legacyTokens: undefined}` is one that takes no old tokens. */
export async function startLegacyHost(
  database: TestDatabase,
  { options = hostOptions(), clock = new TestClock(), extras = {} }: LegacyHostOptions = {},
): Promise<LegacyHost> {
  const log: string[] = [];
  const logger = recorder(log);
  const authModule = AuthModule.forRoot({
    ...options,
    imports: [OldWorldModule],
    controllers: [RefreshTokenController, LogoutController],
    legacyTokens: OldTokens,
    sessionObserver: Witness,
    ...extras,
  });
  const module = await Test.createTestingModule({
    imports: [dataSourceOn(database), OldWorldModule, authModule],
    controllers: [DeviceController],
  })
    .overrideProvider(Clock)
    .useValue(clock)
    .setLogger(logger)
    .compile();
  const app = module.createNestApplication(hostAdapter());
  const url = await listen(app);
  const world = app.get(OldWorld);
  const sessions = app.get(DataSource).getRepository(RefreshTokenSession);
  return {
    url,
    app,
    clock,
    world,
    log,
    rows: () => sessions.count(),
    reset: async () => {
      await sessions.createQueryBuilder().delete().execute();
      world.reset();
      log.length = 0;
      // One logger is in use at a time: that of the host that was started last.
      app.useLogger(logger);
    },
    close: () => app.close(),
  };
}

function recorder(log: string[]): LoggerService {
  const record = (...entry: unknown[]) => void log.push(JSON.stringify(entry, withErrors));
  return { log: record, error: record, warn: record, debug: record, verbose: record, fatal: record };
}

/** JSON of an error is `{}`; a real log shows all of it. */
function withErrors(_: string, value: unknown): unknown {
  return value instanceof Error ? { ...value, stack: value.stack } : value;
}
