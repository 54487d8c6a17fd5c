import { ConfigurationError } from './auth.errors.js';
import { signingKeys, type JsonWebKeySet, type SigningKey } from './access-token/access-token.keys.js';
import { kindOf } from './kind-of.js';
import { DURATION_TAKES, parseDuration, type Duration } from './duration.js';
import { parseTime, PASSED_TIME_TAKES } from './time.js';
import type { RotationPolicy } from './refresh-token/rotation.js';
import { isFingerprint, tokenSecrets, type TokenSecret } from './refresh-token/token-secret.js';

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

interface AccessTokenCommonOptions {
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

/** Options of access tokens: a JWK set whose first key signs (ES256, RS256), or the host's own secret (HS256). */
export type AccessTokenOptions = AccessTokenCommonOptions &
  (
    | { /** Private JWKs, the first signs; all are published. */ keys: JsonWebKeySet }
    | { algorithm: 'HS256'; /** The secret the host's JWT guard verifies with. */ secret: string }
  );

/** Options of sessions. */
export interface SessionOptions {
  /** For how long after its last token a row that is missing counts as lost. Default: the absolute life. */
  retention?: Duration | undefined;
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

/** Options of `AuthModule.forRoot` and `forRootAsync`. */
export interface AuthModuleOptions {
  refreshToken: RefreshTokenOptions;
  accessToken: AccessTokenOptions;
  session?: SessionOptions | undefined;
  /** For how long a new key is known before it is used. Default 5 min. */
  keyActivationDelay?: Duration | undefined;
}

/** What `forRootAsync` takes a `useClass` or `useExisting` of. */
export interface AuthOptionsFactory {
  createAuthOptions(): AuthModuleOptions | Promise<AuthModuleOptions>;
}

/** The options as the module uses them: defaulted, validated, durations in milliseconds. */
export interface AuthSettings {
  readonly refreshToken: {
    readonly secrets: readonly TokenSecret[];
    readonly retiredSecrets: readonly string[];
    readonly prefix: string;
  };
  readonly rotation: RotationPolicy;
  readonly accessToken: {
    readonly issuer: string;
    readonly audience: string | [string, ...string[]];
    readonly ttl: number;
    readonly clockTolerance: number;
    readonly checkSession: boolean;
    readonly keys: readonly SigningKey[];
  };
  readonly session: {
    readonly retention: number;
    readonly lostSessions: 'unavailable' | 'refuse';
    readonly maxSessionsPerSubject: number;
    readonly recordDevice: boolean;
    readonly onPolicyFailure: 'unavailable' | 'allow';
    readonly policyTimeout: number;
  };
  readonly keyActivationDelay: number;
}

const REFRESH_TOKEN_OPTIONS: readonly (keyof RefreshTokenOptions)[] = [
  'secrets',
  'retiredSecrets',
  'prefix',
  'leeway',
  'idleTtl',
  'absoluteTtl',
  'lostResponse',
];
const ACCESS_TOKEN_OPTIONS = [
  'issuer',
  'audience',
  'ttl',
  'clockTolerance',
  'checkSession',
  'keys',
  'algorithm',
  'secret',
];
const SESSION_OPTIONS: readonly (keyof SessionOptions)[] = [
  'retention',
  'lostSessions',
  'maxSessionsPerSubject',
  'notBefore',
  'recordDevice',
  'onPolicyFailure',
  'policyTimeout',
];

const MINUTE = 60_000;
const DAY = 86_400_000;

/** The longest leeway, in milliseconds. */
export const MAX_LEEWAY = 5 * MINUTE;
/** The shortest life, in milliseconds. */
export const MIN_LIFE = 1_000;
/** For how long a host's policy may think, in milliseconds: the answer has to be out by a handler's deadline. */
const MAX_POLICY_TIMEOUT = 4_000;
/** The shortest secret, in characters. */
export const SECRET_LENGTH = 32;

/**
 * Defaults and validates the options, all in this one place.
 * @param now milliseconds
 * @throws ConfigurationError naming the option, what it got and what it takes; never a secret
 */
export function resolveAuthOptions(options: AuthModuleOptions, now: number): AuthSettings {
  requireKeys('options', options, ['refreshToken', 'accessToken', 'session', 'keyActivationDelay']);
  const { refreshToken, accessToken, session = {} } = options;
  requireKeys('refreshToken', refreshToken, REFRESH_TOKEN_OPTIONS);
  requireKeys('accessToken', accessToken, ACCESS_TOKEN_OPTIONS);
  requireKeys('session', session, SESSION_OPTIONS);

  const leeway = duration('refreshToken.leeway', refreshToken.leeway, 10_000, { max: MAX_LEEWAY });
  const idleTtl = duration('refreshToken.idleTtl', refreshToken.idleTtl, 30 * DAY);
  const absoluteTtl = duration('refreshToken.absoluteTtl', refreshToken.absoluteTtl, 365 * DAY, { min: MIN_LIFE });
  if (idleTtl <= leeway) {
    fail('refreshToken.idleTtl', refreshToken.idleTtl ?? '30d', `more than the leeway, ${leeway / 1_000} s`);
  }
  const issuer = text('accessToken.issuer', accessToken.issuer);
  const keyActivationDelay = duration('keyActivationDelay', options.keyActivationDelay, 5 * MINUTE);

  return {
    refreshToken: {
      ...checkSecrets(refreshToken.secrets, refreshToken.retiredSecrets ?? []),
      prefix: prefix(refreshToken.prefix ?? 'rt_'),
    },
    rotation: {
      leeway,
      idleTtl,
      absoluteTtl,
      notBefore: passedTime('session.notBefore', session.notBefore, now),
      lostResponse: oneOf('refreshToken.lostResponse', refreshToken.lostResponse ?? 'forgive', ['forgive', 'revoke']),
    },
    accessToken: {
      issuer,
      audience: audience(accessToken.audience ?? issuer),
      ttl: duration('accessToken.ttl', accessToken.ttl, 60 * MINUTE, { min: MIN_LIFE }),
      clockTolerance: duration('accessToken.clockTolerance', accessToken.clockTolerance, 0, { max: 5 * MINUTE }),
      checkSession: flag('accessToken.checkSession', accessToken.checkSession, false),
      keys: signingKeys(accessToken, keyActivationDelay),
    },
    session: {
      retention: duration('session.retention', session.retention, absoluteTtl),
      lostSessions: oneOf('session.lostSessions', session.lostSessions ?? 'unavailable', ['unavailable', 'refuse']),
      maxSessionsPerSubject: count('session.maxSessionsPerSubject', session.maxSessionsPerSubject),
      recordDevice: flag('session.recordDevice', session.recordDevice, true),
      onPolicyFailure: oneOf('session.onPolicyFailure', session.onPolicyFailure ?? 'unavailable', [
        'unavailable',
        'allow',
      ]),
      policyTimeout: duration('session.policyTimeout', session.policyTimeout, 2_000, {
        min: 1_000,
        max: MAX_POLICY_TIMEOUT,
      }),
    },
    keyActivationDelay,
  };
}

/** Refuses a value that may be shown. */
function fail(option: string, value: unknown, takes: string): never {
  return refuse(option, JSON.stringify(value), takes);
}

function refuse(option: string, got: string, takes: string): never {
  throw new ConfigurationError(`${option}: got ${got}, takes ${takes}.`);
}

/** A misspelt option would be an option that isn't set. */
function requireKeys(option: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) refuse(option, kindOf(value), 'an object');
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) refuse(`${option}.${unknown}`, 'an unknown option', `one of ${known.join(', ')}`);
}

