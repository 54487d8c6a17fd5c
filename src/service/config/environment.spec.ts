import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigurationError } from '../../auth/auth.errors.js';
import {
  databaseLocation,
  readEnvironment,
  readVariables,
  type Environment,
  type ProcessEnvironment,
} from './environment.js';
import { keyFiles } from './data-folder-paths.js';
import { generateSigningKeys } from '../../auth/keys/key-generation.js';
import { variables } from './variables.js';

const SECOND = 1_000;
const DAY = 86_400 * SECOND;
const YEARS_100 = 100 * 366 * DAY;

const SECRET = 'a-secret-of-32-characters-0123456789';
const OTHER_SECRET = 'another-secret-of-32-characters-0123';
const SERVICE_KEY = 'service-key-0123456789-0123';
const SIGNING_KEYS = JSON.stringify(generateSigningKeys());
const POSTGRES = 'postgres://user:password@db.example.com:5432/tokens';
/** Keys of a checkout's `./data` must not pass for those that a test leaves out. */
const DATA_DIR = '/nowhere/data';
const PRODUCTION = {
  DATA_DIR,
  NODE_ENV: 'production',
  ISSUER: 'https://auth.example.com',
  REFRESH_TOKEN_SECRETS: SECRET,
  SIGNING_KEYS,
};

const DURATION = 'whole seconds, or a number with s, m, h or d, such as 90, 90s, 15m, 1h or 30d';

/** The one line with which an environment is refused. */
function refusalOf(env: ProcessEnvironment): string {
  try {
    readEnvironment(env);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    expect(error.message).not.toMatch(/[\r\n]/);
    return error.message;
  }
  throw new Error('The environment was taken.');
}

describe('an environment without any variable', () => {
  it('has a value for everything but what is made up later', () => {
    expect(readEnvironment({})).toEqual({
      port: 3_000,
      host: '127.0.0.1',
      httpAdapter: 'express',
      dataDir: './data',
      database: undefined,
      issuer: undefined,
      audience: undefined,
      accessTokenTtl: 3_600 * SECOND,
      leeway: 10 * SECOND,
      idleTtl: 30 * DAY,
      absoluteTtl: 365 * DAY,
      lostResponse: 'forgive',
      refreshTokenSecrets: undefined,
      signingKeys: undefined,
      serviceKeys: undefined,
      keyActivationDelay: 300 * SECOND,
      retiredSecrets: undefined,
      sessionRetention: undefined,
      sessionPurge: true,
      lostSessions: 'unavailable',
      maxSessionsPerSubject: undefined,
      sessionsNotBefore: undefined,
      recordDevice: true,
      trustProxy: false,
      corsOrigins: undefined,
      cookie: false,
      cookieName: '__Host-refresh_token',
      cookieSameSite: 'strict',
      oauth: true,
      oauthPrefix: 'oauth',
      demo: undefined,
      logLevel: 'log',
      isProduction: false,
      options: {
        refreshToken: { leeway: '10s', idleTtl: '30d', absoluteTtl: '365d', lostResponse: 'forgive' },
        accessToken: { ttl: '1h' },
        session: { purge: true, lostSessions: 'unavailable', recordDevice: true },
        cookie: { name: '__Host-refresh_token', sameSite: 'strict' },
        oauth: {},
        moduleWide: { keyActivationDelay: '5m' },
      },
    } satisfies Record<keyof Environment, unknown>);
  });

  it('is what one of empty variables is', () => {
    const names = Object.values(variables).flatMap(({ name }) => [name, `${name}_FILE`]);
    expect(names).toContain('PORT');
    expect(readEnvironment(Object.fromEntries([...names, 'NODE_ENV'].map((name) => [name, ''])))).toEqual(
      readEnvironment({}),
    );
  });
});

