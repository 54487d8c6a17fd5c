import type { Abstract, InjectionToken, Type } from '@nestjs/common';

/** Injection token of the DataSource the module works on. */
export const AUTH_DATA_SOURCE = Symbol('nest-refresh-token:data-source');

/** Injection token of the resolved, validated options, `ResolvedOptions`. */
export const RESOLVED_OPTIONS = Symbol('nest-refresh-token:resolved-options');

/** Injection token of the module's name, `undefined` for the one that has none. */
export const AUTH_MODULE_NAME = Symbol('nest-refresh-token:name');

/** Injection tokens of the host's own parts; each is optional. */
export const SESSION_POLICY = Symbol('nest-refresh-token:session-policy');
export const SESSION_OBSERVER = Symbol('nest-refresh-token:session-observer');
export const LEGACY_TOKENS = Symbol('nest-refresh-token:legacy-tokens');

/** The name under which Passport knows the refresh-token strategy. Namespaced, since Passport's registry is global. */
export const REFRESH_TOKEN_STRATEGY = 'nest-refresh-token';

/**
 * The name under which Passport knows the access-token strategy. It proves a token for a guard of this module only:
 * behind `AuthGuard(ACCESS_TOKEN_STRATEGY)` alone, every token is refused.
 */
export const ACCESS_TOKEN_STRATEGY = accessTokenStrategyName();

/** The refresh-token strategy's name of the module with this name. */
export function refreshTokenStrategyName(moduleName?: string): string {
  return moduleName === undefined ? REFRESH_TOKEN_STRATEGY : `${REFRESH_TOKEN_STRATEGY}:${moduleName}`;
}

/** The access-token strategy's name of the module with this name. */
export function accessTokenStrategyName(moduleName?: string): string {
  return `${refreshTokenStrategyName(moduleName)}/access-token`;
}

/** What stands for the name of the module that has none where its injection tokens must not be the classes. */
export const NO_NAME = '';

const namedTokens = new Map<string, Map<unknown, InjectionToken>>();

/**
 * The injection token of something that a module with a name exports; of the module without one, it is the class.
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
