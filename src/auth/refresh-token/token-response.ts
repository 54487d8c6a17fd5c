/** The answer to a good refresh, in the wire's shape. Lives are whole seconds. */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  /** The access token's life, in seconds. */
  readonly expires_in: number;
  readonly refresh_token: string;
  /** The refresh token's life where it isn't used, in seconds. */
  readonly refresh_expires_in: number;
}

/** The same for an OAuth client (RFC 6749 §5.1). */
export interface ScopedTokenResponse extends TokenResponse {
  /** The access token's scope, where it has one. */
  readonly scope?: string;
}

/** The first tokens of a session. */
export interface IssuedSession extends TokenResponse {
  readonly session_id: string;
  readonly subject: string;
}
