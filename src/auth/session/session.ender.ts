import { Injectable } from '@nestjs/common';
import { SessionEventPublisher } from './session-events.publisher.js';
import type { RevocationReason } from './session.js';
import { SessionStore } from './session.store.js';

/** What else is known of an end. */
export interface EndDetails {
  /** Whose session it must be; `null` (the default) for anybody's. */
  readonly subject?: string | null;
  /** What the host's policy said, where the policy ends the session. */
  readonly policyReason?: string;
}

/** Ends one session, and tells the host's observer. */
@Injectable()
export class SessionEnder {
  constructor(
    private readonly store: SessionStore,
    private readonly events: SessionEventPublisher,
  ) {}

  /**
   * Ends a session. The end is committed when this returns.
   * @param now milliseconds
   * @returns whether this call ended the session: of several that race, one does, and one event is published
   * @throws TemporarilyUnavailableError where the database can't commit the end
   */
  async end(
    id: string,
    reason: RevocationReason,
    now: number,
    { subject = null, policyReason }: EndDetails = {},
  ): Promise<boolean> {
    const ended = await this.store.end(id, reason, now, subject);
    if (ended) this.events.ended([ended], reason, now, policyReason);
    return ended !== undefined;
  }
}
