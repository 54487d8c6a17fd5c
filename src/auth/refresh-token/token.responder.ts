import { Injectable } from '@nestjs/common';
import { AccessTokenIssuer } from '../access-token/access-token.issuer.js';
import { KeyRing } from '../key-ring/key-ring.js';
import type { Session } from '../session/session.js';
import { RefreshTokenCodec } from './refresh-token.codec.js';
import type { RefreshToken } from './refresh-token.js';
import type { TokenResponse } from './token-response.js';

/** Makes the tokens that an answer holds. */
@Injectable()
export class TokenResponder {
  constructor(
    private readonly accessTokens: AccessTokenIssuer,
    private readonly codec: RefreshTokenCodec,
    private readonly keyRing: KeyRing,
  ) {}

  /**
   * A new access token of the session, and the refresh token that the session has handed out last.
   * @param token any token of the session
   * @param now milliseconds
   */
  respond(session: Session, token: RefreshToken, now: number): TokenResponse {
    const accessToken = this.accessTokens.issue(session, now);
    return {
      access_token: accessToken.token,
      token_type: 'Bearer',
      expires_in: accessToken.expiresIn,
      refresh_token: this.codec.encode(token.withNumber(session.issued), this.keyRing.secret),
      refresh_expires_in: Math.floor((session.expiresAt - now) / 1_000),
    };
  }
}
