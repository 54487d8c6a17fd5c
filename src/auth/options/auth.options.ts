import type { JsonWebKeySet } from '../keys/signing-key.js';
import type { Duration } from '../formats/duration.js';

/** Options of refresh tokens. */
export interface RefreshTokenOptions {
  /**
   * The secrets tokens are made with, at least 32 characters each: the first mints, all verify. Keep a replaced one
   * behind the new one until its tokens have died.
   */
  secrets: readonly string[];
  /** Fingerprints (16 hex digits) of secrets that were given up: whoever holds one of their tokens is signed out. */
  retiredSecrets?: readonly string[] | undefined;
  /**
   * What a token begins with; letters, digits, `_`, `-`. Default `rt_`. Set it once: another one signs everybody out.
   */
  prefix?: string | undefined;
  /** For how long after a rotation everybody is handed the same successor. Default 10 s, at most 5 min, 0 allowed. */
  leeway?: Duration | undefined;
  /** After how long without a refresh a session ends. Default 30 d; more than the leeway. */
  idleTtl?: Duration | undefined;
  /** After how long a session ends however busy it is. Default 365 d. */
  absoluteTtl?: Duration | undefined;
  /**
   * What the last used token means when it is presented again after the leeway: `forgive` (default) takes it for a
   * lost response and mints a sibling; `revoke` for a second holder, and ends the session.
   */
  lostResponse?: 'forgive' | 'revoke' | undefined;
}

/** The options of access tokens besides the keys that sign them. */
export interface AccessTokenCommonOptions {
  /** The `iss` claim. */
  issuer: string;
  /** The `aud` claim. Default: the issuer. */
  audience?: string | readonly string[] | undefined;
  /** An access token's life. Default 1 h; cut to the session's. */
  ttl?: Duration | undefined;
  /** How far the clock of who signed an access token may be off, for the guards here. Default 0, at most 5 min. */
  clockTolerance?: Duration | undefined;
  /**
   * Whether an access token of an ended session is refused at once, at the cost of one SELECT a request. Default
   * false: it is good until it expires.
   */
  checkSession?: boolean | undefined;
}

/** Access tokens are signed by a key that other servers can verify with: ES256 or RS256. */
export interface SigningKeysOptions {
  /** Private JWKs, the first signs; all are published. */
  keys: JsonWebKeySet;
}

/** Access tokens are signed by a secret that the host shares with its own guards. */
export interface SharedSecretOptions {
  /** `HS256`, the one algorithm with a secret. */
  algorithm: 'HS256';
  /** The secret the host's JWT guard verifies with. */
  secret: string;
}

/** Options of access tokens: a JWK set whose first key signs (ES256, RS256), or the host's own secret (HS256). */
export type AccessTokenOptions = AccessTokenCommonOptions & (SigningKeysOptions | SharedSecretOptions);

/** Options of sessions. */
export interface SessionOptions {
  /**
   * For how long after its last token the row of an ended session is kept, and one that is missing counts as lost.
   * Default: the absolute life. Where it is raised, the rows that are gone already count as lost until the difference
   * has passed: their tokens are answered 503. Give it the longest life of `legacyTokens` where there are any.
   */
  retention?: Duration | undefined;
  /**
   * Whether rows past their retention are deleted, a few at a time, by every instance. Default true. Set it to false
   * before you start on a restored backup that is older than a retention shorter than the absolute life.
   */
  purge?: boolean | undefined;
  /**
   * What an authentic token without a row is answered: `unavailable` (default, 503: the row was lost in a restore)
   * or `refuse` (401: the operator has accepted the loss).
   */
  lostSessions?: 'unavailable' | 'refuse' | undefined;
  /** How many live sessions a subject may have; a login beyond ends the oldest. Default: any number. */
  maxSessionsPerSubject?: number | undefined;
  /**
   * The emergency brake: sessions created earlier are refused, while it is set. A time that has passed, as a `Date`
   * or in RFC 3339.
   */
  notBefore?: Date | string | undefined;
  /** Whether `User-Agent` and IP address are recorded, at login and at each rotation. Default true. */
  recordDevice?: boolean | undefined;
  /**
   * What a refresh is answered where the host's policy fails: `unavailable` (default, 503, and nothing is rotated) or
   * `allow` (with the stored claims).
   */
  onPolicyFailure?: 'unavailable' | 'allow' | undefined;
  /** After how long the host's policy, or its resolver of old tokens, has failed. Default 2 s, at most 4 s. */
  policyTimeout?: Duration | undefined;
}

/** Options of the cookie that browsers keep the refresh token in. */
export interface CookieOptions {
  /**
   * The origins of the pages that may refresh and log out with it, such as `https://app.example.com`, besides the
   * endpoint's own. Every other page is refused: browsers send cookies along for all of them.
   */
  origins?: readonly string[] | undefined;
  /**
   * Default `__Host-refresh_token`, a name that no subdomain and no page in the clear can set (RFC 6265bis §4.1.3).
   * Another one they can set beside ours: a request with two is 400.
   */
  name?: string | undefined;
  /** Default `strict`; `none` for pages of another site, which must be among the `origins`. */
  sameSite?: 'strict' | 'lax' | 'none' | undefined;
}

/** Options of the OAuth endpoints, where `OAuthController` and `OAuthMetadataController` are served. */
export interface OAuthOptions {
  /** Where clients reach the endpoints: the URL before `/token`. Default: `<issuer>/oauth`. */
  url?: string | undefined;
  /** Where clients reach the JWK set, for the metadata; left out, they don't tell. */
  jwksUrl?: string | undefined;
}

/** The options that stand in no group. */
export interface ModuleWideOptions {
  /** Keys of your backends, at least 24 printable characters each: with one, they may introspect tokens. */
  serviceKeys?: readonly string[] | undefined;
  /** For how long a new key is known before it is used. Default 5 min. */
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

/** What `forRootAsync` takes a `useClass` or `useExisting` of. */
export interface AuthOptionsFactory {
  createAuthOptions(): AuthModuleOptions | Promise<AuthModuleOptions>;
}