describe('a variable', () => {
  it.each<[string, string, keyof Environment, unknown]>([
    ['PORT', '0', 'port', 0],
    ['PORT', '65535', 'port', 65_535],
    ['HOST', '0.0.0.0', 'host', '0.0.0.0'],
    ['HOST', '::1', 'host', '::1'],
    ['HOST', 'service.internal', 'host', 'service.internal'],
    ['DATA_DIR', '/var/lib/a folder', 'dataDir', '/var/lib/a folder'],
    ['DATABASE_URL', 'sqlite:tokens.sqlite', 'database', { type: 'sqlite', path: 'tokens.sqlite' }],
    ['ISSUER', 'https://auth.example.com/', 'issuer', 'https://auth.example.com/'],
    ['ISSUER', 'our-login', 'issuer', 'our-login'],
    ['AUDIENCE', 'urn:example:api', 'audience', 'urn:example:api'],
    ['ACCESS_TOKEN_TTL', '1', 'accessTokenTtl', SECOND],
    ['ACCESS_TOKEN_TTL', '36600d', 'accessTokenTtl', YEARS_100],
    ['REFRESH_TOKEN_LEEWAY', '0', 'leeway', 0],
    ['REFRESH_TOKEN_LEEWAY', '5m', 'leeway', 300 * SECOND],
    ['REFRESH_TOKEN_IDLE_TTL', '11', 'idleTtl', 11 * SECOND],
    ['REFRESH_TOKEN_IDLE_TTL', '90s', 'idleTtl', 90 * SECOND],
    ['REFRESH_TOKEN_IDLE_TTL', '15m', 'idleTtl', 900 * SECOND],
    ['REFRESH_TOKEN_ABSOLUTE_TTL', '1s', 'absoluteTtl', SECOND],
    ['REFRESH_TOKEN_ABSOLUTE_TTL', '2h', 'absoluteTtl', 7_200 * SECOND],
    ['REFRESH_TOKEN_LOST_RESPONSE', 'forgive', 'lostResponse', 'forgive'],
    ['REFRESH_TOKEN_LOST_RESPONSE', 'revoke', 'lostResponse', 'revoke'],
    ['REFRESH_TOKEN_SECRETS', SECRET, 'refreshTokenSecrets', [SECRET]],
    ['REFRESH_TOKEN_SECRETS', ` ${SECRET} , ${OTHER_SECRET},`, 'refreshTokenSecrets', [SECRET, OTHER_SECRET]],
    ['SIGNING_KEYS', SIGNING_KEYS, 'signingKeys', JSON.parse(SIGNING_KEYS)],
    ['SERVICE_KEYS', SERVICE_KEY, 'serviceKeys', [SERVICE_KEY]],
    ['SERVICE_KEYS', `${SERVICE_KEY}, ${'k'.repeat(24)}`, 'serviceKeys', [SERVICE_KEY, 'k'.repeat(24)]],
    ['KEY_ACTIVATION_DELAY', '0', 'keyActivationDelay', 0],
    ['RETIRED_SECRETS', '0123456789abcdef', 'retiredSecrets', ['0123456789abcdef']],
    ['RETIRED_SECRETS', `${'0'.repeat(16)}, ${'f'.repeat(16)}`, 'retiredSecrets', ['0'.repeat(16), 'f'.repeat(16)]],
    ['SESSION_RETENTION', '0', 'sessionRetention', 0],
    ['SESSION_RETENTION', '400d', 'sessionRetention', 400 * DAY],
    ['SESSION_PURGE', 'true', 'sessionPurge', true],
    ['SESSION_PURGE', 'false', 'sessionPurge', false],
    ['LOST_SESSIONS', 'unavailable', 'lostSessions', 'unavailable'],
    ['LOST_SESSIONS', 'refuse', 'lostSessions', 'refuse'],
    ['MAX_SESSIONS_PER_SUBJECT', '1', 'maxSessionsPerSubject', 1],
    ['MAX_SESSIONS_PER_SUBJECT', '999999999', 'maxSessionsPerSubject', 999_999_999],
    ['SESSIONS_NOT_BEFORE', '2026-01-31T09:30:00Z', 'sessionsNotBefore', Date.UTC(2026, 0, 31, 9, 30)],
    ['SESSIONS_NOT_BEFORE', '2026-01-31T10:30:00+01:00', 'sessionsNotBefore', Date.UTC(2026, 0, 31, 9, 30)],
    ['RECORD_DEVICE', 'true', 'recordDevice', true],
    ['RECORD_DEVICE', 'false', 'recordDevice', false],
    ['TRUST_PROXY', 'true', 'trustProxy', true],
    ['TRUST_PROXY', '1', 'trustProxy', 1],
    ['TRUST_PROXY', 'loopback, 10.0.0.0/8', 'trustProxy', 'loopback,10.0.0.0/8'],
    ['CORS_ORIGINS', 'https://app.example.com', 'corsOrigins', ['https://app.example.com']],
    ['CORS_ORIGINS', 'http://localhost:4200, https://a.b', 'corsOrigins', ['http://localhost:4200', 'https://a.b']],
    ['REFRESH_TOKEN_COOKIE', 'true', 'cookie', true],
    ['REFRESH_TOKEN_COOKIE', 'false', 'cookie', false],
    ['REFRESH_TOKEN_COOKIE_NAME', 'refresh', 'cookieName', 'refresh'],
    ['REFRESH_TOKEN_COOKIE_NAME', `__Secure-${'r'.repeat(55)}`, 'cookieName', `__Secure-${'r'.repeat(55)}`],
    ['REFRESH_TOKEN_COOKIE_SAME_SITE', 'strict', 'cookieSameSite', 'strict'],
    ['REFRESH_TOKEN_COOKIE_SAME_SITE', 'lax', 'cookieSameSite', 'lax'],
    ['REFRESH_TOKEN_COOKIE_SAME_SITE', 'none', 'cookieSameSite', 'none'],
    ['OAUTH', 'true', 'oauth', true],
    ['OAUTH', 'false', 'oauth', false],
    ['OAUTH_PREFIX', 'o', 'oauthPrefix', 'o'],
    ['OAUTH_PREFIX', 'auth/v1.0/oauth_2', 'oauthPrefix', 'auth/v1.0/oauth_2'],
    ['DEMO', 'true', 'demo', true],
    ['DEMO', 'false', 'demo', false],
    ['LOG_LEVEL', 'error', 'logLevel', 'error'],
    ['LOG_LEVEL', 'warn', 'logLevel', 'warn'],
    ['LOG_LEVEL', 'log', 'logLevel', 'log'],
    ['LOG_LEVEL', 'debug', 'logLevel', 'debug'],
    ['NODE_ENV', 'development', 'isProduction', false],
  ])('%s takes %j', (name, text, key, value) => {
    expect(readEnvironment({ [name]: text })[key]).toEqual(value);
  });

  it.each<[string, string[], string]>([
    ['PORT', ['65536', '-1', '3000.5', '0x50', 'http', ' 80', '1e3'], 'a whole number from 0 (any free port) to 65535'],
    ['HOST', ['http://localhost', 'a b', 'a/b', '[::1]'], 'a host name or an IP address'],
    ['ISSUER', ['a b', ' ', 'https://a.example.com '], 'a URL or another text without spaces'],
    ['AUDIENCE', ['a b', '\t'], 'a URL or another text without spaces'],
    ['ACCESS_TOKEN_TTL', ['0', '0m', '1.5h', '-1', '1w', 'soon', '1 h', 'h', '36601d'], `${DURATION}; at least 1s`],
    ['REFRESH_TOKEN_LEEWAY', ['301', '6m', '-1', 'none'], `${DURATION}; at most 5m, 0 allowed`],
    ['REFRESH_TOKEN_IDLE_TTL', ['forever', '1M', '30 d', 'Infinity', '1e9'], DURATION],
    ['REFRESH_TOKEN_ABSOLUTE_TTL', ['0', '0s', 'never'], `${DURATION}; at least 1s`],
    ['REFRESH_TOKEN_LOST_RESPONSE', ['Forgive', 'yes'], 'forgive, revoke'],
    ['KEY_ACTIVATION_DELAY', ['5min', '-5'], DURATION],
    ['SESSION_RETENTION', ['always', '1y'], DURATION],
    ['LOST_SESSIONS', ['refused', 'ignore'], 'unavailable, refuse'],
    [
      'MAX_SESSIONS_PER_SUBJECT',
      ['0', '-1', '1.5', '1e3', '01', ' 5', 'none', 'Infinity', '1000000000'],
      'a whole number of at least 1',
    ],
    [
      'SESSIONS_NOT_BEFORE',
      ['now', '2026-01-31', '2026-01-31T09:30:00', '1769851800', '2026-02-30T00:00:00Z', '9999-12-31T23:59:59Z'],
      'a time that has passed, such as 2026-01-31T09:30:00Z',
    ],
    ['SESSION_PURGE', ['yes', '0', 'FALSE'], 'true, false'],
    ['RECORD_DEVICE', ['yes', 'no', '0', '1', 'True', 'FALSE'], 'true, false'],
    [
      'TRUST_PROXY',
      [
        'yes',
        'proxy.internal',
        '10.0.0.0/0',
        '10.0.0.0/33',
        '10.0.0.1;10.0.0.2',
        '10.0.0.1,',
        '1,loopback',
        '-1',
        '1.5',
      ],
      'true, false, a number of hops, or addresses, subnets, loopback, linklocal, uniquelocal, separated by commas',
    ],
    [
      'CORS_ORIGINS',
      ['*', 'app.example.com', 'https://app.example.com/', 'https://a.b/c', 'https://A.b', 'null', 'ftp://a.b'],
      'origins such as https://app.example.com, separated by commas',
    ],
    ['REFRESH_TOKEN_COOKIE', ['yes', '1', 'on', 'TRUE', 'strict'], 'true, false'],
    [
      'REFRESH_TOKEN_COOKIE_NAME',
      [' ', 'refresh token', 'r=', 'r;', 'r,', '"r"', 'r\\', '(r)', 'ü', 'r\n', 'r'.repeat(65)],
      "a cookie's name (RFC 6265 §4.1.1) of 1 to 64 characters",
    ],
    ['REFRESH_TOKEN_COOKIE_SAME_SITE', ['Strict', 'None', 'true', 'no'], 'strict, lax, none'],
    ['OAUTH', ['yes', '0', 'False', 'off'], 'true, false'],
    [
      'OAUTH_PREFIX',
      [
        '/',
        '/oauth',
        'oauth/',
        'a//b',
        '.',
        '..',
        '../oauth',
        'a/./b',
        'a b',
        ':name',
        '*path',
        'a?b',
        'a#b',
        'ü',
        '%20',
      ],
      'a path such as oauth or auth/oauth, without slashes at its ends',
    ],
    ['DEMO', ['yes', '1', 'TRUE', 'on'], 'true, false'],
    ['LOG_LEVEL', ['verbose', 'LOG', 'info', 'fatal'], 'log, error, warn, debug'],
  ])('%s refuses each of %j, and says what it got and what it takes', (name, texts, takes) => {
    for (const text of texts) {
      expect(refusalOf({ [name]: text })).toBe(`${name}: got ${JSON.stringify(text)}, takes ${takes}.`);
    }
  });

  it.each(['0123456789abcde', '0123456789ABCDEF', SECRET, `${'0'.repeat(16)};${'f'.repeat(16)}`])(
    'RETIRED_SECRETS refuses %j without showing it: it may be a secret',
    (text) => {
      expect(refusalOf({ RETIRED_SECRETS: text })).toBe(
        `RETIRED_SECRETS: got a value of ${text.length} characters, takes fingerprints of 16 hex digits, separated by commas.`,
      );
    },
  );

  it('is told in one line, whatever was given', () => {
    expect(refusalOf({ PORT: '30\n00' })).toBe(
      String.raw`PORT: got "30\n00", takes a whole number from 0 (any free port) to 65535.`,
    );
  });
});

