import { describe, expect, it } from '@jest/globals';
import { ConfigurationError } from '../auth.errors.js';
import { generateSigningKey } from '../keys/key-generation.js';
import { tokenSecret } from '../keys/token-secret.js';
import { type AuthModuleOptions } from './auth.options.js';
import { resolveAuthOptions } from './resolve-options.js';
import type { ResolvedOptions } from './resolved-options.js';

const SECRET = 'the-first-secret-of-the-tests-0123456789';
const OTHER_SECRET = 'the-second-secret-of-the-tests-0123456789';
const HS256_SECRET = 'the-hs256-secret-of-the-tests';
const SERVICE_KEY = 'the-service-key-of-the-tests';
const SIGNING_KEY = generateSigningKey();

const NOW = Date.UTC(2026, 0, 31, 9, 30);
const BEFORE = '2026-01-31T09:29:59Z';

const DURATION = 'whole seconds, or a number with s, m, h or d, such as 90, 90s, 15m, 1h or 30d';
const SECRETS = 'a list of secrets of at least 32 characters each';
const TIME = 'a time that has passed, such as 2026-01-31T09:30:00Z';
const COUNT = 'a whole number of at least 1';
const FINGERPRINTS = 'fingerprints of 16 hex digits, as the refused start prints them';
const COOKIE_NAME = "1 to 64 letters, digits and !#$%&'*+-.^_`|~";
const ORIGINS = 'a list of origins such as https://app.example.com';
const SERVICE_KEYS = 'a list of keys of at least 24 printable characters each';
const URLS = 'a URL such as https://app.example.com/oauth';

const minimal: AuthModuleOptions = {
  refreshToken: { secrets: [SECRET] },
  accessToken: { issuer: 'https://auth.example.com', algorithm: 'HS256', secret: HS256_SECRET },
};

/** The minimal options with one of them set to anything, as JavaScript or a configuration file may set it. */
function withOption(path: string, value: unknown): AuthModuleOptions {
  const [group, name] = path.split('.') as [keyof AuthModuleOptions, string?];
  const changed = name === undefined ? value : { ...(minimal[group] as object), [name]: value };
  return { ...minimal, [group]: changed };
}

