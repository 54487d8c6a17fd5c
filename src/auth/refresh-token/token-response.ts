/** The answer to a good refresh, in the wire's shape. Lives are whole seconds. */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  /** The access token's life, in seconds. */
  readonly expires_in: number;
  readonly refresh_token: string;
  /** How long the refresh token is good where no client uses it, in seconds. */
  readonly refresh_expires_in: number;
}

/** The answer to an OAuth client's good refresh (RFC 6749 §5.1). */
export interface ScopedTokenResponse extends TokenResponse {
  /** The access token's scope, where it has one. */
  readonly scope?: string;
}

/** The first tokens of a session. */
export interface IssuedSession extends TokenResponse {
  readonly session_id: string;
  readonly subject: string;
}
