import { Module } from '@nestjs/common';
import { ConfigurableModuleClass } from './module/auth.module-definition.js';

/**
 * Refresh tokens for a Nest application: `POST /refresh_token`, the JWK set, `RefreshTokenService` for your login,
 * guards for your routes. Exported as `RefreshTokenModule` too, for hosts that have an `AuthModule` already.
 *
 * @example
 * AuthModule.forRoot({
 *   refreshToken: { secrets: [config.refreshTokenSecret] },
 *   accessToken: { issuer: 'https://api.example.com', algorithm: 'HS256', secret: config.jwtSecret },
 * })
 */
@Module({})
export class AuthModule extends ConfigurableModuleClass {}
