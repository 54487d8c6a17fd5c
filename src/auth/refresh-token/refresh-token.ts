import { hash } from 'node:crypto';

/** Domain separation: nothing else that is hashed here can collide with a session's id. */
const SESSION_ID_LABEL = new TextEncoder().encode('nest-refresh-token/session-id/v1');

/**
 * An authentic refresh token: one whose MAC was proved, or that is about to be encoded. The handle is what makes a
 * token out of a session, so it is private to this class and to the codec, and no log or JSON shows it.
 */
export class RefreshToken {
  /** The id of the session it names: a hash, so that neither logs nor the database can make a token. */
  readonly sessionId: string;
  readonly #handle: Buffer;

  constructor(
    handle: Buffer,
    /** The token's number: the millisecond at which it was minted. */
    readonly number: number,
    sessionId = sessionIdOf(handle),
  ) {
    this.#handle = handle;
    this.sessionId = sessionId;
  }

  /** The 16 random bytes that name the session. */
  handle(): Buffer {
    return this.#handle;
  }

  /** The token of the same session with another number. */
  withNumber(number: number): RefreshToken {
    return new RefreshToken(this.#handle, number, this.sessionId);
  }
}

function sessionIdOf(handle: Buffer): string {
  const hex = hash('sha256', Buffer.concat([SESSION_ID_LABEL, handle]), 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
