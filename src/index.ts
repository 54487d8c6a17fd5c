// The module, and the names under which its parts are injected
export { AuthModule, AuthModule as RefreshTokenModule } from './auth/auth.module.js';
export type { AuthModuleExtras } from './auth/module/auth.module-definition.js';
export { ACCESS_TOKEN_STRATEGY, getAuthToken, REFRESH_TOKEN_STRATEGY } from './auth/injection-tokens.js';

// Options of forRoot and forRootAsync
export type {
  AccessTokenOptions,
  AuthModuleOptions,
  AuthOptionsFactory,
  CookieOptions,
  OAuthOptions,
  RefreshTokenOptions,
  SessionOptions,
} from './auth/options/auth.options.js';
export type { Duration } from './auth/formats/duration.js';
export type { JsonWebKeySet } from './auth/keys/signing-key.js';

// Services to inject: issue and exchange refresh tokens
export { RefreshTokenService } from './auth/refresh-token/refresh-token.service.js';
export { RefreshTokenReader } from './auth/refresh-token/refresh-token.reader.js';
export type { RefreshToken } from './auth/refresh-token/refresh-token.js';
export type { ExchangeOptions } from './auth/refresh-token/requested-scope.js';
export type { IssuedSession, ScopedTokenResponse, TokenResponse } from './auth/refresh-token/token-response.js';
export type { IssueOptions } from './auth/session/issue-options.js';
export type { CustomClaims, RevocationReason } from './auth/session/session.js';
export { deviceOf } from './auth/http/device-of.js';
export type { Device } from './auth/session/device.js';

// Services to inject: list, name, change and end sessions
export {
  SessionService,
  type EndSessionOptions,
  type EndSessionsOptions,
  type ListSessionsOptions,
  type SessionInfo,
  type SessionPage,
  type UpdateSessionsOptions,
} from './auth/session/session.service.js';

// Services to inject: verify access tokens, introspect tokens
export { AccessTokenVerifier, type VerifyOptions } from './auth/access-token/access-token.verifier.js';
export type { AccessTokenClaims } from './auth/access-token/access-token.claims.js';
export { TokenIntrospector, type TokenIntrospection } from './auth/endpoints/oauth/token.introspector.js';

// Services to inject: answer requests in your own controllers
export { AuthReply } from './auth/http/auth.reply.js';
export { ErrorHeaders } from './auth/http/error-headers.js';
export { RefreshTokenCookies, type CookieTokenResponse } from './auth/http/refresh-token.cookies.js';

// Guards, decorators and exception filters for your routes
export { AccessTokenGuard, type AccessTokenRequest } from './auth/guards/access-token.guard.js';
export { LiveSessionGuard } from './auth/guards/live-session.guard.js';
export { RefreshTokenGuard, type RefreshTokenRequest } from './auth/guards/refresh-token.guard.js';
export { accessTokenGuard, authErrorFilter, refreshTokenGuard } from './auth/guards/named.guards.js';
export { CurrentToken } from './auth/guards/current-token.decorator.js';
export { RequireScope } from './auth/guards/require-scope.decorator.js';
export { AuthErrorFilter, AuthExceptionFilter } from './auth/http/auth.exception-filter.js';

// Controllers, to list in `controllers` or to extend
export { RefreshTokenController } from './auth/endpoints/refresh-token.controller.js';
export { LogoutController } from './auth/endpoints/logout.controller.js';
export type { LogoutRequest } from './auth/guards/logout.guard.js';
export { SessionsController } from './auth/endpoints/sessions.controller.js';
export type { SessionListResponse, SessionResponse } from './auth/endpoints/session.response.js';
export { JwksController } from './auth/endpoints/jwks.controller.js';
export { OAuthController } from './auth/endpoints/oauth/oauth.controller.js';
export { OAuthMetadataController } from './auth/endpoints/oauth/oauth-metadata.controller.js';

// Errors, all of them an AuthError with a stable `code`
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

// Entities and migrations for your DataSource
export { refreshTokenEntities } from './auth/module/entities.js';
export { mariadbEntities } from './auth/module/mariadb-entities.js';
export { RefreshTokenSession } from './auth/session/session.entity.js';
export { RefreshTokenSecret } from './auth/key-ring/token-secret.entity.js';
export { AccessTokenKey } from './auth/key-ring/signing-key.entity.js';
export { mariadbMigrations } from './migrations/mariadb.js';
export { postgresMigrations } from './migrations/postgres.js';
export { sqliteMigrations } from './migrations/sqlite.js';

// Extension points: classes that you extend and hand to the module
export {
  SessionObserver,
  type ReuseDetectedEvent,
  type SessionCreatedEvent,
  type SessionEndedEvent,
  type SessionEvent,
  type SessionLostEvent,
  type SessionRefreshedEvent,
} from './auth/session/session.observer.js';
export { SessionPolicy, type PolicyDecision, type PolicySession } from './auth/session/session.policy.js';
export { LegacyTokens } from './auth/refresh-token/legacy/legacy-tokens.js';

// Extension points: the module's time and randomness, to override in tests
export { Clock, SystemClock } from './auth/runtime/clock.js';
export { RandomSource, SystemRandomSource } from './auth/runtime/random.js';
