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

/** The settings of a module that are fixed where it is declared, before any option is known. */
export interface AuthModuleExtras {
  /**
   * The name of a second module in an application: letters, digits, `_` and `-`. A module with a name needs a
   * DataSource, secrets and keys of its own. Its Passport strategies are called `nest-refresh-token:<name>` and
   * `nest-refresh-token:<name>/access-token`. Its guards are `accessTokenGuard(name)` and `refreshTokenGuard(name)`.
   * Its providers are injected by `getAuthToken(…, name)`.
   */
  name?: string | undefined;
  /** Whether every module may inject this module's providers without importing the module. Default false. */
  isGlobal?: boolean;
  /** The injection token of the module's DataSource. Default: `DataSource`, the default one of `@nestjs/typeorm`. */
  dataSource?: InjectionToken;
  /**
   * The path of the refresh endpoint. Default: `refresh_token`, and `<name>/refresh_token` for a module with a name. The
   * JWK set of a module with a name stands at `<path>/.well-known/jwks.json`.
   */
  path?: string | undefined;
  /**
   * The module's controllers, in the place of the default ones (the refresh endpoint and the JWK set). Give a subclass
   * where a route needs your own decorators. A controller stands at its own path. In a module with a name, the
   * package's own controllers stand below that name.
   */
  controllers?: Type[] | undefined;
  /** Modules whose exports this module needs: the DataSource, and the dependencies of your own classes below. */
  imports?: ModuleMetadata['imports'] | undefined;
  /** Your decision on every mint. The class injects from `imports` and from global modules. */
  sessionPolicy?: Type<SessionPolicy> | undefined;
  /** Your observer of session events. */
  sessionObserver?: Type<SessionObserver> | undefined;
  /** Your resolver of the refresh tokens that you handed out before you used this module. */
  legacyTokens?: Type<LegacyTokens> | undefined;
}

const DEFAULT_PATH = 'refresh_token';
const JWKS_PATH = '.well-known';
/** The package's own controllers, and the path of each in a module with a name. */
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
      // Nest takes a key that is missing here for an option of the module.
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

/** A module with a name exports under that name only: Nest would mix up two modules that export the same classes. */
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

/** A controller of the package, below the name of its module: two modules must not serve one path. */
function below(name: string, controller: Type): Type {
  const path = OWN_CONTROLLERS.get(controller)?.(name);
  return path === undefined ? controller : controllerAt(path, controller);
}

/** A subclass of a controller at another path: Nest reads a controller's path from its class. */
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
