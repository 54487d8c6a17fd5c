import {
  createSession,
  type Session,
  type SessionEvents,
  type SessionOptions,
  type TokenStorage,
} from 'nest-refresh-token/client';
import { until } from '../servers/process.js';
import { answer, type ScriptedServer } from './scripted-server.js';
import { TestClock } from '../test-clock.js';

/** Time that passes only where the client waits, or a test says so. */
export class VirtualTime {
  /** How long the client has waited, in milliseconds, one entry a wait. */
  readonly slept: number[] = [];

  constructor(readonly clock = new TestClock()) {}

  readonly now = (): number => this.clock.now();

  readonly sleep = async (milliseconds: number): Promise<void> => {
    this.slept.push(milliseconds);
    this.clock.advance(milliseconds);
  };

  /** What `createSession` takes; no client waits longer than it must. */
  get options(): Pick<SessionOptions, 'now' | 'sleep' | 'random'> {
    return { now: this.now, sleep: this.sleep, random: () => 0 };
  }
}

/** All that a session has told, in order. */
export type Told = { [E in keyof SessionEvents]: [event: E, detail: SessionEvents[E]] }[keyof SessionEvents][];

export interface ListenedSession extends Session {
  readonly told: Told;
  readonly time: VirtualTime;
}

/** A session on virtual time, listened to. */
export function listenedSession(options: SessionOptions & { time?: VirtualTime }): ListenedSession {
  const { time = new VirtualTime(), ...rest } = options;
  const session = createSession({ ...time.options, ...rest });
  const told: Told = [];
  session.on('refreshed', (detail) => told.push(['refreshed', detail]));
  session.on('signedOut', (detail) => told.push(['signedOut', detail]));
  session.on('unavailable', (detail) => told.push(['unavailable', detail]));
  return { ...session, told, time };
}

/** What a login answers with, and what a refresh where the session is over. */
export const TOKENS = { access_token: 'access-1', refresh_token: 'refresh-1', expires_in: 3_600 };
export const OVER = answer(401, { error: 'invalid_refresh_token' });

/** A session at the server that is signed in. */
export async function signedInAt(
  { url }: ScriptedServer,
  options: Partial<SessionOptions> & { time?: VirtualTime } = {},
  tokens: object = TOKENS,
): Promise<ListenedSession> {
  const session = listenedSession({ refreshUrl: `${url}/refresh_token`, ...options });
  await session.signIn(tokens);
  return session;
}

/** Waits until so many requests have arrived. */
export function arrivedAt(server: ScriptedServer, path: string, count: number): Promise<boolean> {
  return until(`${count} requests have arrived at ${path}`, () => server.seen(path).length >= count || undefined);
}

/** What is stored, but for the mark of the sign-in. */
export function storedIn(storage: TokenStorage): Record<string, unknown> {
  const { sign_in: _, ...rest } = JSON.parse(String(storage.get())) as Record<string, unknown>;
  return rest;
}
