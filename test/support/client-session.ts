import { createSession, type Session, type SessionEvents, type SessionOptions } from 'nest-refresh-token/client';
import { TestClock } from './test-clock.js';

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
