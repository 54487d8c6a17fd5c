import type { RevocationReason } from './session.js';

interface SessionEventBase {
  /** When the event happened, in milliseconds since the epoch. */
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

/** A client traded a refresh token for a new access token. */
export interface SessionRefreshedEvent extends SessionEventBase {
  readonly type: 'refreshed';
  readonly subject: string;
  /**
   * - `rotated`: a new refresh token was minted
   * - `repeated`: within the leeway, the client was handed the same refresh token again
   * - `recovered`: the last used token came again after the leeway, since its answer was lost
   * - `store_behind`: the token is newer than the database, which was restored or failed over. Where nobody restored
   *   the database, a secret has leaked
   */
  readonly outcome: 'rotated' | 'repeated' | 'recovered' | 'store_behind';
}

/** A session ended before its time. A session that had expired is ended too where all of a user's sessions end. */
export interface SessionEndedEvent extends SessionEventBase {
  readonly type: 'ended';
  readonly subject: string;
  readonly reason: RevocationReason;
  /** The policy's reason, where the host's policy ended the session; at most 200 characters. */
  readonly policyReason?: string;
}

/** A presented token proves that the session's tokens have a second holder. */
export interface ReuseDetectedEvent extends SessionEventBase {
  readonly type: 'reuse_detected';
  readonly subject: string;
}

/** The database has lost the session of an authentic token. */
export interface SessionLostEvent extends SessionEventBase {
  readonly type: 'session_lost';
}

/** An event of a session. No event holds a token. */
export type SessionEvent =
  SessionCreatedEvent | SessionRefreshedEvent | SessionEndedEvent | ReuseDetectedEvent | SessionLostEvent;

/**
 * Observes the events of sessions, each after its commit. Extend this class, and name yours as the module's
 * `sessionObserver`. No request waits for the observer. An error of the observer is logged and has no other effect.
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
  /**
   * Is called with each event, before the request is answered. Put long work into the promise that you return: no
   * request waits for it.
   */
  abstract observe(event: SessionEvent): void | Promise<void>;
}
