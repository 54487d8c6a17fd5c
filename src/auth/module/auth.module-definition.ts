import {
  ConfigurableModuleBuilder,
  Controller,
  VERSION_NEUTRAL,
  type DynamicModule,
  type InjectionToken,
  type ModuleMetadata,
  type Provider,
  type Type,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { JwksController } from '../endpoints/jwks.controller.js';
import { ConfigurationError } from '../auth.errors.js';
import { type AuthModuleOptions } from '../options/auth.options.js';
import { resolveAuthOptions } from '../options/resolve-options.js';
import { AUTH_EXPORTS, AUTH_PROVIDERS } from './auth.providers.js';
import {
  accessTokenStrategyName,
  AUTH_DATA_SOURCE,
  AUTH_MODULE_NAME,
  RESOLVED_OPTIONS,
  getAuthToken,
  LEGACY_TOKENS,
  NO_NAME,
  refreshTokenStrategyName,
  SESSION_OBSERVER,
  SESSION_POLICY,
} from '../injection-tokens.js';
import { bearerStrategy } from '../guards/bearer.strategy.js';
import { Clock } from '../runtime/clock.js';
import type { LegacyTokens } from '../refresh-token/legacy/legacy-tokens.js';
import { METADATA_PATH } from '../formats/issuer-url.js';
import { OAuthMetadataController } from '../endpoints/oauth/oauth-metadata.controller.js';
import { OAuthController } from '../endpoints/oauth/oauth.controller.js';
import { LogoutController } from '../endpoints/logout.controller.js';
import { RefreshTokenController } from '../endpoints/refresh-token.controller.js';
import type { SessionObserver } from '../session/session.observer.js';
import type { SessionPolicy } from '../session/session.policy.js';
import { SessionsController } from '../endpoints/sessions.controller.js';

/** What is decided when the module is declared, before any option is known. */
export interface AuthModuleExtras {
  /**
   * Sets a second module of an application apart: its Passport strategies are `nest-refresh-token:<name>` and
   * `nest-refresh-token:<name>/access-token`, what it exports is injected by `getAuthToken(…, name)`, and its guards
   * are `accessTokenGuard(name)` and `refreshTokenGuard(name)`. Letters, digits, `_` and `-`. Give it a DataSource,
   * secrets and keys of its own.
   */
  name?: string | undefined;
  /** Whether every module may inject what this one exports, without importing it. Default false. */
  isGlobal?: boolean;
  /** The injection token of the DataSource to work on. Default `DataSource`, the default one of @nestjs/typeorm. */
  dataSource?: InjectionToken;
  /**
   * The path of the refresh endpoint. Default `refresh_token`; of a module with a name, `<name>/refresh_token`, and its
   * JWK set is at `<path>/.well-known/jwks.json`.
   */
  path?: string | undefined;
  /**
   * The controllers to serve. Default: the refresh endpoint and the JWK set. Leave one out, or hand over a subclass
   * with your own decorators; a controller that is given stands at its own path, and one of the package in a module
   * with a name below that name.
   */
  controllers?: Type[] | undefined;
  /** Modules that provide what the module needs: the DataSource, what your own parts inject. */
  imports?: ModuleMetadata['imports'] | undefined;
  /** Your say in every mint. Its dependencies come from `imports` and from global modules. */
  sessionPolicy?: Type<SessionPolicy> | undefined;
  /** Who is told what happens to sessions. */
  sessionObserver?: Type<SessionObserver> | undefined;
  /** Your refresh tokens of the time before this module. */
  legacyTokens?: Type<LegacyTokens> | undefined;
}

const DEFAULT_PATH = 'refresh_token';
const JWKS_PATH = '.well-known';
/** The package's own controllers, and where each stands in a module with a name. */
const OWN_CONTROLLERS: ReadonlyMap<Type, (name: string) => string> = new Map<Type, (name: string) => string>([
  [RefreshTokenController, (name) => `${name}/${DEFAULT_PATH}`],
  [JwksController, (name) => `${name}/${DEFAULT_PATH}/${JWKS_PATH}`],
  [LogoutController, (name) => `${name}/logout`],
  [SessionsController, (name) => `${name}/sessions`],
  [OAuthController, (name) => `${name}/oauth`],
  // RFC 8414 §3.1: an issuer's path stands behind it.
  [OAuthMetadataController, (name) => `${METADATA_PATH}/${name}`],
]);

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<AuthModuleOptions>({ moduleName: 'NestRefreshToken' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createAuthOptions')
    .setExtras<AuthModuleExtras>(
      // Every key is listed, so that none of them passes for an option.
      {
        name: undefined,
        isGlobal: false,
        dataSource: DataSource,
        path: undefined,
        controllers: undefined,
        imports: undefined,
        sessionPolicy: undefined,
        sessionObserver: undefined,
        legacyTokens: undefined,
      },
      withExtras,
    )
    .build();

function withExtras(definition: DynamicModule, extras: AuthModuleExtras): DynamicModule {
  const { name, isGlobal = false, imports = [] } = extras;
  requireName(name);
  return {
    ...definition,
    module: name === undefined ? definition.module : namedModule(name),
    global: isGlobal,
    imports: [...(definition.imports ?? []), ...imports],
    controllers: controllersOf(extras),
    providers: [...(definition.providers ?? []), ...AUTH_PROVIDERS, ...providersOf(extras)],
    exports: [...(definition.exports ?? []), ...exportsOf(name)],
  };
}

function providersOf({ name, dataSource = DataSource, ...parts }: AuthModuleExtras): Provider[] {
  const { sessionPolicy, sessionObserver, legacyTokens } = parts;
  return [
    { provide: AUTH_MODULE_NAME, useValue: name },
    { provide: AUTH_DATA_SOURCE, useExisting: dataSource },
    {
      provide: RESOLVED_OPTIONS,
      useFactory: (options: AuthModuleOptions, clock: Clock) => resolveAuthOptions(options, clock.now()),
      inject: [MODULE_OPTIONS_TOKEN, Clock],
    },
    bearerStrategy(refreshTokenStrategyName(name)),
    bearerStrategy(accessTokenStrategyName(name)),
    hostPart(SESSION_POLICY, sessionPolicy),
    hostPart(SESSION_OBSERVER, sessionObserver),
    hostPart(LEGACY_TOKENS, legacyTokens),
    ...AUTH_EXPORTS.map((exported) => ({ provide: getAuthToken(exported, name ?? NO_NAME), useExisting: exported })),
  ];
}

function hostPart(token: symbol, part: Type | undefined): Provider {
  return part ? { provide: token, useClass: part } : { provide: token, useValue: null };
}

/** Under a module's name only: two modules that exported the same classes would be taken for one another. */
function exportsOf(name: string | undefined): InjectionToken[] {
  const own = name === undefined ? [AUTH_MODULE_NAME] : [];
  return [...own, ...AUTH_EXPORTS.map((exported) => getAuthToken(exported, name))];
}

function controllersOf({ name, path, controllers }: AuthModuleExtras): Type[] {
  if (controllers) {
    if (path === undefined) return name === undefined ? controllers : controllers.map((one) => below(name, one));
    throw new ConfigurationError(
      `path: got ${JSON.stringify(path)} beside controllers, takes a path only for the default ones; decorate yours with @Controller(${JSON.stringify(path)}).`,
    );
  }
  if (name === undefined) {
    const isElsewhere = path !== undefined && path !== DEFAULT_PATH;
    return [isElsewhere ? controllerAt(path, RefreshTokenController) : RefreshTokenController, JwksController];
  }
  const at = path ?? `${name}/${DEFAULT_PATH}`;
  return [controllerAt(at, RefreshTokenController), controllerAt(`${at}/${JWKS_PATH}`, JwksController)];
}

/** Where a module's own controller stands that is served by one with a name: two at one path would be one too many. */
function below(name: string, controller: Type): Type {
  const path = OWN_CONTROLLERS.get(controller)?.(name);
  return path === undefined ? controller : controllerAt(path, controller);
}

/** A path stands on a class, so another path takes another class. */
export function controllerAt(path: string, Base: Type<object>): Type {
  const Elsewhere = class extends Base {};
  Object.defineProperty(Elsewhere, 'name', { value: Base.name });
  Controller({ path, version: VERSION_NEUTRAL })(Elsewhere);
  return Elsewhere;
}

function namedModule(name: string): Type {
  const Named = class {};
  Object.defineProperty(Named, 'name', { value: `AuthModule:${name}` });
  return Named;
}

function requireName(name: unknown): void {
  if (name === undefined || (typeof name === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(name))) return;
  throw new ConfigurationError(`name: got ${JSON.stringify(name)}, takes 1 to 64 letters, digits, _ and -.`);
}