describe('a variable that holds a secret', () => {
  const takes = {
    DATABASE_URL: 'sqlite:<path> or <postgres, mysql, mariadb>://<user>:<password>@<host>:<port>/<database>',
    REFRESH_TOKEN_SECRETS: 'secrets of at least 32 characters each, separated by commas',
    SIGNING_KEYS: 'a JWK set as JSON, of EC P-256 or RSA (2048 bits or more) private keys',
    SERVICE_KEYS: 'keys of at least 24 printable characters each, separated by commas',
  };

  it.each<[keyof typeof takes, string]>([
    ['DATABASE_URL', 'mssql://user:password@db.example.com/tokens'],
    ['DATABASE_URL', 'user:password@db.example.com'],
    ['DATABASE_URL', 'postgres://user:password@db.example.com:port/tokens'],
    ['REFRESH_TOKEN_SECRETS', 'a'.repeat(31)],
    ['REFRESH_TOKEN_SECRETS', `${SECRET},short`],
    ['REFRESH_TOKEN_SECRETS', ' , '],
    ['SIGNING_KEYS', '{"keys":[{"kty":"EC","d":"private"}'],
    ['SIGNING_KEYS', '-----BEGIN PRIVATE KEY-----'],
    ['SERVICE_KEYS', 'k'.repeat(23)],
    ['SERVICE_KEYS', `${SERVICE_KEY},${'k'.repeat(23)}`],
    ['SERVICE_KEYS', `${'k'.repeat(24)} with a space`],
    ['SERVICE_KEYS', 'ü'.repeat(24)],
    ['SERVICE_KEYS', ','],
  ])('%s is refused without being shown: %j', (name, text) => {
    const message = refusalOf({ [name]: text });
    expect(message).toBe(`${name}: got a value of ${text.length} characters, takes ${takes[name]}.`);
  });

  it.each<[string, unknown, RegExp]>([
    ['no keys', { keys: [] }, /\(accessToken\.keys: got no keys, takes .+\)/],
    ['no set', 7, /\(accessToken\.keys: got no keys, takes .+\)/],
    ['null', null, /\(accessToken\.keys: got no keys, takes .+\)/],
    ['a public key', publicSet(), /\(accessToken\.keys\[0\]: not a private key; takes .+\)/],
    ['a shared secret', [{ kty: 'oct', k: 'c2VjcmV0' }], /\(accessToken\.keys\[0\]: not a private key; takes .+\)/],
    ['one key twice', twice(), /\(accessToken\.keys: the kid ".+" stands there twice\)/],
  ])('SIGNING_KEYS says what is wrong with the keys, and shows none: %s', (_, set, why) => {
    const message = refusalOf({ SIGNING_KEYS: JSON.stringify(set) });
    expect(message).toMatch(new RegExp(`^SIGNING_KEYS: got a value of \\d+ characters ${why.source}, takes .+\\.$`));
    for (const part of privateParts(set)) expect(message).not.toContain(part);
  });

  it('REFRESH_TOKEN_SECRETS says which two are the same, and shows neither', () => {
    const text = `${OTHER_SECRET},${SECRET},${SECRET}`;
    expect(refusalOf({ REFRESH_TOKEN_SECRETS: text })).toBe(
      `REFRESH_TOKEN_SECRETS: got a value of ${text.length} characters (refreshToken.secrets: secrets 2 and 3 are the same), takes ${takes.REFRESH_TOKEN_SECRETS}.`,
    );
  });
});

