import { Injectable } from '@nestjs/common';
import { InvalidRefreshTokenError } from '../auth.errors.js';
import type { AuthRequest } from '../http/auth.request.js';
import type { RefreshToken } from '../refresh-token/refresh-token.js';
import { RefreshTokenGuard } from './refresh-token.guard.js';

/** A request that the logout guard let through. */
export interface LogoutRequest extends AuthRequest {
  /** The proved token, or `null` where the token was forged. */
  readonly refreshToken: RefreshToken | null;
}

/** Lets a forged token through as `null`: a client that logs out with one is told nothing of it (RFC 7009 §2.2). */
@Injectable()
export class LogoutGuard extends RefreshTokenGuard {
  protected override prove(token: string): Promise<RefreshToken> {
    return this.reader.read(token, { isLeaving: true });
  }

  override handleRequest<TUser>(error: unknown, token: TUser | false): TUser {
    if (error instanceof InvalidRefreshTokenError || (!error && !token)) return null as TUser;
    return super.handleRequest(error, token);
  }
}
