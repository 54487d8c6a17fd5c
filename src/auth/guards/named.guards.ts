import { Catch, Inject, Injectable, type Type } from '@nestjs/common';
import { HttpAdapterHost, Reflector } from '@nestjs/core';
import { AccessTokenGuard } from './access-token.guard.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import { AuthError } from '../auth.errors.js';
import { AuthErrorFilter } from '../http/auth.exception-filter.js';
import { accessTokenStrategyName, getAuthToken, refreshTokenStrategyName } from '../injection-tokens.js';
import { ErrorHeaders } from '../http/error-headers.js';
import { RefreshTokenGuard } from './refresh-token.guard.js';
import { RefreshTokenCookies } from '../http/refresh-token.cookies.js';
import { RefreshTokenReader } from '../refresh-token/refresh-token.reader.js';

const accessTokenGuards = new Map<string, Type<AccessTokenGuard>>();
const refreshTokenGuards = new Map<string, Type<RefreshTokenGuard>>();
const authErrorFilters = new Map<string, Type<AuthErrorFilter>>();

/**
 * The guard for access tokens of the module with this name; the same class each time.
 * @example @UseGuards(accessTokenGuard('partners'))
 */
export function accessTokenGuard(moduleName: string): Type<AccessTokenGuard> {
  return made(accessTokenGuards, moduleName, () => {
    @Injectable()
    class NamedAccessTokenGuard extends AccessTokenGuard {
      constructor(
        @Inject(getAuthToken(AccessTokenVerifier, moduleName)) accessTokens: AccessTokenVerifier,
        reflector: Reflector,
        @Inject(getAuthToken(ErrorHeaders, moduleName)) errorHeaders: ErrorHeaders,
      ) {
        super(accessTokens, reflector, errorHeaders);
      }

      protected override get strategy(): string {
        return accessTokenStrategyName(moduleName);
      }
    }
    return NamedAccessTokenGuard;
  });
}

/**
 * The guard for refresh tokens of the module with this name; the same class each time.
 * @example @UseGuards(refreshTokenGuard('partners'))
 */
export function refreshTokenGuard(moduleName: string): Type<RefreshTokenGuard> {
  return made(refreshTokenGuards, moduleName, () => {
    @Injectable()
    class NamedRefreshTokenGuard extends RefreshTokenGuard {
      constructor(
        @Inject(getAuthToken(RefreshTokenReader, moduleName)) reader: RefreshTokenReader,
        @Inject(getAuthToken(RefreshTokenCookies, moduleName)) cookies: RefreshTokenCookies,
        @Inject(getAuthToken(ErrorHeaders, moduleName)) errorHeaders: ErrorHeaders,
      ) {
        super(reader, cookies, errorHeaders);
      }

      protected override get strategy(): string {
        return refreshTokenStrategyName(moduleName);
      }
    }
    return NamedRefreshTokenGuard;
  });
}

/**
 * The filter for your own routes that use the module with this name; the same class each time.
 * @example @UseFilters(authErrorFilter('partners'))
 */
export function authErrorFilter(moduleName: string): Type<AuthErrorFilter> {
  return made(authErrorFilters, moduleName, () => {
    @Injectable()
    @Catch(AuthError)
    class NamedAuthErrorFilter extends AuthErrorFilter {
      constructor(
        adapterHost: HttpAdapterHost,
        @Inject(getAuthToken(ErrorHeaders, moduleName)) errorHeaders: ErrorHeaders,
      ) {
        super(adapterHost, errorHeaders);
      }
    }
    return NamedAuthErrorFilter;
  });
}

function made<T>(known: Map<string, T>, moduleName: string, make: () => T): T {
  const part = known.get(moduleName) ?? make();
  known.set(moduleName, part);
  return part;
}
