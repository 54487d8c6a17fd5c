import type { JsonWebKeySet } from '../keys/signing-key.js';
import type { Duration } from '../formats/duration.js';

/** Options of refresh tokens. */
export interface RefreshTokenOptions {
  /**
   * The secrets that tokens are made with, at least 32 characters each. All verify. The first mints, once it has been
   * known for `keyActivationDelay`. Keep a replaced secret behind the new one until its tokens have expired.
   */
  secrets: readonly string[];
  /** Fingerprints (16 hex digits) of secrets that were given up. Holders of their tokens are signed out. */
  retiredSecrets?: readonly string[] | undefined;
  /**
   * The text that every token begins with: at most 32 letters, digits, `_` and `-`. Default `rt_`. Set the prefix once:
   * another prefix signs every user out.
   */
  prefix?: string | undefined;
  /** For how long after a rotation every request gets the same successor. Default 10 s, at most 5 min, 0 allowed. */
  leeway?: Duration | undefined;
  /** After how long without a refresh a session ends. Default 30 d, must be more than the leeway. */
  idleTtl?: Duration | undefined;
  /** After how long a session ends, however often it refreshes. Default 365 d, at least 1 s. */
  absoluteTtl?: Duration | undefined;
  /**
   * How the module judges the last used token when a client presents that token again after the leeway. `forgive`
   * (default): the response was lost, and the client gets a new successor. `revoke`: two clients hold the token, and the
   * session ends.
   */
  lostResponse?: 'forgive' | 'revoke' | undefined;
}

/** The options of access tokens besides the keys that sign them. */
export interface AccessTokenCommonOptions {
  /** The `iss` claim: the URL at which clients reach this server, or another text. */
  issuer: string;
  /** The `aud` claim. Default: the issuer. */
  audience?: string | readonly string[] | undefined;
  /** How long an access token lives, but never longer than its session. Default 1 h, at least 1 s. */
  ttl?: Duration | undefined;
  /** How far the clock of the server that signed an access token may be off. Default 0, at most 5 min. */
  clockTolerance?: Duration | undefined;
  /**
   * Whether the guards refuse an access token as soon as its session has ended, at the cost of one SELECT a request.
   * Default false: the token is good until it expires.
   */
  checkSession?: boolean | undefined;
}

/** Access tokens are signed by a key that other servers can verify with: ES256 or RS256. */
export interface SigningKeysOptions {
  /**
   * A set of private JWKs (RFC 7517). The public halves of all are published. The first signs, once it has been known for
   * `keyActivationDelay`.
   */
  keys: JsonWebKeySet;
}

/** Access tokens are signed by a secret that the host shares with its own guards. */
export interface SharedSecretOptions {
  /** `HS256`, the one algorithm with a secret. */
  algorithm: 'HS256';
  /** The secret that the host's JWT guard verifies with. */
  secret: string;
}

/** Options of access tokens: a JWK set whose first key signs (ES256, RS256), or the host's own secret (HS256). */
export type AccessTokenOptions = AccessTokenCommonOptions & (SigningKeysOptions | SharedSecretOptions);

/** Options of sessions. */
export interface SessionOptions {
  /**
   * For how long after its last token the row of an ended session is kept. A row that is missing before then counts as
   * lost. Default: the absolute life. If you raise the retention, tokens whose rows are already deleted get 503 until
   * the difference has passed. With `legacyTokens`, set the longest life of those tokens.
   */
  retention?: Duration | undefined;
  /**
   * Whether every instance deletes rows past their retention, a few at a time. Default true. Before you start on a
   * restored backup, set `false` if the retention is shorter than the absolute life and than the backup's age.
   */
  purge?: boolean | undefined;
  /**
   * The answer to an authentic token whose session has no row: `unavailable` (default, 503: a restore lost the row) or
   * `refuse` (401: the operator has accepted the loss).
   */
  lostSessions?: 'unavailable' | 'refuse' | undefined;
  /** How many live sessions a subject may have, at least 1. One login more ends the oldest. Default: any number. */
  maxSessionsPerSubject?: number | undefined;
  /**
   * The emergency brake: while this option is set, sessions that were created before that time are refused. A time that
   * has passed, as a `Date` or in RFC 3339.
   */
  notBefore?: Date | string | undefined;
  /** Whether `User-Agent` and IP address are recorded, at login and at each rotation. Default true. */
  recordDevice?: boolean | undefined;
  /**
   * The answer to a refresh when the host's policy fails: `unavailable` (default, 503, and the token isn't rotated) or
   * `allow` (tokens with the stored claims).
   */
  onPolicyFailure?: 'unavailable' | 'allow' | undefined;
  /** How long a call of the host's policy, or of its resolver of old tokens, may take. Default 2 s, 1 s to 4 s. */
  policyTimeout?: Duration | undefined;
}

/** Options of the cookie that browsers keep the refresh token in. */
export interface CookieOptions {
  /**
   * The origins of the pages that may refresh and log out with the cookie, such as `https://app.example.com`. Pages of
   * the endpoint's own origin always may. Every other page is refused, since browsers send the cookie for any page.
   */
  origins?: readonly string[] | undefined;
  /**
   * The cookie's name, 1 to 64 characters. Default `__Host-refresh_token`: no subdomain and no page without TLS can set
   * a cookie with the prefix `__Host-` (RFC 6265bis §4.1.3). They can set a second cookie of another name, and a request
   * with two is refused (400).
   */
  name?: string | undefined;
  /** The cookie's `SameSite`. Default `strict`. Pages of another site need `none`, and a place among the `origins`. */
  sameSite?: 'strict' | 'lax' | 'none' | undefined;
}

/** Options of the OAuth endpoints, where `OAuthController` and `OAuthMetadataController` are served. */
export interface OAuthOptions {
  /** The URL at which clients reach the endpoints, without `/token`. Default: `<issuer>/oauth`. */
  url?: string | undefined;
  /** The URL at which clients reach the JWK set. Default: the metadata name none. */
  jwksUrl?: string | undefined;
}

/** The options that stand in no group. */
export interface ModuleWideOptions {
  /** Keys of your backends, at least 24 printable characters each. A backend with a key may introspect tokens. */
  serviceKeys?: readonly string[] | undefined;
  /**
   * For how long a new signing key or secret is known before it is used. Default 5 min. A roll-out must reach every
   * instance within four fifths of it. With 0 nothing waits.
   */
  keyActivationDelay?: Duration | undefined;
}

/** Options of `AuthModule.forRoot` and `forRootAsync`. */
export interface AuthModuleOptions extends ModuleWideOptions {
  refreshToken: RefreshTokenOptions;
  accessToken: AccessTokenOptions;
  session?: SessionOptions | undefined;
  /** The refresh token in a cookie, for browsers. Default: off; `{}` switches it on. */
  cookie?: CookieOptions | undefined;
  oauth?: OAuthOptions | undefined;
}

/** A class that makes the options, for `useClass` and `useExisting` of `forRootAsync`. */
export interface AuthOptionsFactory {
  createAuthOptions(): AuthModuleOptions | Promise<AuthModuleOptions>;
}
