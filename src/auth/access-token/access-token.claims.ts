/**
 * The claims of a verified access token (RFC 9068 §2.2), and the host's own claims as `TClaims`. Times are seconds since
 * the epoch.
 */
export type AccessTokenClaims<TClaims extends object = Record<string, unknown>> = TClaims & {
  readonly iss: string;
  /** The user's id, as the host gave it. */
  readonly sub: string;
  readonly aud: string | readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly jti: string;
  /** The session's id. */
  readonly sid: string;
  /** When the session began. */
  readonly auth_time: number;
  readonly client_id?: string;
  /** What the token may be used for, as space-separated words. */
  readonly scope?: string;
};