describe('a secret in a file', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'environment-'));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  function file(content: string): string {
    const path = join(folder, `secret-${Math.random()}`);
    writeFileSync(path, content);
    return path;
  }

  it.each<[string, string, keyof Environment, unknown]>([
    ['DATABASE_URL_FILE', POSTGRES, 'database', { type: 'postgres', url: POSTGRES }],
    ['REFRESH_TOKEN_SECRETS_FILE', `${SECRET},${OTHER_SECRET}`, 'refreshTokenSecrets', [SECRET, OTHER_SECRET]],
    ['SIGNING_KEYS_FILE', SIGNING_KEYS, 'signingKeys', JSON.parse(SIGNING_KEYS)],
    ['SERVICE_KEYS_FILE', SERVICE_KEY, 'serviceKeys', [SERVICE_KEY]],
  ])('is read from %s, without the line break that ends it', (name, content, key, value) => {
    const others = { REFRESH_TOKEN_SECRETS: SECRET, SIGNING_KEYS };
    const { [name.replace('_FILE', '') as keyof typeof others]: _, ...rest } = others;
    for (const ending of ['', '\n', '\r\n']) {
      expect(readEnvironment({ ...rest, [name]: file(content + ending) })[key]).toEqual(value);
    }
  });

  it('is refused beside the variable itself', () => {
    const message = refusalOf({ SERVICE_KEYS: SERVICE_KEY, SERVICE_KEYS_FILE: file(SERVICE_KEY) });
    expect(message).toBe('SERVICE_KEYS: got both SERVICE_KEYS and SERVICE_KEYS_FILE, takes one of them.');
  });

  it('is taken beside an empty variable, and an empty path beside the variable', () => {
    const path = file(SERVICE_KEY);
    expect(readEnvironment({ SERVICE_KEYS: '', SERVICE_KEYS_FILE: path }).serviceKeys).toEqual([SERVICE_KEY]);
    expect(readEnvironment({ SERVICE_KEYS: SERVICE_KEY, SERVICE_KEYS_FILE: '' }).serviceKeys).toEqual([SERVICE_KEY]);
  });

  it('has to be there, and to be a file', () => {
    const missing = join(folder, 'missing');
    expect(refusalOf({ SIGNING_KEYS_FILE: missing })).toBe(
      `SIGNING_KEYS_FILE: got ${JSON.stringify(missing)} (ENOENT), takes the path of a readable file.`,
    );
    expect(refusalOf({ SIGNING_KEYS_FILE: folder })).toBe(
      `SIGNING_KEYS_FILE: got ${JSON.stringify(folder)} (EISDIR), takes the path of a readable file.`,
    );
  });

  it('is checked as the variable is, and never shown', () => {
    expect(refusalOf({ REFRESH_TOKEN_SECRETS_FILE: file('a short secret') })).toBe(
      'REFRESH_TOKEN_SECRETS: got a value of 14 characters, takes secrets of at least 32 characters each, separated by commas.',
    );
  });

  it.each(['DATABASE_URL', 'REFRESH_TOKEN_SECRETS', 'SIGNING_KEYS', 'SERVICE_KEYS'])(
    'does not pass for an unset %s where it is empty, as a secret that was not filled in is',
    (name) => {
      for (const content of ['', '\n']) {
        expect(refusalOf({ [`${name}_FILE`]: file(content) })).toMatch(
          new RegExp(`^${name}(_FILE)?: got .+, takes .+`),
        );
      }
    },
  );

  it('is no way to give what is no secret', () => {
    expect(readEnvironment({ PORT_FILE: file('80') }).port).toBe(3_000);
  });
});

