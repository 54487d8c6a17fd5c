import {
  ConfigurableModuleBuilder,
  Controller,
  VERSION_NEUTRAL,
  type DynamicModule,
  type InjectionToken,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { JwksController } from './access-token/jwks.controller.js';
import { ConfigurationError } from './auth.errors.js';
import type { AuthModuleOptions } from './auth.options.js';
import { AUTH_DATA_SOURCE } from './auth.tokens.js';
import { RefreshTokenController as DefaultController } from './refresh-token/refresh-token.controller.js';

/** What is decided when the module is declared, before any option is known. */
export interface AuthModuleExtras {
  /** Whether every module may inject what this one exports, without importing it. Default false. */
  isGlobal?: boolean;
  /** The injection token of the DataSource to work on. Default `DataSource`, the default one of @nestjs/typeorm. */
  dataSource?: InjectionToken;
  /** The path of the refresh endpoint. Default `refresh_token`. */
  path?: string;
  /**
   * The controllers to serve. Default: the refresh endpoint and the JWK set. Leave one out, or hand over a subclass
   * with your own decorators; a controller that is given stands at its own path.
   */
  controllers?: Type[] | undefined;
  /** Modules that provide what the module needs, such as the DataSource. */
  imports?: ModuleMetadata['imports'] | undefined;
}

const DEFAULT_PATH = 'refresh_token';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<AuthModuleOptions>({ moduleName: 'NestRefreshToken' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createAuthOptions')
    .setExtras<AuthModuleExtras>(
      // Every key is listed, so that none of them passes for an option.
      { isGlobal: false, dataSource: DataSource, path: DEFAULT_PATH, controllers: undefined, imports: undefined },
      withExtras,
    )
    .build();

function withExtras(definition: DynamicModule, extras: AuthModuleExtras): DynamicModule {
  const { isGlobal = false, dataSource = DataSource, path = DEFAULT_PATH, controllers, imports = [] } = extras;
  if (controllers && path !== DEFAULT_PATH) {
    throw new ConfigurationError(
      `path: got ${JSON.stringify(path)} beside controllers, takes a path only for the default ones; decorate yours with @Controller(${JSON.stringify(path)}).`,
    );
  }
  return {
    ...definition,
    global: isGlobal,
    imports: [...(definition.imports ?? []), ...imports],
    controllers: controllers ?? [refreshTokenControllerAt(path), JwksController],
    providers: [...(definition.providers ?? []), { provide: AUTH_DATA_SOURCE, useExisting: dataSource }],
  };
}

/** A path stands on a class, so another path takes another class. */
function refreshTokenControllerAt(path: string): Type {
  if (path === DEFAULT_PATH) return DefaultController;
  const Elsewhere = class RefreshTokenController extends DefaultController {};
  Controller({ path, version: VERSION_NEUTRAL })(Elsewhere);
  return Elsewhere;
}
