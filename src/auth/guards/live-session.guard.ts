import { Injectable } from '@nestjs/common';
import type { AccessTokenClaims } from '../access-token/access-token.claims.js';
import { AccessTokenGuard } from './access-token.guard.js';

/**
 * `AccessTokenGuard` that also asks whether the token's session is alive, whatever `accessToken.checkSession` says, for
 * one SELECT a request. For routes that a user who was signed out must not reach for the rest of an access token's life.
 * @example
 * @UseGuards(LiveSessionGuard)
 * @Post('log-out-everywhere')
 */
@Injectable()
export class LiveSessionGuard extends AccessTokenGuard {
  protected override prove(token: string): Promise<AccessTokenClaims> {
    return this.accessTokens.verify(token, { checkSession: true });
  }
}