function duration(
  option: string,
  value: Duration | undefined,
  fallback: number,
  { min = 0, max = Infinity }: { min?: number; max?: number } = {},
): number {
  const milliseconds = value === undefined ? fallback : parseDuration(value);
  if (milliseconds === undefined) fail(option, value, DURATION_TAKES);
  if (milliseconds < min) fail(option, value, `at least ${min / 1_000} s`);
  if (milliseconds > max) fail(option, value, `at most ${max / 1_000} s`);
  return milliseconds;
}

function flag(option: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  return typeof value === 'boolean' ? value : fail(option, value, 'true or false');
}

function count(option: string, value: unknown): number {
  if (value === undefined) return Infinity;
  if (!Number.isSafeInteger(value) || (value as number) < 1) fail(option, value, 'a whole number of at least 1');
  return value as number;
}

/** In milliseconds; 0 where none is given. */
function passedTime(option: string, value: unknown, now: number): number {
  if (value === undefined) return 0;
  const time = value instanceof Date ? value.getTime() : parseTime(value);
  if (time === undefined || !Number.isFinite(time) || time > now) fail(option, value, PASSED_TIME_TAKES);
  return time;
}

function text(option: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') fail(option, value, 'a non-empty string');
  return value;
}

function audience(value: string | readonly string[]): string | [string, ...string[]] {
  if (!Array.isArray(value)) return text('accessToken.audience', value);
  const [first, ...others] = value.map((entry) => text('accessToken.audience', entry));
  if (first === undefined) fail('accessToken.audience', value, 'a string, or a list of at least one');
  return [first, ...others];
}

function oneOf<T extends string>(option: string, value: T, values: readonly T[]): T {
  if (!values.includes(value)) fail(option, value, values.join(' or '));
  return value;
}

function prefix(value: string): string {
  if (!/^[A-Za-z0-9_-]{0,32}$/.test(value)) {
    fail('refreshToken.prefix', value, 'at most 32 letters, digits, _ and -');
  }
  return value;
}

/**
 * Checks secrets, and derives their keys.
 * @throws ConfigurationError naming the one that isn't good, never showing it
 */
export function checkSecrets(
  values: readonly string[],
  retired: readonly string[],
): {
  secrets: TokenSecret[];
  retiredSecrets: readonly string[];
} {
  const option = 'refreshToken.secrets';
  const takes = `a list of secrets of at least ${SECRET_LENGTH} characters each`;
  for (const [position, value] of list(option, values, takes).entries()) {
    if (typeof value !== 'string') refuse(`${option}[${position}]`, kindOf(value), takes);
    if (value.length < SECRET_LENGTH) refuse(`${option}[${position}]`, `${value.length} characters`, takes);
  }
  if (values.length === 0) refuse(option, 'an empty list', takes);

  const derived = tokenSecrets(values);
  const retiredSecrets = fingerprints(retired);
  const both = derived.find(({ fingerprint }) => retiredSecrets.includes(fingerprint));
  if (both) {
    const got = `the fingerprint ${both.fingerprint} of a secret that is configured`;
    refuse('refreshToken.retiredSecrets', got, `those of secrets that are no longer in ${option}`);
  }
  return { secrets: derived, retiredSecrets };
}

function fingerprints(values: readonly string[]): readonly string[] {
  const option = 'refreshToken.retiredSecrets';
  const takes = 'fingerprints of 16 hex digits, as the refused start prints them';
  for (const value of list(option, values, takes)) {
    // It may be a secret, pasted into the wrong place.
    if (!isFingerprint(value)) refuse(option, `${String(value).length} characters`, takes);
  }
  return values;
}

function list(option: string, values: unknown, takes: string): readonly unknown[] {
  return Array.isArray(values) ? (values as unknown[]) : refuse(option, kindOf(values), takes);
}
