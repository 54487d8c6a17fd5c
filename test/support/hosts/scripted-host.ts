import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { Injectable, Module, type INestApplication, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  AuthModule,
  Clock,
  LogoutController,
  RefreshTokenController,
  RefreshTokenService,
  SessionObserver,
  SessionPolicy,
  SessionService,
  SessionsController,
  type AuthModuleOptions,
  type LegacyTokens,
  type PolicyDecision,
  type PolicySession,
  type SessionEvent,
} from 'nest-refresh-token';
import { createDatabase, type DatabaseName, type TestDatabase } from '../databases/databases.js';
import { dataSourceOn, hostOptions } from './host.js';
import { hostAdapter } from '../servers/http-adapter.js';
import { listen } from '../http/listen.js';
import { recorder } from '../servers/log-recorder.js';
import { TestClock } from '../test-clock.js';

/** The same for all, so that several may work on one database, and one be started anew. */
const OPTIONS = hostOptions();

/** What the host's parts do, and what they were called with: in the test's hand, and injected into them. */
@Injectable()
export class Script {
  readonly asked: PolicySession[] = [];
  readonly events: SessionEvent[] = [];
  /** What the policy returns, throws or waits for: nothing keeps a host's to what its type says. */
  onRefresh: (session: PolicySession) => unknown = () => ({ allow: true });
  /** What the observer does after it has taken the event down. */
  observe: (event: SessionEvent) => unknown = () => undefined;

  /** As at the beginning. */
  reset(): void {
    this.asked.length = 0;
    this.events.length = 0;
    this.onRefresh = () => ({ allow: true });
    this.observe = () => undefined;
  }

  /** The events of a session, in their order. */
  eventsOf(sessionId: string): SessionEvent[] {
    return this.events.filter((event) => event.sessionId === sessionId);
  }
}

@Module({ providers: [Script], exports: [Script] })
export class ScriptModule {}

@Injectable()
export class ScriptedPolicy extends SessionPolicy {
  constructor(private readonly script: Script) {
    super();
  }

  override onRefresh(session: PolicySession): PolicyDecision {
    this.script.asked.push(session);
    return this.script.onRefresh(session) as PolicyDecision;
  }
}

@Injectable()
export class ScriptedObserver extends SessionObserver {
  constructor(private readonly script: Script) {
    super();
  }

  override observe(event: SessionEvent): void | Promise<void> {
    this.script.events.push(event);
    return this.script.observe(event) as void | Promise<void>;
  }
}

/** A host's say in its sessions. */
export interface HostParts {
  sessionPolicy?: Type<SessionPolicy>;
  sessionObserver?: Type<SessionObserver>;
  legacyTokens?: Type<LegacyTokens>;
}

/** An app with parts of its own, listening, its clock and its script in the test's hand. */
export interface ScriptedHost {
  readonly url: string;
  readonly app: INestApplication;
  readonly clock: TestClock;
  readonly script: Script;
  readonly refreshTokens: RefreshTokenService;
  readonly sessions: SessionService;
  /** All that was logged: one entry a call, its arguments as JSON. */
  readonly log: string[];
}

/** Options that differ from a host's usual ones. */
export interface HostOverrides {
  refreshToken?: Partial<AuthModuleOptions['refreshToken']>;
  session?: AuthModuleOptions['session'];
  clock?: TestClock;
}

/** A host and a database for all tests of the suite. */
export interface RunningHost {
  host: ScriptedHost;
  database: TestDatabase;
}

/** Starts a host for the suite; its script begins anew with every test. */
export function hostForTheSuite(name: DatabaseName, parts: HostParts, overrides?: HostOverrides): RunningHost {
  const running = {} as RunningHost;
  beforeAll(async () => {
    const database = await createDatabase(name);
    Object.assign(running, { database, host: await startScriptedHost(database, parts, overrides) });
  });
  beforeEach(() => running.host.script.reset());
  afterAll(async () => {
    await running.host?.app.close();
    await running.database.drop();
  });
  return running;
}

/** Starts a host on a database of either kind. */
export async function startScriptedHost(
  database: TestDatabase,
  parts: HostParts,
  { refreshToken, session, clock = new TestClock() }: HostOverrides = {},
): Promise<ScriptedHost> {
  const log: string[] = [];
  const module = await Test.createTestingModule({
    imports: [
      dataSourceOn(database),
      AuthModule.forRoot({
        ...OPTIONS,
        refreshToken: { ...OPTIONS.refreshToken, ...refreshToken },
        session,
        imports: [ScriptModule],
        controllers: [RefreshTokenController, LogoutController, SessionsController],
        ...parts,
      }),
    ],
  })
    .overrideProvider(Clock)
    .useValue(clock)
    .setLogger(recorder(log))
    .compile();
  const app = module.createNestApplication(hostAdapter());
  const url = await listen(app);
  return {
    url,
    app,
    clock,
    log,
    script: app.get(Script, { strict: false }),
    refreshTokens: app.get(RefreshTokenService),
    sessions: app.get(SessionService),
  };
}
