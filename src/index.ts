export { AuthModule, AuthModule as RefreshTokenModule } from './auth/auth.module.js';
export type { AuthModuleExtras } from './auth/auth.module-definition.js';
export type {
  AccessTokenOptions,
  AuthModuleOptions,
  AuthOptionsFactory,
  CookieOptions,
  OAuthOptions,
  RefreshTokenOptions,
  SessionOptions,
} from './auth/auth.options.js';
export {
  AuthError,
  ConfigurationError,
  ForbiddenOriginError,
  InsufficientScopeError,
  InvalidAccessTokenError,
  InvalidRefreshTokenError,
  InvalidRequestError,
  InvalidScopeError,
  MissingTokenError,
  NotFoundError,
  OAuthError,
  RequestTooLargeError,
  TemporarilyUnavailableError,
  type AccessTokenRefusal,
  type OAuthErrorCode,
  type RefusalReason,
  type UnavailableReason,
} from './auth/auth.errors.js';
export { AuthErrorFilter, AuthExceptionFilter } from './auth/auth.exception-filter.js';
export { AuthReply } from './auth/auth.reply.js';
export { ACCESS_TOKEN_STRATEGY, getAuthToken, REFRESH_TOKEN_STRATEGY } from './auth/auth.tokens.js';
export { Clock, SystemClock } from './auth/clock.js';
export type { Duration } from './auth/duration.js';
export { refreshTokenEntities } from './auth/entities.js';
export { mariadbEntities } from './auth/mariadb-entities.js';
export { ErrorHeaders } from './auth/error-headers.js';
export { accessTokenGuard, authErrorFilter, refreshTokenGuard } from './auth/named-parts.js';
export { RandomSource, SystemRandomSource } from './auth/random.js';
export type { AccessTokenClaims } from './auth/access-token/access-token.claims.js';
export { AccessTokenGuard, type AccessTokenRequest } from './auth/access-token/access-token.guard.js';
export { AccessTokenKey } from './auth/access-token/access-token-key.entity.js';
export { AccessTokenVerifier, type VerifyOptions } from './auth/access-token/access-token.verifier.js';
export { CurrentToken } from './auth/access-token/current-token.decorator.js';
export { JwksController } from './auth/access-token/jwks.controller.js';
export type { JsonWebKeySet } from './auth/access-token/access-token.keys.js';
export { RequireScope } from './auth/access-token/require-scope.decorator.js';
export { OAuthMetadataController } from './auth/oauth/oauth-metadata.controller.js';
export { OAuthController } from './auth/oauth/oauth.controller.js';
export { TokenIntrospector, type TokenIntrospection } from './auth/oauth/token.introspector.js';
export { RefreshTokenCookies, type CookieTokenResponse } from './auth/cookie/refresh-token-cookies.js';
export type { ExchangeOptions } from './auth/refresh-token/exchange-terms.js';
export { LegacyTokens } from './auth/refresh-token/legacy-tokens.js';
export { LogoutController, type LogoutRequest } from './auth/refresh-token/logout.controller.js';
export { RefreshTokenController } from './auth/refresh-token/refresh-token.controller.js';
export { RefreshTokenGuard, type RefreshTokenRequest } from './auth/refresh-token/refresh-token.guard.js';
export { RefreshTokenSecret } from './auth/refresh-token/refresh-token-secret.entity.js';
export { RefreshTokenService, type RevokeSubjectOptions } from './auth/refresh-token/refresh-token.service.js';
export { RefreshTokenReader } from './auth/refresh-token/refresh-token.reader.js';
export type { RefreshToken } from './auth/refresh-token/refresh-token.js';
export type { IssuedSession, ScopedTokenResponse, TokenResponse } from './auth/refresh-token/token-response.js';
export { deviceOf, type Device } from './auth/session/device.js';
export type { IssueOptions } from './auth/session/issue-options.js';
export { LiveSessionGuard } from './auth/session/live-session.guard.js';
export { RefreshTokenSession } from './auth/session/refresh-token-session.entity.js';
export {
  SessionObserver,
  type ReuseDetectedEvent,
  type SessionCreatedEvent,
  type SessionEndedEvent,
  type SessionEvent,
  type SessionLostEvent,
  type SessionRefreshedEvent,
} from './auth/session/session.events.js';
export { SessionPolicy, type PolicyDecision, type PolicySession } from './auth/session/session.policy.js';
export type { SessionListResponse, SessionResponse } from './auth/session/session.response.js';
export {
  SessionService,
  type EndSessionOptions,
  type EndSessionsOptions,
  type ListSessionsOptions,
  type SessionInfo,
  type SessionPage,
  type UpdateSessionsOptions,
} from './auth/session/session.service.js';
export { SessionsController } from './auth/session/sessions.controller.js';
export type { CustomClaims, RevocationReason } from './auth/session/session.js';
export { cockroachMigrations } from './migrations/cockroach.js';
export { mariadbMigrations } from './migrations/mariadb.js';
export { postgresMigrations } from './migrations/postgres.js';
export { sqliteMigrations } from './migrations/sqlite.js';
