import { Inject, Injectable, Optional, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { InsufficientScopeError, InvalidAccessTokenError } from '../auth.errors.js';
import { OTHER_ACCESS_TOKEN, type AuthRequest } from '../http/auth.request.js';
import { accessTokenStrategyName, AUTH_MODULE_NAME } from '../injection-tokens.js';
import { BearerGuard } from './bearer.guard.js';
import { ErrorHeaders } from '../http/error-headers.js';
import { OWN_CREDENTIALS } from './own-credentials.decorator.js';
import { admittedClaims, type AccessTokenClaims } from '../access-token/access-token.claims.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import { REQUIRED_SCOPE } from './require-scope.decorator.js';

/** A request that the access-token guard let through. */
export interface AccessTokenRequest<TClaims extends object = Record<string, unknown>> extends AuthRequest {
  /** The verified claims. */
  readonly accessToken: AccessTokenClaims<TClaims>;
}

/**
 * Lets a request through that presents a good access token of this module, in the `Authorization` header and nowhere
 * else, and leaves its claims at `request.accessToken` (`@CurrentToken()`); asks for the scope of `@RequireScope()`.
 * As an `APP_GUARD` it guards every route but the module's own. Answers as RFC 6750 §3 has it: 401 `invalid_token`,
 * 403 `insufficient_scope`.
 *
 * @example
 * @UseGuards(AccessTokenGuard)
 * @Controller('orders')
 */
@Injectable()
export class AccessTokenGuard extends BearerGuard {
  protected override readonly property = 'accessToken';
  protected override readonly otherToken = OTHER_ACCESS_TOKEN;
  /** Not a parameter of the constructor: a subclass may have other parameters there. */
  @Optional() @Inject(AUTH_MODULE_NAME) private readonly moduleName?: string;

  constructor(
    protected readonly accessTokens: AccessTokenVerifier,
    protected readonly reflector: Reflector,
    errorHeaders: ErrorHeaders,
  ) {
    super(errorHeaders);
  }

  protected override get strategy(): string {
    return accessTokenStrategyName(this.moduleName);
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    // As a global guard it stands before the module's own endpoints, too.
    return this.reflector.get<boolean | undefined>(OWN_CREDENTIALS, context.getClass()) || super.canActivate(context);
  }

  protected override prove(token: string): Promise<AccessTokenClaims> {
    return this.accessTokens.verify(token);
  }

  protected override malformed(): InvalidAccessTokenError {
    return new InvalidAccessTokenError('malformed');
  }

  protected override async admit(request: AccessTokenRequest, context: ExecutionContext): Promise<boolean> {
    const targets = [context.getClass(), context.getHandler()];
    const required = this.reflector.getAll<(readonly string[] | undefined)[]>(REQUIRED_SCOPE, targets).flat();
    const granted = new Set(request.accessToken.scope?.split(' '));
    const words = required.filter((word) => word !== undefined);
    if (words.some((word) => !granted.has(word))) throw new InsufficientScopeError([...new Set(words)].join(' '));
    admittedClaims.add(request.accessToken);
    return true;
  }
}
