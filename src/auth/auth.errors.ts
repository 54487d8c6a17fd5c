import { isOrigin } from './formats/origin.js';

/** Why a refresh token was refused. For logs and events only: the client always reads `invalid_refresh_token`. */
export type RefusalReason =
  'malformed' | 'bad_mac' | 'unknown_secret' | 'unknown_session' | 'expired' | 'revoked' | 'reuse' | 'wrong_client';

/** Why a request can't be answered now. */
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

/** The module can't run with its configuration. Thrown at the start; the message names the option and its value. */
export class ConfigurationError extends AuthError {
  readonly code = 'invalid_configuration';
}

/** The request can't be understood. The message names the part that is wrong, and may be shown to the caller. */
export class InvalidRequestError extends AuthError {
  readonly code: string = 'invalid_request';
}

/** The request's body is larger than the limit. */
export class RequestTooLargeError extends InvalidRequestError {}

/** No bearer token was presented. */
export class MissingTokenError extends AuthError {
  readonly code = 'missing_token';

  constructor() {
    super('No bearer token was presented.');
  }
}

/** A page sent the refresh token's cookie from an origin that is not allowed, as in cross-site request forgery. */
export class ForbiddenOriginError extends AuthError {
  readonly code = 'forbidden_origin';
  /** The request's `Origin` header. `undefined` where the header is no origin: its text might be a token. */
  readonly origin: string | undefined;

  constructor(origin: string | undefined) {
    const known = isOrigin(origin) ? origin : undefined;
    const got = known ?? (origin === undefined ? 'none' : 'something else');
    super(`Origin: got ${got}, takes the endpoint's own, or one of cookie.origins (CORS_ORIGINS).`);
    this.origin = known;
  }
}

/** An OAuth client asked for scope that the session does not have, or for a text that is no scope (RFC 6749 §5.2). */
export class InvalidScopeError extends AuthError {
  readonly code = 'invalid_scope';

  constructor() {
    super('scope: got more than the session has, takes words of its scope.');
  }
}

/** The error codes of RFC 6749 §5.2 and RFC 7009 §2.2.1 that have no class of their own. */
export type OAuthErrorCode =
  'invalid_request' | 'invalid_client' | 'invalid_grant' | 'unsupported_grant_type' | 'unsupported_token_type';

/** The server does not grant an OAuth client's request. The message may be shown to the client. */
export class OAuthError extends AuthError {
  constructor(
    readonly code: OAuthErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** A client presented a refresh token that is not good. The user has to sign in again. */
export class InvalidRefreshTokenError extends AuthError {
  readonly code = 'invalid_refresh_token';

  constructor(
    /** Why the token was refused. For your log; the client must not learn it. */
    readonly reason: RefusalReason,
    /** The id of the token's session, where the token is authentic. */
    readonly sessionId?: string,
  ) {
    super(`The refresh token was refused: ${reason}.`);
  }
}

/** Why an access token was refused. For logs only: the client always reads `invalid_token`. */
export type AccessTokenRefusal =
  'malformed' | 'wrong_type' | 'unknown_key' | 'bad_signature' | 'expired' | 'wrong_claims' | 'session_ended';

/** A client presented an access token that is not good here. The client refreshes, and signs in where that fails. */
export class InvalidAccessTokenError extends AuthError {
  readonly code = 'invalid_token';

  constructor(
    /** Why the token was refused. For your log; the client must not learn it. */
    readonly reason: AccessTokenRefusal,
    options?: ErrorOptions,
  ) {
    super(`The access token was refused: ${reason}.`, options);
  }
}

/** The access token is good, but lacks scope that the route asks for (RFC 6750 §3.1). */
export class InsufficientScopeError extends AuthError {
  readonly code = 'insufficient_scope';

  constructor(
    /** The scope that the route asks for: space-separated words. */
    readonly scope: string,
  ) {
    super(`The access token lacks the scope: ${scope}.`);
  }
}

/** Nothing of that name exists, or the caller may not know of it. */
export class NotFoundError extends AuthError {
  readonly code = 'not_found';

  constructor() {
    super('There is no such thing here.');
  }
}

/** A caller presented a service key that is not configured. */
export class InvalidServiceKeyError extends AuthError {
  readonly code = 'invalid_service_key';

  constructor() {
    super('The service key is not one of those configured.');
  }
}

/** The server can't answer now, and the same request may succeed later. The client keeps its token. */
export class TemporarilyUnavailableError extends AuthError {
  readonly code = 'temporarily_unavailable';

  constructor(
    readonly reason: UnavailableReason,
    options?: ErrorOptions,
  ) {
    super(`The request can't be answered now: ${reason}.`, options);
  }
}
