import type { RevocationReason } from './session.js';

interface SessionEventBase {
  /** When, in milliseconds since the epoch. */
  readonly at: number;
  /** The session's id, `sid` in access tokens. */
  readonly sessionId: string;
}

/** A session began. */
export interface SessionCreatedEvent extends SessionEventBase {
  readonly type: 'created';
  readonly subject: string;
  readonly clientId: string | null;
}

/** A refresh token was answered with another. */
export interface SessionRefreshedEvent extends SessionEventBase {
  readonly type: 'refreshed';
  readonly subject: string;
  /**
   * `rotated`: a new token was minted; `repeated`: within the leeway, the same one again; `recovered`: the last used
   * token came again, since its answer was lost; `store_behind`: the token is newer than the database, which was
   * restored or failed over. Without a restore, a secret has leaked.
   */
  readonly outcome: 'rotated' | 'repeated' | 'recovered' | 'store_behind';
}

/** A session was ended before its time; or after it, where all of a subject's are, so that nothing revives it. */
export interface SessionEndedEvent extends SessionEventBase {
  readonly type: 'ended';
  readonly subject: string;
  readonly reason: RevocationReason;
  /** What the host's policy said, where it was the policy that ended it; at most 200 characters. */
  readonly policyReason?: string;
}

/** A token was presented that proves a second holder. */
export interface ReuseDetectedEvent extends SessionEventBase {
  readonly type: 'reuse_detected';
  readonly subject: string;
}

/** An authentic token names a session that the database has lost. */
export interface SessionLostEvent extends SessionEventBase {
  readonly type: 'session_lost';
}

/** What happens to sessions; never a token. */
export type SessionEvent =
  SessionCreatedEvent | SessionRefreshedEvent | SessionEndedEvent | ReuseDetectedEvent | SessionLostEvent;

/**
 * Is told what happens to sessions, after it has been committed. Extend it, and name the class as the module's
 * `sessionObserver`. Nobody waits for it, and what it throws is logged and disturbs nothing.
 *
 * @example
 * @Injectable()
 * class SecurityMail extends SessionObserver {
 *   constructor(private readonly mailer: Mailer) { super(); }
 *   observe(event: SessionEvent) {
 *     if (event.type === 'reuse_detected') return this.mailer.warn(event.subject);
 *   }
 * }
 */
export abstract class SessionObserver {
  /** Is called before the request is answered: leave long work to a promise, which isn't waited for. */
  abstract observe(event: SessionEvent): void | Promise<void>;
}
