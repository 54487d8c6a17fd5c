import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { SESSION_OBSERVER } from '../injection-tokens.js';
import { logCause } from '../runtime/log-cause.js';
import type { SessionEvent, SessionObserver } from './session.observer.js';
import type { RevocationReason, Session } from './session.js';

/** Hands events to the host's observer, if there is one. */
@Injectable()
export class SessionEventPublisher implements OnModuleInit {
  private readonly logger = new Logger('SessionObserver');
  private found: SessionObserver | null | undefined;

  constructor(private readonly moduleRef: ModuleRef) {}

  /** An observer that can't be looked up, such as one that is made for each request, stops the start. */
  onModuleInit(): void {
    this.observer();
  }

  /** Never throws, and waits for nobody. */
  publish(event: SessionEvent): void {
    try {
      const observed = this.observer()?.observe(Object.freeze(event));
      // Whatever kind of promise it is: a query builder's is none of ours.
      Promise.resolve(observed).catch((error: unknown) => this.complain(event, error));
    } catch (error) {
      this.complain(event, error);
    }
  }

  /** Tells of sessions that were ended, each by itself. */
  ended(sessions: readonly Session[], reason: RevocationReason, at: number, policyReason?: string): void {
    for (const { id, subject } of sessions) {
      const event = { type: 'ended', at, sessionId: id, subject, reason } as const;
      this.publish(policyReason === undefined ? event : { ...event, policyReason });
    }
  }

  /** The host's observer, looked up at its first use: an observer may inject the services that publish to it. */
  private observer(): SessionObserver | null {
    if (this.found === undefined) this.found = this.moduleRef.get<SessionObserver | null>(SESSION_OBSERVER);
    return this.found;
  }

  private complain({ type, sessionId }: SessionEvent, error: unknown): void {
    this.logger.error('The session observer failed', {
      event: 'observer.failed',
      observed: type,
      session_id: sessionId,
      cause: logCause(error),
    });
  }
}
