import { Injectable, type ExecutionContext } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { AuthError, InvalidRefreshTokenError, MissingTokenError } from '../auth.errors.js';
import { presentsBearer, requireTokenInHeaderOnly, type AuthRequest } from '../auth.request.js';
import { REFRESH_TOKEN_STRATEGY } from '../auth.tokens.js';
import { challengeOf, toHttpException } from '../error-response.js';
import { RefreshTokenCodec } from './refresh-token.codec.js';
import type { RefreshToken } from './refresh-token.js';
import { REQUEST_CODEC } from './refresh-token.strategy.js';

/** A request that a guard of this module let through. */
export interface RefreshTokenRequest extends AuthRequest {
  /** The proved token. */
  readonly refreshToken: RefreshToken;
}

/**
 * Lets a request through that presents an authentic refresh token, in the `Authorization` header and nowhere else,
 * and leaves it at `request.refreshToken`. Whether its session is alive is the service's to say.
 * Throws HttpExceptions only, so that it can guard a host's own route.
 */
@Injectable()
export class RefreshTokenGuard extends AuthGuard(REFRESH_TOKEN_STRATEGY) {
  constructor(
    private readonly codec: RefreshTokenCodec,
    private readonly adapterHost: HttpAdapterHost,
  ) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthRequest & { [REQUEST_CODEC]?: RefreshTokenCodec }>();
    try {
      requireTokenInHeaderOnly(request);
      if (!presentsBearer(request)) throw new MissingTokenError();
      request[REQUEST_CODEC] = this.codec;
      return (await super.canActivate(context)) as boolean;
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      const challenge = challengeOf(error);
      const response = context.switchToHttp().getResponse<unknown>();
      if (challenge) this.adapterHost.httpAdapter.setHeader(response, ...challenge);
      throw toHttpException(error);
    }
  }

  /** Pinned: a host's PassportModule may have set other defaults. */
  override getAuthenticateOptions(): { property: string; session: boolean } {
    return { property: 'refreshToken', session: false };
  }

  /** The strategy fails malformed credentials (`Bearer a b`) by itself, without an error. */
  override handleRequest<TUser>(error: unknown, token: TUser | false): TUser {
    if (error) throw error;
    if (!token) throw new InvalidRefreshTokenError('malformed');
    return token;
  }
}
