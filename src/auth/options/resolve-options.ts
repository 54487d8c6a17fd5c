import { ConfigurationError } from '../auth.errors.js';
import { TIME_BUDGET } from '../runtime/time-budget.js';
import { signingKeys } from '../keys/signing-key.js';
import { COOKIE_NAME } from '../formats/cookie.js';
import { kindOf } from '../formats/expectation.js';
import { DURATION_TAKES, parseDuration, type Duration } from '../formats/duration.js';
import { isIssuerUrl, urlBelow } from '../formats/issuer-url.js';
import { isOrigin } from '../formats/origin.js';
import { parseTime, PASSED_TIME_TAKES } from '../formats/time.js';
import type { ResolvedOptions } from './resolved-options.js';
import { isFingerprint, tokenSecrets, type TokenSecret } from '../keys/token-secret.js';
import type {
  AuthModuleOptions,
  CookieOptions,
  OAuthOptions,
  RefreshTokenOptions,
  SessionOptions,
} from './auth.options.js';

const OPTIONS: readonly (keyof AuthModuleOptions)[] = [
  'refreshToken',
  'accessToken',
  'session',
  'cookie',
  'oauth',
  'serviceKeys',
  'keyActivationDelay',
];
const COOKIE_OPTIONS: readonly (keyof CookieOptions)[] = ['origins', 'name', 'sameSite'];
const OAUTH_OPTIONS: readonly (keyof OAuthOptions)[] = ['url', 'jwksUrl'];
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
  'purge',
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
/** The shortest secret, in characters. */
export const SECRET_LENGTH = 32;
/** What a service key may be. */
export const SERVICE_KEY = /^[\x21-\x7E]{24,}$/;

/**
 * Defaults and validates the options, all in this one place.
 * @param now milliseconds
 * @throws ConfigurationError naming the option, what it got and what it takes; never a secret
 */
export function resolveAuthOptions(options: AuthModuleOptions, now: number): ResolvedOptions {
  requireKeys('options', options, OPTIONS);
  const { refreshToken, accessToken, session = {}, oauth = {} } = options;
  requireKeys('refreshToken', refreshToken, REFRESH_TOKEN_OPTIONS);
  requireKeys('accessToken', accessToken, ACCESS_TOKEN_OPTIONS);
  requireKeys('session', session, SESSION_OPTIONS);
  requireKeys('oauth', oauth, OAUTH_OPTIONS);

  const leeway = duration('refreshToken.leeway', refreshToken.leeway, 10_000, { max: MAX_LEEWAY });
  const idleTtl = duration('refreshToken.idleTtl', refreshToken.idleTtl, 30 * DAY);
  const absoluteTtl = duration('refreshToken.absoluteTtl', refreshToken.absoluteTtl, 365 * DAY, { min: MIN_LIFE });
  if (idleTtl <= leeway) {
    fail('refreshToken.idleTtl', refreshToken.idleTtl ?? '30d', `more than the leeway, ${leeway / 1_000} s`);
  }
  const issuer = nonEmpty('accessToken.issuer', accessToken.issuer);
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
      purge: flag('session.purge', session.purge, true),
      lostSessions: oneOf('session.lostSessions', session.lostSessions ?? 'unavailable', ['unavailable', 'refuse']),
      maxSessionsPerSubject: count('session.maxSessionsPerSubject', session.maxSessionsPerSubject),
      recordDevice: flag('session.recordDevice', session.recordDevice, true),
      onPolicyFailure: oneOf('session.onPolicyFailure', session.onPolicyFailure ?? 'unavailable', [
        'unavailable',
        'allow',
      ]),
      policyTimeout: duration('session.policyTimeout', session.policyTimeout, TIME_BUDGET.policy, {
        min: 1_000,
        max: TIME_BUDGET.longestPolicy,
      }),
    },
    cookie: options.cookie === undefined ? undefined : cookie(options.cookie),
    oauth: {
      url: oauth.url === undefined ? urlBelow(issuer, 'oauth') : url('oauth.url', oauth.url),
      jwksUrl: oauth.jwksUrl === undefined ? undefined : url('oauth.jwksUrl', oauth.jwksUrl),
    },
    serviceKeys: serviceKeys(options.serviceKeys ?? []),
    keyActivationDelay,
  };
}

function cookie(options: CookieOptions): ResolvedOptions['cookie'] {
  requireKeys('cookie', options, COOKIE_OPTIONS);
  const { name = '__Host-refresh_token', sameSite = 'strict', origins = [] } = options;
  if (typeof name !== 'string' || !COOKIE_NAME.test(name)) {
    fail('cookie.name', name, "1 to 64 letters, digits and !#$%&'*+-.^_`|~");
  }
  const takes = 'a list of origins such as https://app.example.com';
  for (const origin of list('cookie.origins', origins, takes))
    if (!isOrigin(origin)) fail('cookie.origins', origin, takes);
  return {
    name,
    sameSite: oneOf('cookie.sameSite', sameSite, ['strict', 'lax', 'none']),
    origins: new Set(origins),
  };
}

function serviceKeys(values: readonly string[]): readonly string[] {
  const takes = 'a list of keys of at least 24 printable characters each';
  for (const [position, value] of list('serviceKeys', values, takes).entries()) {
    if (typeof value === 'string' && SERVICE_KEY.test(value)) continue;
    const got = typeof value === 'string' ? `${value.length} characters` : kindOf(value);
    refuse(`serviceKeys[${position}]`, got, takes);
  }
  return values;
}

function url(option: string, value: unknown): string {
  return isIssuerUrl(value) ? value : fail(option, value, 'a URL such as https://app.example.com/oauth');
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

function nonEmpty(option: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') fail(option, value, 'a non-empty string');
  return value;
}

function audience(value: string | readonly string[]): string | [string, ...string[]] {
  if (!Array.isArray(value)) return nonEmpty('accessToken.audience', value);
  const [first, ...others] = value.map((entry) => nonEmpty('accessToken.audience', entry));
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
