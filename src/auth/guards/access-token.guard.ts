import { Inject, Injectable, Optional, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { AccessTokenClaims } from '../access-token/access-token.claims.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import { InsufficientScopeError, InvalidAccessTokenError } from '../auth.errors.js';
import { bearerCredentials, OTHER_ACCESS_TOKEN, type AuthRequest } from '../http/auth.request.js';
import { ErrorHeaders } from '../http/error-headers.js';
import { accessTokenStrategyName, AUTH_MODULE_NAME } from '../injection-tokens.js';
import { BearerGuard } from './bearer.guard.js';
import { admittedClaims } from './current-token.decorator.js';
import { OWN_CREDENTIALS } from './own-credentials.decorator.js';
import { REQUIRED_SCOPE } from './require-scope.decorator.js';

/** A request that the access-token guard let through. */
export interface AccessTokenRequest<TClaims extends object = Record<string, unknown>> extends AuthRequest {
  /** The verified claims. */
  readonly accessToken: AccessTokenClaims<TClaims>;
}

/**
 * Lets a request through that presents a good access token of this module in the `Authorization` header, and leaves the
 * token's claims at `request.accessToken` (`@CurrentToken()`). A route's `@RequireScope()` is asked for, too. As an
 * `APP_GUARD` it guards every route but the module's own. A refusal is answered as RFC 6750 §3 has it: 401
 * `invalid_token`, 403 `insufficient_scope`.
 *
 * @example
 * @UseGuards(AccessTokenGuard)
 * @Controller('orders')
 */
@Injectable()
export class AccessTokenGuard extends BearerGuard {
  /** Not a parameter of the constructor: a subclass may have other parameters there. */
  @Optional() @Inject(AUTH_MODULE_NAME) private readonly moduleName?: string;

  constructor(
    protected readonly accessTokens: AccessTokenVerifier,
    protected readonly reflector: Reflector,
    errorHeaders: ErrorHeaders,
  ) {
    super(
      {
        strategy: () => this.strategy,
        property: 'accessToken',
        otherToken: OTHER_ACCESS_TOKEN,
        credentialsOf: bearerCredentials,
        prove: (token) => this.prove(token),
        malformed: () => new InvalidAccessTokenError('malformed'),
      },
      errorHeaders,
    );
  }

  /** The name of the module's Passport strategy. */
  protected get strategy(): string {
    return accessTokenStrategyName(this.moduleName);
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    // A global guard stands before the module's own endpoints, too.
    return this.reflector.get<boolean | undefined>(OWN_CREDENTIALS, context.getClass()) || super.canActivate(context);
  }

  /** The claims of a good token, or an `AuthError` is thrown. Override it to ask for more. */
  protected prove(token: string): Promise<AccessTokenClaims> {
    return this.accessTokens.verify(token);
  }

  /** Asks for the scope of `@RequireScope()`. Override it to ask for more, and call it: `@CurrentToken()` needs it. */
  protected override async admit(request: AccessTokenRequest, context: ExecutionContext): Promise<boolean> {
    const targets = [context.getClass(), context.getHandler()];
    const required = this.reflector.getAll<(readonly string[] | undefined)[]>(REQUIRED_SCOPE, targets).flat();
    const granted = new Set(request.accessToken.scope?.split(' '));
    const words = required.filter((word) => word !== undefined);
    if (words.some((word) => !granted.has(word))) throw new InsufficientScopeError([...new Set(words)].join(' '));
    admittedClaims.set(request, request.accessToken);
    return true;
  }
}
