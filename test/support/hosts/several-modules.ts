import { Controller, Get, Inject, UseGuards, type DynamicModule, type Type } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import {
  AccessTokenGuard,
  accessTokenGuard,
  AuthModule,
  CurrentToken,
  getAuthToken,
  RefreshTokenGuard,
  refreshTokenGuard,
  RefreshTokenService,
  type AccessTokenClaims,
  type AuthModuleExtras,
  type AuthModuleOptions,
  type IssuedSession,
} from 'nest-refresh-token';
import { generateSecret, generateSigningKeys } from '../../../src/auth/keys/key-generation.js';
import type { TestDatabase } from '../databases/databases.js';
import { startHost, type Host } from './host.js';
import { dataSourceOn } from './host.js';

/** A module of the app: `undefined` is the one without a name. */
export type ModuleName = string | undefined;

/** What an app says of one of its modules, beside its name and its database. */
export type Declaration = Partial<AuthModuleOptions> & Omit<AuthModuleExtras, 'imports'> & { isAsync?: boolean };

/** Secrets and keys of a module's own. */
export function ownOptions(name: ModuleName): AuthModuleOptions {
  return {
    refreshToken: { secrets: [generateSecret()] },
    accessToken: { issuer: `https://${name ?? 'app'}.example.com`, keys: generateSigningKeys() },
  };
}

/** A module and its DataSource, which is called as it is. */
export function moduleOn(database: TestDatabase, name: ModuleName, declaration: Declaration = {}): DynamicModule[] {
  const { isAsync, refreshToken, accessToken, session, keyActivationDelay, ...extras } = declaration;
  const own = ownOptions(name);
  const options: AuthModuleOptions = {
    refreshToken: refreshToken ?? own.refreshToken,
    accessToken: accessToken ?? own.accessToken,
    session,
    keyActivationDelay,
  };
  const all = {
    ...(name !== undefined && { name, dataSource: getDataSourceToken(name) }),
    ...extras,
  };
  return [
    dataSourceOn(database, name === undefined ? {} : { name }),
    isAsync
      ? AuthModule.forRootAsync({ ...all, useFactory: () => options })
      : AuthModule.forRoot({ ...all, ...options }),
  ];
}

/** Routes of the app's own, `/<name>/access` and `/<name>/refresh`, each for the tokens of one module. */
export function guardedRoutes(name: ModuleName): Type {
  @Controller(String(name))
  class GuardedController {
    @Get('access')
    @UseGuards(name === undefined ? AccessTokenGuard : accessTokenGuard(name))
    access(@CurrentToken() { sub, iss }: AccessTokenClaims) {
      return { sub, iss };
    }

    @Get('refresh')
    @UseGuards(name === undefined ? RefreshTokenGuard : refreshTokenGuard(name))
    refresh() {
      return {};
    }
  }
  return GuardedController;
}

/** A login that asks one module for the tokens, injected as a host injects it. */
export function loginFor(name: ModuleName): Type {
  @Controller(`${String(name)}/login`)
  class LoginController {
    constructor(@Inject(getAuthToken(RefreshTokenService, name)) private readonly refreshTokens: RefreshTokenService) {}

    @Get()
    login(): Promise<IssuedSession> {
      return this.refreshTokens.issue({ subject: `user-of-${String(name)}` });
    }
  }
  return LoginController;
}

/** An app of modules, with routes for each. */
export function startApp(names: readonly ModuleName[], modules: readonly DynamicModule[]): Promise<Host> {
  return startHost({
    imports: [...modules],
    controllers: names.flatMap((name) => [guardedRoutes(name), loginFor(name)]),
  });
}

/** Where a module's refresh endpoint is, as it comes. */
export function pathOf(name: ModuleName): string {
  return name === undefined ? '/refresh_token' : `/${name}/refresh_token`;
}
