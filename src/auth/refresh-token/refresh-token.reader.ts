import { Injectable } from '@nestjs/common';
import { InvalidRefreshTokenError } from '../auth.errors.js';
import { LegacyTokenAdopter } from './legacy/legacy-token.adopter.js';
import { RefreshTokenCodec } from './refresh-token.codec.js';
import type { RefreshToken } from './refresh-token.js';

/**
 * Proves presented refresh tokens. The module's own are decoded, without any database work. A text that isn't one is
 * left to `LegacyTokenAdopter` where the module has `legacyTokens`: then a token that the host handed out before is
 * good, too.
 */
@Injectable()
export class RefreshTokenReader {
  constructor(
    private readonly codec: RefreshTokenCodec,
    private readonly legacyTokens: LegacyTokenAdopter,
  ) {}

  /**
   * The proved token of a text. The token's session may have ended: `RefreshTokenService` asks for it.
   * @param isLeaving whether the token's session is about to be ended: an old token then starts its session without
   * ending any other
   * @throws InvalidRefreshTokenError `malformed`, `unknown_secret` or `bad_mac`
   * @throws TemporarilyUnavailableError where a text may be an old token, and nobody can say so now
   * @example const token = await reader.read(presented);
   */
  async read(text: string, { isLeaving = false } = {}): Promise<RefreshToken> {
    try {
      return this.codec.decode(text);
    } catch (error) {
      const isMalformed = error instanceof InvalidRefreshTokenError && error.reason === 'malformed';
      if (!isMalformed || !this.legacyTokens.areThere) throw error;
      const adopted = await this.legacyTokens.adopt(text, isLeaving);
      if (!adopted) throw error;
      return adopted;
    }
  }
}
