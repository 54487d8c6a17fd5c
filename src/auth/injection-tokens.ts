import type { Abstract, InjectionToken, Type } from '@nestjs/common';

/** Injection token of the module's DataSource. */
export const AUTH_DATA_SOURCE = Symbol('nest-refresh-token:data-source');

/** Injection token of the resolved, validated options, `ResolvedOptions`. */
export const RESOLVED_OPTIONS = Symbol('nest-refresh-token:resolved-options');

/** Injection token of the module's name; the value is `undefined` for the module without a name. */
export const AUTH_MODULE_NAME = Symbol('nest-refresh-token:name');

/** Injection tokens of the host's own classes. Each of them is optional. */
export const SESSION_POLICY = Symbol('nest-refresh-token:session-policy');
export const SESSION_OBSERVER = Symbol('nest-refresh-token:session-observer');
export const LEGACY_TOKENS = Symbol('nest-refresh-token:legacy-tokens');

/** The refresh-token strategy's name in Passport. The name is long, since all libraries share Passport's registry. */
export const REFRESH_TOKEN_STRATEGY = 'nest-refresh-token';

/**
 * The access-token strategy's name in Passport. The strategy proves a token for the guards of this module only: behind
 * a bare `AuthGuard(ACCESS_TOKEN_STRATEGY)`, the strategy refuses every token.
 */
export const ACCESS_TOKEN_STRATEGY = accessTokenStrategyName();

/** The name of the refresh-token strategy of a module, given the module's name. */
export function refreshTokenStrategyName(moduleName?: string): string {
  return moduleName === undefined ? REFRESH_TOKEN_STRATEGY : `${REFRESH_TOKEN_STRATEGY}:${moduleName}`;
}

/** The name of the access-token strategy of a module, given the module's name. */
export function accessTokenStrategyName(moduleName?: string): string {
  return `${refreshTokenStrategyName(moduleName)}/access-token`;
}

/** The name of the module without a name, where that module's injection tokens must differ from the classes. */
export const NO_NAME = '';

const namedTokens = new Map<string, Map<unknown, InjectionToken>>();

/**
 * The injection token of a class that a module exports. For the module without a name, the token is the class itself.
 * @example @Inject(getAuthToken(RefreshTokenService, 'partners')) private readonly refreshTokens: RefreshTokenService
 */
export function getAuthToken(exported: Type | Abstract<unknown> | symbol, moduleName?: string): InjectionToken {
  if (moduleName === undefined) return exported;
  const tokens = namedTokens.get(moduleName) ?? new Map<unknown, InjectionToken>();
  namedTokens.set(moduleName, tokens);
  let token = tokens.get(exported);
  if (token === undefined) {
    const what = typeof exported === 'symbol' ? exported.description : exported.name;
    token = Symbol(`${what}:${moduleName}`);
    tokens.set(exported, token);
  }
  return token;
}
