import { hash } from 'node:crypto';

/** Domain separation: nothing else that is hashed here can collide with a session's id. */
const SESSION_ID_LABEL = new TextEncoder().encode('nest-refresh-token/session-id/v1');

/**
 * An authentic refresh token: its MAC was proved, or it is about to be encoded. Whoever has the handle and a secret can
 * make tokens of the session, so the handle is private to this class and the codec, and no log or JSON shows it.
 */
export class RefreshToken {
  /** The id of the token's session: a hash of the handle, so that neither a log nor the database can make a token. */
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