describe('variables that belong together', () => {
  it.each([
    ['10s', '10s', '10s'],
    ['10s', '9', '10s'],
    ['0', '0', '0s'],
    ['5m', '2m', '300s'],
  ])('an idle life must be more than the leeway: a leeway of %s and an idle life of %s', (leeway, idle, shown) => {
    expect(refusalOf({ REFRESH_TOKEN_LEEWAY: leeway, REFRESH_TOKEN_IDLE_TTL: idle })).toBe(
      `REFRESH_TOKEN_IDLE_TTL: got ${JSON.stringify(idle)}, takes more than REFRESH_TOKEN_LEEWAY, which is ${shown}.`,
    );
  });

  it('any more will do, and any life of an access token', () => {
    const env = { REFRESH_TOKEN_LEEWAY: '10s', REFRESH_TOKEN_IDLE_TTL: '11s', ACCESS_TOKEN_TTL: '1000d' };
    expect(readEnvironment(env)).toMatchObject({ idleTtl: 11 * SECOND, accessTokenTtl: 1_000 * DAY });
  });

  const how = (command: string) =>
    ` "nest-refresh-token keys generate" ("npm run keys -- generate" in a checkout) prints one; or keep it in DATA_DIR: "nest-refresh-token ${command}".`;
  const missingSecrets = (when: string) =>
    `REFRESH_TOKEN_SECRETS: got nothing, takes secrets of at least 32 characters each, separated by commas; it must be set ${when}.${how('keys add --secret')}`;
  const missingKeys = (when: string) =>
    `SIGNING_KEYS: got nothing, takes a JWK set as JSON, of EC P-256 or RSA (2048 bits or more) private keys; it must be set ${when}.${how('keys add')}`;

  it.each<[string, ProcessEnvironment, string]>([
    [
      'ISSUER',
      { ...PRODUCTION, ISSUER: undefined },
      'ISSUER: got nothing, takes a URL or another text without spaces; it must be set in production.',
    ],
    ['REFRESH_TOKEN_SECRETS', { ...PRODUCTION, REFRESH_TOKEN_SECRETS: '' }, missingSecrets('in production')],
    ['SIGNING_KEYS', { ...PRODUCTION, SIGNING_KEYS: undefined }, missingKeys('in production')],
  ])('production needs %s', (_, env, message) => {
    expect(refusalOf(env)).toBe(message);
    expect(refusalOf({ ...env, DATABASE_URL: POSTGRES })).toBe(message);
  });

  it('production needs no more than these', () => {
    expect(readEnvironment(PRODUCTION)).toMatchObject({
      isProduction: true,
      issuer: 'https://auth.example.com',
      database: undefined,
      serviceKeys: undefined,
    });
  });

  it('is production only where NODE_ENV says exactly that', () => {
    for (const NODE_ENV of ['Production', 'prod', 'production ', 'test']) {
      expect(readEnvironment({ NODE_ENV }).isProduction).toBe(false);
    }
  });

  it('a database that others may share needs secrets and keys that they share too', () => {
    const when = 'with a database that other instances may share';
    const shared = { DATABASE_URL: POSTGRES, DATA_DIR };
    expect(refusalOf({ ...shared, SIGNING_KEYS })).toBe(missingSecrets(when));
    expect(refusalOf({ ...shared, REFRESH_TOKEN_SECRETS: SECRET })).toBe(missingKeys(when));
    const env = { ...shared, REFRESH_TOKEN_SECRETS: SECRET, SIGNING_KEYS };
    expect(readEnvironment(env)).toMatchObject({ database: { type: 'postgres', url: POSTGRES }, issuer: undefined });
  });

  describe('and files of DATA_DIR', () => {
    let folder: string;

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'environment-'));
    });

    afterEach(() => rmSync(folder, { recursive: true }));

    it.each<[string, ProcessEnvironment]>([
      ['in production', { NODE_ENV: 'production', ISSUER: 'https://auth.example.com' }],
      ['with a database that others may share', { DATABASE_URL: POSTGRES }],
    ])('%s, what stands there need not be given, each for itself', (_, when) => {
      const env = { ...when, DATA_DIR: folder };
      const { secrets, signingKeys } = keyFiles(folder);

      expect(refusalOf(env)).toMatch(/^REFRESH_TOKEN_SECRETS: got nothing/);
      writeFileSync(secrets, SECRET);
      expect(refusalOf(env)).toMatch(/^SIGNING_KEYS: got nothing/);
      writeFileSync(signingKeys, SIGNING_KEYS);
      expect(readEnvironment(env)).toMatchObject({ refreshTokenSecrets: undefined, signingKeys: undefined });
    });
  });
});

