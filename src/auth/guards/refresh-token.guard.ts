import { Inject, Injectable, Optional } from '@nestjs/common';
import { InvalidRefreshTokenError } from '../auth.errors.js';
import { OTHER_REFRESH_TOKEN, type AuthRequest } from '../http/auth.request.js';
import { AUTH_MODULE_NAME, refreshTokenStrategyName } from '../injection-tokens.js';
import { RefreshTokenCookies } from '../http/refresh-token.cookies.js';
import { BearerGuard } from './bearer.guard.js';
import { ErrorHeaders } from '../http/error-headers.js';
import type { RefreshToken } from '../refresh-token/refresh-token.js';
import { RefreshTokenReader } from '../refresh-token/refresh-token.reader.js';

/** A request that a guard of this module let through. */
export interface RefreshTokenRequest extends AuthRequest {
  /** The proved token. */
  readonly refreshToken: RefreshToken;
}

/**
 * Lets a request through that presents an authentic refresh token, in the `Authorization` header or, with the option
 * `cookie`, in its cookie, and leaves it at `request.refreshToken`. Whether its session is alive is the service's to say.
 * Throws HttpExceptions only, so that it can guard a host's own route.
 */
@Injectable()
export class RefreshTokenGuard extends BearerGuard {
  protected override readonly property = 'refreshToken';
  protected override readonly otherToken = OTHER_REFRESH_TOKEN;
  /** Not a parameter of the constructor: a subclass may have other parameters there. */
  @Optional() @Inject(AUTH_MODULE_NAME) private readonly moduleName?: string;

  constructor(
    protected readonly reader: RefreshTokenReader,
    private readonly cookies: RefreshTokenCookies,
    errorHeaders: ErrorHeaders,
  ) {
    super(errorHeaders);
  }

  protected override get strategy(): string {
    return refreshTokenStrategyName(this.moduleName);
  }

  /** In the header, or in the browser's cookie. */
  protected override credentialsOf(request: AuthRequest): string | undefined {
    const token = this.cookies.tokenIn(request);
    return token === undefined ? super.credentialsOf(request) : `Bearer ${token}`;
  }

  protected override prove(token: string): Promise<RefreshToken> {
    return this.reader.read(token);
  }

  protected override malformed(): InvalidRefreshTokenError {
    return new InvalidRefreshTokenError('malformed');
  }
}
