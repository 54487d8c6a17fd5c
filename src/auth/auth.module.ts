import { Module } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { AccessTokenIssuer } from './access-token/access-token.issuer.js';
import { AuthErrorFilter, AuthExceptionFilter } from './auth.exception-filter.js';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './auth.module-definition.js';
import { resolveAuthOptions } from './auth.options.js';
import { AuthReply } from './auth.reply.js';
import { AUTH_SETTINGS } from './auth.tokens.js';
import { Clock, SystemClock } from './clock.js';
import { Database } from './database/database.js';
import { RandomSource, SystemRandomSource } from './random.js';
import { RefreshTokenCodec } from './refresh-token/refresh-token.codec.js';
import { RefreshTokenGuard } from './refresh-token/refresh-token.guard.js';
import { RefreshTokenService } from './refresh-token/refresh-token.service.js';
import { RefreshTokenStrategy } from './refresh-token/refresh-token.strategy.js';
import { SecretRegistry } from './refresh-token/secret.registry.js';
import { SessionStore } from './session/session.store.js';

/**
 * Refresh tokens for a Nest application: `POST /refresh_token`, the JWK set, and `RefreshTokenService` for your
 * login. Exported as `RefreshTokenModule` too, for hosts that have an `AuthModule` already.
 *
 * @example
 * AuthModule.forRoot({
 *   refreshToken: { secrets: [config.refreshTokenSecret] },
 *   accessToken: { issuer: 'https://api.example.com', algorithm: 'HS256', secret: config.jwtSecret },
 * })
 */
@Module({
  providers: [
    { provide: AUTH_SETTINGS, useFactory: resolveAuthOptions, inject: [MODULE_OPTIONS_TOKEN] },
    { provide: Clock, useClass: SystemClock },
    { provide: RandomSource, useClass: SystemRandomSource },
    // Our own, without defaults: a host's global JwtModule must not decide how access tokens are signed.
    { provide: JwtService, useFactory: () => new JwtService({}) },
    AccessTokenIssuer,
    AuthErrorFilter,
    AuthExceptionFilter,
    AuthReply,
    Database,
    RefreshTokenCodec,
    RefreshTokenGuard,
    RefreshTokenService,
    RefreshTokenStrategy,
    SecretRegistry,
    SessionStore,
  ],
  exports: [
    AuthErrorFilter,
    AuthExceptionFilter,
    AuthReply,
    Clock,
    Database,
    RandomSource,
    RefreshTokenCodec,
    RefreshTokenGuard,
    RefreshTokenService,
    AUTH_SETTINGS,
  ],
})
export class AuthModule extends ConfigurableModuleClass {}