function messageFor(options: unknown): string {
  try {
    resolveAuthOptions(options as AuthModuleOptions, NOW);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error('The options were taken.');
}

describe('resolveAuthOptions', () => {
  it('needs secrets, an issuer and a key, and defaults the rest', () => {
    const resolved = resolveAuthOptions(minimal, NOW);
    const { refreshToken, rotation, accessToken, session, keyActivationDelay } = resolved;

    expect(refreshToken.secrets).toHaveLength(1);
    expect(refreshToken).toMatchObject({ retiredSecrets: [], prefix: 'rt_' });
    expect(rotation).toEqual({
      leeway: 10_000,
      idleTtl: 2_592_000_000,
      absoluteTtl: 31_536_000_000,
      notBefore: 0,
      lostResponse: 'forgive',
    });
    expect(accessToken).toMatchObject({
      issuer: 'https://auth.example.com',
      audience: 'https://auth.example.com',
      ttl: 3_600_000,
      clockTolerance: 0,
      checkSession: false,
      keys: [{ algorithm: 'HS256' }],
    });
    expect(session).toEqual({
      retention: 31_536_000_000,
      purge: true,
      lostSessions: 'unavailable',
      maxSessionsPerSubject: Infinity,
      recordDevice: true,
      onPolicyFailure: 'unavailable',
      policyTimeout: 2_000,
    });
    expect(resolved.cookie).toBeUndefined();
    expect(resolved.oauth).toEqual({ url: 'https://auth.example.com/oauth', jwksUrl: undefined });
    expect(resolved.serviceKeys).toEqual([]);
    expect(keyActivationDelay).toBe(300_000);
  });

  it('switches the cookie on for an empty object, and defaults the rest of it', () => {
    expect(resolveAuthOptions({ ...minimal, cookie: {} }, NOW).cookie).toEqual({
      name: '__Host-refresh_token',
      sameSite: 'strict',
      origins: new Set(),
    });
  });

  it.each<[path: string, value: unknown, read: (resolved: ResolvedOptions) => unknown, expected: unknown]>([
    ['refreshToken.secrets', [SECRET, OTHER_SECRET], (s) => s.refreshToken.secrets.map(({ id }) => id), [25, 208]],
    ['refreshToken.retiredSecrets', ['5a8245ec3b024d04'], (s) => s.refreshToken.retiredSecrets, ['5a8245ec3b024d04']],
    ['refreshToken.prefix', 'acme-rt_', (s) => s.refreshToken.prefix, 'acme-rt_'],
    ['refreshToken.prefix', '', (s) => s.refreshToken.prefix, ''],
    ['refreshToken.leeway', '30s', (s) => s.rotation.leeway, 30_000],
    ['refreshToken.leeway', 0, (s) => s.rotation.leeway, 0],
    ['refreshToken.leeway', '5m', (s) => s.rotation.leeway, 300_000],
    ['refreshToken.idleTtl', '11s', (s) => s.rotation.idleTtl, 11_000],
    ['refreshToken.idleTtl', '7d', (s) => s.rotation.idleTtl, 604_800_000],
    ['refreshToken.absoluteTtl', 1, (s) => s.rotation.absoluteTtl, 1_000],
    ['refreshToken.absoluteTtl', '90d', (s) => s.session.retention, 7_776_000_000],
    ['refreshToken.lostResponse', 'revoke', (s) => s.rotation.lostResponse, 'revoke'],
    ['accessToken.issuer', 'urn:acme', (s) => s.accessToken.audience, 'urn:acme'],
    ['accessToken.audience', 'urn:api', (s) => s.accessToken.audience, 'urn:api'],
    ['accessToken.audience', ['urn:a', 'urn:b'], (s) => s.accessToken.audience, ['urn:a', 'urn:b']],
    ['accessToken.ttl', '15m', (s) => s.accessToken.ttl, 900_000],
    ['accessToken.ttl', '1000d', (s) => s.accessToken.ttl, 86_400_000_000],
    ['accessToken.clockTolerance', '5m', (s) => s.accessToken.clockTolerance, 300_000],
    ['accessToken.checkSession', true, (s) => s.accessToken.checkSession, true],
    ['accessToken.checkSession', false, (s) => s.accessToken.checkSession, false],
    ['accessToken.checkSession', undefined, (s) => s.accessToken.checkSession, false],
    ['accessToken', { issuer: 'urn:acme', keys: [SIGNING_KEY] }, (s) => s.accessToken.keys[0]?.algorithm, 'ES256'],
    ['accessToken', { issuer: 'urn:acme', keys: { keys: [SIGNING_KEY] } }, (s) => s.accessToken.keys.length, 1],
    ['session.retention', '7d', (s) => s.session.retention, 604_800_000],
    ['session.purge', true, (s) => s.session.purge, true],
    ['session.purge', false, (s) => s.session.purge, false],
    ['session.purge', undefined, (s) => s.session.purge, true],
    ['session.lostSessions', 'refuse', (s) => s.session.lostSessions, 'refuse'],
    ['session.maxSessionsPerSubject', 1, (s) => s.session.maxSessionsPerSubject, 1],
    ['session.maxSessionsPerSubject', 5, (s) => s.session.maxSessionsPerSubject, 5],
    ['session.maxSessionsPerSubject', undefined, (s) => s.session.maxSessionsPerSubject, Infinity],
    ['session.notBefore', BEFORE, (s) => s.rotation.notBefore, NOW - 1_000],
    ['session.notBefore', '2026-01-31T10:30:00+01:00', (s) => s.rotation.notBefore, NOW],
    ['session.notBefore', new Date(NOW), (s) => s.rotation.notBefore, NOW],
    ['session.notBefore', new Date(0), (s) => s.rotation.notBefore, 0],
    ['session.notBefore', undefined, (s) => s.rotation.notBefore, 0],
    ['session.recordDevice', true, (s) => s.session.recordDevice, true],
    ['session.recordDevice', false, (s) => s.session.recordDevice, false],
    ['session.recordDevice', undefined, (s) => s.session.recordDevice, true],
    ['session.onPolicyFailure', 'unavailable', (s) => s.session.onPolicyFailure, 'unavailable'],
    ['session.onPolicyFailure', 'allow', (s) => s.session.onPolicyFailure, 'allow'],
    ['session.policyTimeout', 1, (s) => s.session.policyTimeout, 1_000],
    ['session.policyTimeout', '4s', (s) => s.session.policyTimeout, 4_000],
    ['session', undefined, (s) => s.session.lostSessions, 'unavailable'],
    ['cookie', undefined, (s) => s.cookie, undefined],
    ['cookie.origins', [], (s) => s.cookie?.origins, new Set()],
    [
      'cookie.origins',
      ['https://a.b', 'http://[::1]:42'],
      (s) => s.cookie?.origins,
      new Set(['https://a.b', 'http://[::1]:42']),
    ],
    ['cookie.name', 'r', (s) => s.cookie?.name, 'r'],
    ['cookie.name', "!#$%&'*+-.^_`|~", (s) => s.cookie?.name, "!#$%&'*+-.^_`|~"],
    ['cookie.name', 'x'.repeat(64), (s) => s.cookie?.name, 'x'.repeat(64)],
    ['cookie.sameSite', 'strict', (s) => s.cookie?.sameSite, 'strict'],
    ['cookie.sameSite', 'lax', (s) => s.cookie?.sameSite, 'lax'],
    ['cookie.sameSite', 'none', (s) => s.cookie?.sameSite, 'none'],
    ['oauth', {}, (s) => s.oauth.url, 'https://auth.example.com/oauth'],
    ['accessToken.issuer', 'https://a.b/', (s) => s.oauth.url, 'https://a.b/oauth'],
    ['accessToken.issuer', 'https://a.b/login', (s) => s.oauth.url, 'https://a.b/login/oauth'],
    ['oauth.url', 'https://a.b/auth', (s) => s.oauth, { url: 'https://a.b/auth', jwksUrl: undefined }],
    ['oauth.url', 'http://127.0.0.1:3000/auth', (s) => s.oauth.url, 'http://127.0.0.1:3000/auth'],
    ['oauth.jwksUrl', 'https://a.b/jwks.json', (s) => s.oauth.jwksUrl, 'https://a.b/jwks.json'],
    ['serviceKeys', [], (s) => s.serviceKeys, []],
    ['serviceKeys', [SERVICE_KEY, '!'.repeat(24)], (s) => s.serviceKeys, [SERVICE_KEY, '!'.repeat(24)]],
    ['keyActivationDelay', 0, (s) => s.keyActivationDelay, 0],
    ['keyActivationDelay', '1h', (s) => s.keyActivationDelay, 3_600_000],
  ])('%s takes %j', (path, value, read, expected) => {
    expect(read(resolveAuthOptions(withOption(path, value), NOW))).toEqual(expected);
  });

  it.each<[path: string, value: unknown, message: string]>([
    ['refreshToken', undefined, 'refreshToken: got nothing, takes an object.'],
    ['refreshToken', null, 'refreshToken: got null, takes an object.'],
    ['accessToken', 5, 'accessToken: got a number, takes an object.'],
    ['session', 'refuse', 'session: got a string, takes an object.'],
    ['refreshToken.secrets', undefined, `refreshToken.secrets: got nothing, takes ${SECRETS}.`],
    ['refreshToken.secrets', {}, `refreshToken.secrets: got an object, takes ${SECRETS}.`],
    ['refreshToken.secrets', [], `refreshToken.secrets: got an empty list, takes ${SECRETS}.`],
    ['refreshToken.secrets', [undefined], `refreshToken.secrets[0]: got nothing, takes ${SECRETS}.`],
    ['refreshToken.secrets', ['too short'], `refreshToken.secrets[0]: got 9 characters, takes ${SECRETS}.`],
    ['refreshToken.secrets', [SECRET, ''], `refreshToken.secrets[1]: got 0 characters, takes ${SECRETS}.`],
    [
      'refreshToken.retiredSecrets',
      ['5A8245EC3B024D04'],
      `refreshToken.retiredSecrets: got 16 characters, takes ${FINGERPRINTS}.`,
    ],
    ['refreshToken.retiredSecrets', [''], `refreshToken.retiredSecrets: got 0 characters, takes ${FINGERPRINTS}.`],
    ['refreshToken.prefix', 'rt.', 'refreshToken.prefix: got "rt.", takes at most 32 letters, digits, _ and -.'],
    ['refreshToken.prefix', 'rt_\n', 'refreshToken.prefix: got "rt_\\n", takes at most 32 letters, digits, _ and -.'],
    [
      'refreshToken.prefix',
      'x'.repeat(33),
      `refreshToken.prefix: got "${'x'.repeat(33)}", takes at most 32 letters, digits, _ and -.`,
    ],
    ['refreshToken.leeway', '10 seconds', `refreshToken.leeway: got "10 seconds", takes ${DURATION}.`],
    ['refreshToken.leeway', -1, `refreshToken.leeway: got -1, takes ${DURATION}.`],
    ['refreshToken.leeway', null, `refreshToken.leeway: got null, takes ${DURATION}.`],
    ['refreshToken.leeway', 301, 'refreshToken.leeway: got 301, takes at most 300 s.'],
    ['refreshToken.leeway', '6m', 'refreshToken.leeway: got "6m", takes at most 300 s.'],
    ['refreshToken.idleTtl', 'soon', `refreshToken.idleTtl: got "soon", takes ${DURATION}.`],
    ['refreshToken.idleTtl', '10s', 'refreshToken.idleTtl: got "10s", takes more than the leeway, 10 s.'],
    ['refreshToken.idleTtl', 0, 'refreshToken.idleTtl: got 0, takes more than the leeway, 10 s.'],
    ['refreshToken.absoluteTtl', 1.5, `refreshToken.absoluteTtl: got 1.5, takes ${DURATION}.`],
    ['refreshToken.absoluteTtl', '0', 'refreshToken.absoluteTtl: got "0", takes at least 1 s.'],
    ['refreshToken.lostResponse', 'ignore', 'refreshToken.lostResponse: got "ignore", takes forgive or revoke.'],
    ['accessToken.issuer', undefined, 'accessToken.issuer: got undefined, takes a non-empty string.'],
    ['accessToken.issuer', '', 'accessToken.issuer: got "", takes a non-empty string.'],
    [
      'accessToken.issuer',
      new URL('https://a.example'),
      'accessToken.issuer: got "https://a.example/", takes a non-empty string.',
    ],
    ['accessToken.audience', '', 'accessToken.audience: got "", takes a non-empty string.'],
    ['accessToken.audience', [], 'accessToken.audience: got [], takes a string, or a list of at least one.'],
    ['accessToken.audience', ['urn:a', 5], 'accessToken.audience: got 5, takes a non-empty string.'],
    ['accessToken.ttl', '1 h', `accessToken.ttl: got "1 h", takes ${DURATION}.`],
    ['accessToken.ttl', 0, 'accessToken.ttl: got 0, takes at least 1 s.'],
    ['accessToken.clockTolerance', '5m1s', `accessToken.clockTolerance: got "5m1s", takes ${DURATION}.`],
    ['accessToken.clockTolerance', '6m', 'accessToken.clockTolerance: got "6m", takes at most 300 s.'],
    ['session.retention', 'for ever', `session.retention: got "for ever", takes ${DURATION}.`],
    ['session.lostSessions', 'accept', 'session.lostSessions: got "accept", takes unavailable or refuse.'],
    ['accessToken.checkSession', 'true', 'accessToken.checkSession: got "true", takes true or false.'],
    ['accessToken.checkSession', 1, 'accessToken.checkSession: got 1, takes true or false.'],
    ['accessToken.checkSession', null, 'accessToken.checkSession: got null, takes true or false.'],
    ['session.maxSessionsPerSubject', 0, `session.maxSessionsPerSubject: got 0, takes ${COUNT}.`],
    ['session.maxSessionsPerSubject', -1, `session.maxSessionsPerSubject: got -1, takes ${COUNT}.`],
    ['session.maxSessionsPerSubject', 1.5, `session.maxSessionsPerSubject: got 1.5, takes ${COUNT}.`],
    ['session.maxSessionsPerSubject', 2 ** 53, `session.maxSessionsPerSubject: got ${2 ** 53}, takes ${COUNT}.`],
    ['session.maxSessionsPerSubject', '5', `session.maxSessionsPerSubject: got "5", takes ${COUNT}.`],
    ['session.maxSessionsPerSubject', null, `session.maxSessionsPerSubject: got null, takes ${COUNT}.`],
    ['session.notBefore', '2026-01-31T09:30:01Z', `session.notBefore: got "2026-01-31T09:30:01Z", takes ${TIME}.`],
    ['session.notBefore', new Date(NOW + 1), `session.notBefore: got "2026-01-31T09:30:00.001Z", takes ${TIME}.`],
    ['session.notBefore', '2026-01-31', `session.notBefore: got "2026-01-31", takes ${TIME}.`],
    ['session.notBefore', '2026-01-31T09:00:00', `session.notBefore: got "2026-01-31T09:00:00", takes ${TIME}.`],
    ['session.notBefore', '', `session.notBefore: got "", takes ${TIME}.`],
    ['session.notBefore', NOW - 1_000, `session.notBefore: got ${NOW - 1_000}, takes ${TIME}.`],
    ['session.notBefore', new Date(NaN), `session.notBefore: got null, takes ${TIME}.`],
    ['session.notBefore', null, `session.notBefore: got null, takes ${TIME}.`],
    ['session.purge', 'false', 'session.purge: got "false", takes true or false.'],
    ['session.purge', 0, 'session.purge: got 0, takes true or false.'],
    ['session.recordDevice', 'false', 'session.recordDevice: got "false", takes true or false.'],
    ['session.recordDevice', 0, 'session.recordDevice: got 0, takes true or false.'],
    ['session.onPolicyFailure', 'deny', 'session.onPolicyFailure: got "deny", takes unavailable or allow.'],
    ['session.onPolicyFailure', true, 'session.onPolicyFailure: got true, takes unavailable or allow.'],
    ['session.policyTimeout', 0, 'session.policyTimeout: got 0, takes at least 1 s.'],
    ['session.policyTimeout', 5, 'session.policyTimeout: got 5, takes at most 4 s.'],
    ['session.policyTimeout', '500ms', `session.policyTimeout: got "500ms", takes ${DURATION}.`],
    ['session.policyTimeout', 0.5, `session.policyTimeout: got 0.5, takes ${DURATION}.`],
    ['cookie', null, 'cookie: got null, takes an object.'],
    ['cookie', true, 'cookie: got a boolean, takes an object.'],
    ['cookie', false, 'cookie: got a boolean, takes an object.'],
    ['cookie', '', 'cookie: got a string, takes an object.'],
    ['cookie.origins', 'https://a.b', `cookie.origins: got a string, takes ${ORIGINS}.`],
    ['cookie.origins', null, `cookie.origins: got null, takes ${ORIGINS}.`],
    ['cookie.origins', ['https://a.b', '*'], `cookie.origins: got "*", takes ${ORIGINS}.`],
    ['cookie.origins', ['https://a.b/'], `cookie.origins: got "https://a.b/", takes ${ORIGINS}.`],
    ['cookie.origins', ['https://A.b'], `cookie.origins: got "https://A.b", takes ${ORIGINS}.`],
    ['cookie.origins', ['https://a.b:443'], `cookie.origins: got "https://a.b:443", takes ${ORIGINS}.`],
    ['cookie.origins', ['null'], `cookie.origins: got "null", takes ${ORIGINS}.`],
    ['cookie.origins', [null], `cookie.origins: got null, takes ${ORIGINS}.`],
    ['cookie.origins', [/a/], `cookie.origins: got {}, takes ${ORIGINS}.`],
    ['cookie.name', '', `cookie.name: got "", takes ${COOKIE_NAME}.`],
    ['cookie.name', 'refresh token', `cookie.name: got "refresh token", takes ${COOKIE_NAME}.`],
    ['cookie.name', 'r=', `cookie.name: got "r=", takes ${COOKIE_NAME}.`],
    ['cookie.name', 'r;', `cookie.name: got "r;", takes ${COOKIE_NAME}.`],
    ['cookie.name', 'r\n', `cookie.name: got "r\\n", takes ${COOKIE_NAME}.`],
    ['cookie.name', 'ü', `cookie.name: got "ü", takes ${COOKIE_NAME}.`],
    ['cookie.name', 'x'.repeat(65), `cookie.name: got "${'x'.repeat(65)}", takes ${COOKIE_NAME}.`],
    ['cookie.name', null, `cookie.name: got null, takes ${COOKIE_NAME}.`],
    ['cookie.sameSite', 'Strict', 'cookie.sameSite: got "Strict", takes strict or lax or none.'],
    ['cookie.sameSite', true, 'cookie.sameSite: got true, takes strict or lax or none.'],
    ['cookie.sameSite', null, 'cookie.sameSite: got null, takes strict or lax or none.'],
    ['oauth', null, 'oauth: got null, takes an object.'],
    ['oauth', false, 'oauth: got a boolean, takes an object.'],
    ['oauth.url', '', `oauth.url: got "", takes ${URLS}.`],
    ['oauth.url', '/oauth', `oauth.url: got "/oauth", takes ${URLS}.`],
    ['oauth.url', 'https:', `oauth.url: got "https:", takes ${URLS}.`],
    ['oauth.url', 'https:a.b', `oauth.url: got "https:a.b", takes ${URLS}.`],
    ['oauth.url', 'https://a.b:65536', `oauth.url: got "https://a.b:65536", takes ${URLS}.`],
    ['oauth.url', 'ftp://a.b', `oauth.url: got "ftp://a.b", takes ${URLS}.`],
    ['oauth.url', 'https://a.b/?c', `oauth.url: got "https://a.b/?c", takes ${URLS}.`],
    ['oauth.url', 'https://a.b/#c', `oauth.url: got "https://a.b/#c", takes ${URLS}.`],
    ['oauth.url', ' https://a.b', `oauth.url: got " https://a.b", takes ${URLS}.`],
    ['oauth.url', 'https://a.b/ ', `oauth.url: got "https://a.b/ ", takes ${URLS}.`],
    ['oauth.url', new URL('https://a.b'), `oauth.url: got "https://a.b/", takes ${URLS}.`],
    ['oauth.url', null, `oauth.url: got null, takes ${URLS}.`],
    ['oauth.jwksUrl', 'jwks.json', `oauth.jwksUrl: got "jwks.json", takes ${URLS}.`],
    ['oauth.jwksUrl', false, `oauth.jwksUrl: got false, takes ${URLS}.`],
    ['serviceKeys', {}, `serviceKeys: got an object, takes ${SERVICE_KEYS}.`],
    ['serviceKeys', SERVICE_KEY, `serviceKeys: got a string, takes ${SERVICE_KEYS}.`],
    ['serviceKeys', [''], `serviceKeys[0]: got 0 characters, takes ${SERVICE_KEYS}.`],
    ['serviceKeys', [SERVICE_KEY, 'k'.repeat(23)], `serviceKeys[1]: got 23 characters, takes ${SERVICE_KEYS}.`],
    ['serviceKeys', ['k k'.repeat(8)], `serviceKeys[0]: got 24 characters, takes ${SERVICE_KEYS}.`],
    ['serviceKeys', [`${'k'.repeat(24)}\n`], `serviceKeys[0]: got 25 characters, takes ${SERVICE_KEYS}.`],
    ['serviceKeys', ['ü'.repeat(24)], `serviceKeys[0]: got 24 characters, takes ${SERVICE_KEYS}.`],
    ['serviceKeys', [undefined], `serviceKeys[0]: got nothing, takes ${SERVICE_KEYS}.`],
    ['serviceKeys', [7], `serviceKeys[0]: got a number, takes ${SERVICE_KEYS}.`],
    ['keyActivationDelay', 'now', `keyActivationDelay: got "now", takes ${DURATION}.`],
  ])('%s does not take %j', (path, value, message) => {
    expect(messageFor(withOption(path, value))).toBe(message);
  });

  it('does not take a secret that is configured and given up at once', () => {
    const options = withOption('refreshToken.retiredSecrets', [tokenSecret(SECRET).fingerprint]);
    expect(messageFor(options)).toMatch(
      /^refreshToken\.retiredSecrets: got the fingerprint [0-9a-f]{16} of a secret that/,
    );
  });

  it('does not take a number for the fingerprints', () => {
    expect(messageFor(withOption('refreshToken.retiredSecrets', 7))).toMatch(
      /^refreshToken\.retiredSecrets: got a number, /,
    );
  });

  it.each<[value: unknown, got: string]>([
    [undefined, 'nothing'],
    [null, 'null'],
    ['options', 'a string'],
  ])('takes an object, not %j', (options, got) => {
    expect(messageFor(options)).toBe(`options: got ${got}, takes an object.`);
  });

  it.each<[path: string, message: string]>([
    [
      'refreshtoken',
      'options.refreshtoken: got an unknown option, takes one of refreshToken, accessToken, session, cookie, oauth, serviceKeys, keyActivationDelay.',
    ],
    [
      'refreshToken.ttl',
      'refreshToken.ttl: got an unknown option, takes one of secrets, retiredSecrets, prefix, leeway, idleTtl, absoluteTtl, lostResponse.',
    ],
    [
      'accessToken.expiresIn',
      'accessToken.expiresIn: got an unknown option, takes one of issuer, audience, ttl, clockTolerance, checkSession, keys, algorithm, secret.',
    ],
    [
      'session.ttl',
      'session.ttl: got an unknown option, takes one of retention, purge, lostSessions, maxSessionsPerSubject, notBefore, recordDevice, onPolicyFailure, policyTimeout.',
    ],
    [
      'session.maxSessions',
      'session.maxSessions: got an unknown option, takes one of retention, purge, lostSessions, maxSessionsPerSubject, notBefore, recordDevice, onPolicyFailure, policyTimeout.',
    ],
    ['cookie.secure', 'cookie.secure: got an unknown option, takes one of origins, name, sameSite.'],
    ['oauth.prefix', 'oauth.prefix: got an unknown option, takes one of url, jwksUrl.'],
  ])('does not take a misspelt option for one that is not set: %s', (path, message) => {
    expect(messageFor(withOption(path, '1h'))).toBe(message);
  });

  it.each<[string, AuthModuleOptions]>([
    ['too short', withOption('refreshToken.secrets', [SECRET.slice(0, 31)])],
    ['no list', withOption('refreshToken.secrets', SECRET)],
    ['given twice', withOption('refreshToken.secrets', [SECRET, SECRET])],
    ['given with a wrong option beside it', withOption('refreshToken.leeway', 'x')],
    ['given in the place of its fingerprint', withOption('refreshToken.retiredSecrets', [SECRET])],
    ['given in the place of the options', withOption('refreshToken', SECRET)],
    ['given in the place of the signing keys', withOption('accessToken', { issuer: 'urn:acme', keys: SECRET })],
    ['given beside signing keys', withOption('accessToken.keys', [SIGNING_KEY])],
    ['given with another algorithm', withOption('accessToken.algorithm', 'ES256')],
    ['no text', withOption('accessToken.secret', { value: HS256_SECRET })],
    ['a service key that is too short', withOption('serviceKeys', [SERVICE_KEY.slice(0, 23)])],
    ['a service key that is no printable text', withOption('serviceKeys', [`${SERVICE_KEY} `])],
    ['a service key outside of a list', withOption('serviceKeys', SERVICE_KEY)],
    ['a service key in an object', withOption('serviceKeys', [{ key: SERVICE_KEY }])],
    ['a service key by its name', withOption('serviceKeys', { [SERVICE_KEY]: true })],
  ])('shows no secret in the message where one is %s', (_, options) => {
    const message = messageFor(options);

    expect(message).not.toContain(SECRET.slice(0, 16));
    expect(message).not.toContain(HS256_SECRET.slice(0, 16));
    expect(message).not.toContain(SERVICE_KEY.slice(0, 16));
  });
});
