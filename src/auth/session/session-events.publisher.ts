import { Injectable, Logger } from '@nestjs/common';
import { HostParts } from './host-parts.js';
import type { SessionEvent } from './session.observer.js';
import type { RevocationReason, Session } from './session.js';

/** Hands events to the host's observer, if there is one. */
@Injectable()
export class SessionEventPublisher {
  private readonly logger = new Logger('SessionObserver');

  constructor(private readonly host: HostParts) {}

  /** Never throws, and waits for nobody. */
  publish(event: SessionEvent): void {
    try {
      const observed = this.host.observer?.observe(Object.freeze(event));
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

  private complain({ type, sessionId }: SessionEvent, error: unknown): void {
    // The stack only: an error may carry whatever the observer was working with.
    const cause = error instanceof Error ? error.stack : typeof error;
    this.logger.error('The session observer failed', {
      event: 'observer.failed',
      observed: type,
      session_id: sessionId,
      cause,
    });
  }
}