describe('what commands read of the environment', () => {
  it('is each variable by itself, though the service would not start with it', () => {
    const env = { NODE_ENV: 'production', DATABASE_URL: POSTGRES, DATA_DIR, REFRESH_TOKEN_IDLE_TTL: '1s' };

    expect(() => readEnvironment(env)).toThrow(ConfigurationError);
    expect(readVariables(env)).toMatchObject({
      isProduction: true,
      database: { type: 'postgres', url: POSTGRES },
      idleTtl: SECOND,
      signingKeys: undefined,
    });
  });

  it('is refused all the same where a variable is wrong by itself', () => {
    expect(() => readVariables({ PORT: 'http' })).toThrow(/^PORT: got "http", takes /);
  });

  it('is where the sessions are', () => {
    expect(databaseLocation({ DATABASE_URL: POSTGRES, PORT: 'http' })).toEqual({ type: 'postgres', url: POSTGRES });
    expect(databaseLocation({ DATA_DIR: 'here' })).toEqual({ type: 'sqlite', path: 'here/refresh-tokens.sqlite' });
    expect(databaseLocation({})).toEqual({ type: 'sqlite', path: 'data/refresh-tokens.sqlite' });
    expect(() => databaseLocation({ DATABASE_URL: 'mysql://user:password@db' })).toThrow(
      /^DATABASE_URL: got a value of 24 characters, takes sqlite:/,
    );
  });
});

function publicSet(): object {
  const { keys } = JSON.parse(SIGNING_KEYS) as { keys: Record<string, string>[] };
  return { keys: keys.map(({ kty, crv, x, y }) => ({ kty, crv, x, y })) };
}

function twice(): object {
  const { keys } = JSON.parse(SIGNING_KEYS) as { keys: object[] };
  return { keys: [...keys, ...keys] };
}

function privateParts(set: unknown): string[] {
  return [...JSON.stringify(set).matchAll(/"(?:d|k)":"([^"]+)"/g)].map(([, part]) => part as string);
}
