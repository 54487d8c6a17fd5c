import { isOrigin } from './formats/origin.js';

/** Why a refresh token was refused. For logs and events only: the client always reads `invalid_refresh_token`. */
export type RefusalReason =
  'malformed' | 'bad_mac' | 'unknown_secret' | 'unknown_session' | 'expired' | 'revoked' | 'reuse' | 'wrong_client';

/** Why an answer can't be given now. */
export type UnavailableReason = 'database' | 'contention' | 'session_lost' | 'deadline' | 'policy' | 'legacy_tokens';

/**
 * Base of every error this library throws on purpose. `code` is stable and part of the contract;
 * messages never hold a token, a key or a secret.
 */
export abstract class AuthError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The module was configured with something it can't run with. Thrown at boot; names the option and the value. */
export class ConfigurationError extends AuthError {
  readonly code = 'invalid_configuration';
}

/** The caller sent something that can't be understood; the message says what, and may be shown. */
export class InvalidRequestError extends AuthError {
  readonly code: string = 'invalid_request';
}

/** The request's body is larger than what is read. */
export class RequestTooLargeError extends InvalidRequestError {}

/** No bearer token was presented. */
export class MissingTokenError extends AuthError {
  readonly code = 'missing_token';

  constructor() {
    super('No bearer token was presented.');
  }
}

/** A page sent the refresh token's cookie that may not: cross-site request forgery, or an origin that isn't listed. */
export class ForbiddenOriginError extends AuthError {
  readonly code = 'forbidden_origin';
  /** The `Origin` header where it is an origin; else it could be any text, a token too. */
  readonly origin: string | undefined;

  constructor(origin: string | undefined) {
    const known = isOrigin(origin) ? origin : undefined;
    const got = known ?? (origin === undefined ? 'none' : 'something else');
    super(`Origin: got ${got}, takes the endpoint's own, or one of cookie.origins (CORS_ORIGINS).`);
    this.origin = known;
  }
}

/** An OAuth client asked for more scope than the session has, or for what is no scope (RFC 6749 §5.2). */
export class InvalidScopeError extends AuthError {
  readonly code = 'invalid_scope';

  constructor() {
    super('scope: got more than the session has, takes words of its scope.');
  }
}

/** The errors of RFC 6749 §5.2 and RFC 7009 §2.2.1 that have no class of their own. */
export type OAuthErrorCode =
  'invalid_request' | 'invalid_client' | 'invalid_grant' | 'unsupported_grant_type' | 'unsupported_token_type';

/** An OAuth client's request can't be granted; the message may be shown. */
export class OAuthError extends AuthError {
  constructor(
    readonly code: OAuthErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** A refresh token was presented and is not good. The session has to sign in again. */
export class InvalidRefreshTokenError extends AuthError {
  readonly code = 'invalid_refresh_token';

  constructor(
    /** Why; not for the client. */
    readonly reason: RefusalReason,
    /** The session the token names, where the token is authentic. */
    readonly sessionId?: string,
  ) {
    super(`The refresh token was refused: ${reason}.`);
  }
}

/** Why an access token was refused. For logs only: the client always reads `invalid_token`. */
export type AccessTokenRefusal =
  'malformed' | 'wrong_type' | 'unknown_key' | 'bad_signature' | 'expired' | 'wrong_claims' | 'session_ended';

/** An access token was presented and is not good here. A client refreshes it, and signs in again where that fails. */
export class InvalidAccessTokenError extends AuthError {
  readonly code = 'invalid_token';

  constructor(
    /** Why; not for the client. */
    readonly reason: AccessTokenRefusal,
    options?: ErrorOptions,
  ) {
    super(`The access token was refused: ${reason}.`, options);
  }
}

/** The access token is good, and doesn't reach far enough (RFC 6750 §3.1). */
export class InsufficientScopeError extends AuthError {
  readonly code = 'insufficient_scope';

  constructor(
    /** The scope that the route asks for, as space-separated words. */
    readonly scope: string,
  ) {
    super(`The access token lacks the scope: ${scope}.`);
  }
}

/** There is no such thing, or it isn't the caller's to know of. */
export class NotFoundError extends AuthError {
  readonly code = 'not_found';

  constructor() {
    super('There is no such thing here.');
  }
}

/** A service key was presented and is not one of ours. */
export class InvalidServiceKeyError extends AuthError {
  readonly code = 'invalid_service_key';

  constructor() {
    super('The service key is not one of those configured.');
  }
}

/** Nothing is known to be wrong with the request; the same request may succeed later. The client keeps its token. */
export class TemporarilyUnavailableError extends AuthError {
  readonly code = 'temporarily_unavailable';

  constructor(
    readonly reason: UnavailableReason,
    options?: ErrorOptions,
  ) {
    super(`The request can't be answered now: ${reason}.`, options);
  }
}
