import { Inject, Injectable, Optional } from '@nestjs/common';
import { InvalidRefreshTokenError } from '../auth.errors.js';
import { bearerCredentials, OTHER_REFRESH_TOKEN, type AuthRequest } from '../http/auth.request.js';
import { ErrorHeaders } from '../http/error-headers.js';
import { RefreshTokenCookies } from '../http/refresh-token.cookies.js';
import { AUTH_MODULE_NAME, refreshTokenStrategyName } from '../injection-tokens.js';
import type { RefreshToken } from '../refresh-token/refresh-token.js';
import { RefreshTokenReader } from '../refresh-token/refresh-token.reader.js';
import { BearerGuard } from './bearer.guard.js';

/** A request that the refresh-token guard let through. */
export interface RefreshTokenRequest extends AuthRequest {
  /** The proved token. */
  readonly refreshToken: RefreshToken;
}

/**
 * Lets a request through that presents an authentic refresh token, in the `Authorization` header or, with the option
 * `cookie`, in the module's cookie, and leaves the token at `request.refreshToken`. The guard doesn't ask whether the
 * token's session is alive: `RefreshTokenService` does. It throws HttpExceptions only, so that it can guard a host's own
 * route.
 *
 * @example
 * @UseGuards(RefreshTokenGuard)
 * @Post('devices')
 */
@Injectable()
export class RefreshTokenGuard extends BearerGuard {
  /** Not a parameter of the constructor: a subclass may have other parameters there. */
  @Optional() @Inject(AUTH_MODULE_NAME) private readonly moduleName?: string;

  constructor(
    protected readonly reader: RefreshTokenReader,
    cookies: RefreshTokenCookies,
    errorHeaders: ErrorHeaders,
  ) {
    super(
      {
        strategy: () => this.strategy,
        property: 'refreshToken',
        otherToken: OTHER_REFRESH_TOKEN,
        credentialsOf: (request) => credentialsIn(cookies, request),
        prove: (token) => this.prove(token),
        malformed: () => new InvalidRefreshTokenError('malformed'),
      },
      errorHeaders,
    );
  }

  /** The name of the module's Passport strategy. */
  protected get strategy(): string {
    return refreshTokenStrategyName(this.moduleName);
  }

  /** The proved token, or an `AuthError` is thrown. Override it to ask for more. */
  protected prove(token: string): Promise<RefreshToken> {
    return this.reader.read(token);
  }
}

/** The credentials in the browser's cookie, or else in the header. */
function credentialsIn(cookies: RefreshTokenCookies, request: AuthRequest): string | undefined {
  const token = cookies.tokenIn(request);
  return token === undefined ? bearerCredentials(request) : `Bearer ${token}`;
}
