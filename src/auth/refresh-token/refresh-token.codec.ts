import { createHmac, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InvalidRefreshTokenError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { KeyRing } from '../key-ring/key-ring.js';
import { RefreshToken } from './refresh-token.js';
import type { TokenSecret } from '../keys/token-secret.js';

// In bytes: secret id 1 · handle 16 · number 6 · tag 22. These 45 bytes are 60 base64url characters without a spare bit,
// so length and alphabet are all there is to check: no two texts are the same token.
const HANDLE_AT = 1;
const NUMBER_AT = 17;
const TAG_AT = 23;
const SIZE = 45;
const TAG_SIZE = SIZE - TAG_AT;
const TEXT = /^[A-Za-z0-9_-]{60}$/;

/** The size of a session's random handle, in bytes. */
export const HANDLE_SIZE = NUMBER_AT - HANDLE_AT;

/**
 * Refresh tokens as text. Tokens are derived, not stored: the same session, number and secret always give the same
 * token, and a forged token is refused before any database work.
 */
@Injectable()
export class RefreshTokenCodec {
  private readonly prefix: string;

  constructor(
    private readonly keyRing: KeyRing,
    @Inject(RESOLVED_OPTIONS) options: ResolvedOptions,
  ) {
    this.prefix = options.refreshToken.prefix;
  }

  /** The token's text, made with `secret`. */
  encode(token: RefreshToken, secret: TokenSecret): string {
    const bytes = Buffer.allocUnsafe(SIZE);
    bytes[0] = secret.id;
    token.handle().copy(bytes, HANDLE_AT);
    bytes.writeUIntBE(token.number, NUMBER_AT, TAG_AT - NUMBER_AT);
    tagOf(bytes, secret).copy(bytes, TAG_AT);
    return this.prefix + bytes.toString('base64url');
  }

  /**
   * Reads and proves a token.
   * @throws InvalidRefreshTokenError `malformed`, `unknown_secret` or `bad_mac`
   */
  decode(text: string): RefreshToken {
    // A host hands over whatever a client sent, `undefined` for a missing cookie.
    if (typeof text !== 'string') throw new InvalidRefreshTokenError('malformed');
    const encoded = text.startsWith(this.prefix) ? text.slice(this.prefix.length) : '';
    if (!TEXT.test(encoded)) throw new InvalidRefreshTokenError('malformed');
    const bytes = Buffer.from(encoded, 'base64url');

    const secret = this.keyRing.secrets.find(({ id }) => id === bytes[0]);
    if (!secret) throw new InvalidRefreshTokenError('unknown_secret');
    if (!timingSafeEqual(tagOf(bytes, secret), bytes.subarray(TAG_AT))) throw new InvalidRefreshTokenError('bad_mac');

    return new RefreshToken(bytes.subarray(HANDLE_AT, NUMBER_AT), bytes.readUIntBE(NUMBER_AT, TAG_AT - NUMBER_AT));
  }
}

function tagOf(bytes: Buffer, secret: TokenSecret): Buffer {
  return createHmac('sha256', secret.macKey).update(bytes.subarray(0, TAG_AT)).digest().subarray(0, TAG_SIZE);
}
