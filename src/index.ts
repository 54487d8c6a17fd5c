export { AuthModule, AuthModule as RefreshTokenModule } from './auth/auth.module.js';
export type { AuthModuleExtras } from './auth/auth.module-definition.js';
export type {
  AccessTokenOptions,
  AuthModuleOptions,
  AuthOptionsFactory,
  RefreshTokenOptions,
} from './auth/auth.options.js';
export {
  AuthError,
  ConfigurationError,
  InvalidRefreshTokenError,
  InvalidRequestError,
  MissingTokenError,
  RequestTooLargeError,
  TemporarilyUnavailableError,
  type RefusalReason,
  type UnavailableReason,
} from './auth/auth.errors.js';
export { AuthErrorFilter, AuthExceptionFilter } from './auth/auth.exception-filter.js';
export { AuthReply } from './auth/auth.reply.js';
export { REFRESH_TOKEN_STRATEGY } from './auth/auth.tokens.js';
export { Clock, SystemClock } from './auth/clock.js';
export type { Duration } from './auth/duration.js';
export { refreshTokenEntities } from './auth/entities.js';
export { RandomSource, SystemRandomSource } from './auth/random.js';
export { JwksController } from './auth/access-token/jwks.controller.js';
export type { JsonWebKeySet } from './auth/access-token/access-token.keys.js';
export { LogoutController, type LogoutRequest } from './auth/refresh-token/logout.controller.js';
export { RefreshTokenController } from './auth/refresh-token/refresh-token.controller.js';
export { RefreshTokenGuard, type RefreshTokenRequest } from './auth/refresh-token/refresh-token.guard.js';
export { RefreshTokenSecret } from './auth/refresh-token/refresh-token-secret.entity.js';
export { RefreshTokenService, type RevokeSubjectOptions } from './auth/refresh-token/refresh-token.service.js';
export type { RefreshToken } from './auth/refresh-token/refresh-token.js';
export type { IssuedSession, TokenResponse } from './auth/refresh-token/token-response.js';
export type { IssueOptions } from './auth/session/issue-options.js';
export { RefreshTokenSession } from './auth/session/refresh-token-session.entity.js';
export type { CustomClaims } from './auth/session/session.js';
export { postgresMigrations } from './migrations/postgres.js';
export { sqliteMigrations } from './migrations/sqlite.js';
