import { kindOf } from '../formats/expectation.js';
import { urlBelow } from '../formats/issuer-url.js';
import { signingKeys } from '../keys/signing-key.js';
import { tokenSecrets, type TokenSecret } from '../keys/token-secret.js';
import { accessTokenTable, SIGNING_OPTIONS } from './access-token.table.js';
import type { AuthModuleOptions, CookieOptions } from './auth.options.js';
import { requireConfiguredNotRetired, requireIdleTtlAboveLeeway } from './check-together.js';
import { cookieTable } from './cookie.table.js';
import { moduleTable } from './module.table.js';
import { oauthTable } from './oauth.table.js';
import { readOption, Refusal, type Resolved, type Table } from './reader.js';
import { refreshTokenTable } from './refresh-token.table.js';
import type { ResolvedOptions } from './resolved-options.js';
import { sessionTable } from './session.table.js';

const GROUPS = ['refreshToken', 'accessToken', 'session', 'cookie', 'oauth'];

/**
 * Defaults and validates the options, all in this one place. The limits and the defaults stand in the groups' tables.
 * @param now milliseconds
 * @throws ConfigurationError naming the option, what it got and what it takes; never a secret
 */
export function resolveAuthOptions(options: AuthModuleOptions, now: number): ResolvedOptions {
  requireKnown('options', options, [...GROUPS, ...Object.keys(moduleTable)]);
  const { session: givenSession = {}, oauth: givenOAuth = {}, cookie: givenCookie } = options;

  const ofRefreshToken = readGroup('refreshToken', refreshTokenTable, options.refreshToken, now);
  const { secrets, leeway, idleTtl, absoluteTtl, lostResponse, ...refreshToken } = ofRefreshToken;
  requireIdleTtlAboveLeeway(options.refreshToken.idleTtl, idleTtl, leeway);
  const accessToken = readGroup('accessToken', accessTokenTable, options.accessToken, now, SIGNING_OPTIONS);
  const { notBefore, ...session } = readGroup('session', sessionTable, givenSession, now);
  const oauth = readGroup('oauth', oauthTable, givenOAuth, now);
  const moduleWide = readRows(moduleTable, options, now);

  return {
    ...moduleWide,
    refreshToken: { ...refreshToken, secrets: derivedFrom(secrets, refreshToken.retiredSecrets) },
    rotation: { leeway, idleTtl, absoluteTtl, notBefore, lostResponse },
    accessToken: {
      ...accessToken,
      audience: accessToken.audience ?? accessToken.issuer,
      keys: signingKeys(options.accessToken),
    },
    session: { ...session, retention: session.retention ?? absoluteTtl },
    cookie: givenCookie === undefined ? undefined : readCookie(givenCookie, now),
    oauth: { ...oauth, url: oauth.url ?? urlBelow(accessToken.issuer, 'oauth') },
  };
}

/**
 * Checks secrets as the options do, and derives their keys.
 * @throws ConfigurationError naming the one that isn't good, never showing it
 */
export function checkSecrets(values: readonly string[], retired: readonly string[]): { secrets: TokenSecret[] } {
  const secrets = readOption(refreshTokenTable.secrets, values, 0);
  return { secrets: derivedFrom(secrets, readOption(refreshTokenTable.retiredSecrets, retired, 0)) };
}

function derivedFrom(secrets: readonly string[], retired: readonly string[]): TokenSecret[] {
  const derived = tokenSecrets(secrets);
  requireConfiguredNotRetired(derived, retired);
  return derived;
}

function readCookie(options: CookieOptions, now: number): ResolvedOptions['cookie'] {
  const cookie = readGroup('cookie', cookieTable, options, now);
  return { ...cookie, origins: new Set(cookie.origins) };
}

/** @param others the group's options that no row reads */
function readGroup<T extends Table>(
  group: string,
  rows: T,
  options: object,
  now: number,
  others: readonly string[] = [],
): Resolved<T> {
  requireKnown(group, options, [...Object.keys(rows), ...others]);
  return readRows(rows, options, now);
}

function readRows<T extends Table>(rows: T, options: object, now: number): Resolved<T> {
  const given = options as Readonly<Record<string, unknown>>;
  const read = Object.entries(rows).map(([name, row]) => [name, readOption(row, given[name], now)]);
  return Object.fromEntries(read) as Resolved<T>;
}

/** A misspelt option would be an option that isn't set. */
function requireKnown(option: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw new Refusal(kindOf(value), 'an object').toError(option);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new Refusal('an unknown option', `one of ${known.join(', ')}`).toError(`${option}.${unknown}`);
}
