/** The claims of a verified access token (RFC 9068 §2.2), and the host's own as `TClaims`. Times are seconds. */
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
  readonly auth_time: number;
  readonly client_id?: string;
  /** Space-separated words. */
  readonly scope?: string;
};

/** The claims that a guard has let through: what a client sends may look like them, and is never among them. */
export const admittedClaims = new WeakSet<object>();
