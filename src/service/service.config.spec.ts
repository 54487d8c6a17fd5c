import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { resolveAuthOptions } from '../auth/options/resolve-options.js';
import { generateSigningKeys } from '../auth/keys/key-generation.js';
import { tokenSecret } from '../auth/keys/token-secret.js';
import { keyFiles } from './config/data-folder-paths.js';
import { serviceConfig } from './service.config.js';

const SECRET = 'a-secret-of-32-characters-0123456789';
const OTHER_SECRET = 'another-secret-of-32-characters-0123';
const SERVICE_KEY = 'service-key-0123456789-0123';
const KEYS = generateSigningKeys();
const GIVEN = { REFRESH_TOKEN_SECRETS: SECRET, SIGNING_KEYS: JSON.stringify(KEYS), SERVICE_KEYS: SERVICE_KEY };
const POSTGRES = 'postgres://user:password@db.example.com/tokens';

let folder: string;
let DATA_DIR: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'service-config-'));
  DATA_DIR = join(folder, 'data');
});

afterEach(() => rmSync(folder, { recursive: true }));

/** What stands in the data folder. */
function kept(): string[] {
  return existsSync(DATA_DIR) ? readdirSync(DATA_DIR).toSorted() : [];
}

describe('the configuration of the service', () => {
  it('in development is made up, in DATA_DIR', () => {
    const config = serviceConfig({ DATA_DIR });
    expect(kept()).toEqual(['refresh-token-secret', 'service-key', 'signing-keys.json']);
    expect(config).toMatchObject({
      port: 3_000,
      host: '127.0.0.1',
      address: 'http://127.0.0.1:3000',
      isProduction: false,
      database: { type: 'sqlite', path: join(DATA_DIR, 'refresh-tokens.sqlite') },
      serviceKeyFile: join(DATA_DIR, 'service-key'),
      corsOrigins: [],
      trustProxy: false,
      hasDemo: true,
      logLevel: 'log',
      auth: {
        accessToken: { issuer: 'http://127.0.0.1:3000' },
        session: { purge: true, lostSessions: 'unavailable', maxSessionsPerSubject: undefined, recordDevice: true },
        cookie: undefined,
        oauth: { url: 'http://127.0.0.1:3000/oauth', jwksUrl: 'http://127.0.0.1:3000/.well-known/jwks.json' },
      },
      oauth: { path: 'oauth', metadataPath: '.well-known/oauth-authorization-server' },
    });
    expect(readFileSync(join(DATA_DIR, 'service-key'), 'utf8').trim()).toBe(config.auth.serviceKeys[0]);
    expect(resolveAuthOptions(config.auth, Date.now()).refreshToken.secrets).toHaveLength(1);
    expect(serviceConfig({ DATA_DIR })).toEqual(config);
  });

  it('has a demo in development where nobody else can call, unless it is told otherwise, and none in production whatever it is told', () => {
    const production = { ...GIVEN, DATA_DIR, NODE_ENV: 'production', ISSUER: 'https://auth.example.com' };
    expect(serviceConfig({ DATA_DIR, DEMO: 'true' }).hasDemo).toBe(true);
    expect(serviceConfig({ DATA_DIR, DEMO: 'false' }).hasDemo).toBe(false);
    for (const HOST of ['localhost', '::1', '127.0.0.2']) expect(serviceConfig({ DATA_DIR, HOST }).hasDemo).toBe(true);
    for (const HOST of ['0.0.0.0', '::', '10.0.0.1', 'localhost.example.com']) {
      expect(serviceConfig({ DATA_DIR, HOST }).hasDemo).toBe(false);
      expect(serviceConfig({ DATA_DIR, HOST, DEMO: 'true' }).hasDemo).toBe(true);
    }
    expect(serviceConfig(production).hasDemo).toBe(false);
    expect(serviceConfig({ ...production, DEMO: 'true' }).hasDemo).toBe(false);
  });

  it('says which files its keys came from, so that they are looked at again', () => {
    const files = keyFiles(DATA_DIR);
    const textOf = (path: string) => readFileSync(path, 'utf8').trim();
    const { keyFiles: read } = serviceConfig({ DATA_DIR });

    expect(read.secrets).toMatchObject({ path: files.secrets, text: textOf(files.secrets) });
    expect(read.signingKeys).toMatchObject({ path: files.signingKeys, text: textOf(files.signingKeys) });
  });

  it('looks at no file whose keys the environment gives, though it stands there', () => {
    serviceConfig({ DATA_DIR });
    const { keyFiles: read, auth, serviceKeyFile } = serviceConfig({ ...GIVEN, DATA_DIR });

    expect(read).toEqual({ secrets: undefined, signingKeys: undefined });
    expect(serviceKeyFile).toBeUndefined();
    expect(auth).toMatchObject({ refreshToken: { secrets: [SECRET] }, accessToken: { keys: KEYS } });
    expect(serviceConfig({ DATA_DIR, SIGNING_KEYS: GIVEN.SIGNING_KEYS }).keyFiles).toMatchObject({
      secrets: { path: keyFiles(DATA_DIR).secrets },
      signingKeys: undefined,
    });
  });

  it('has the secrets of the folder in their order, and given up are those of the folder and of the environment', () => {
    mkdirSync(DATA_DIR);
    const retired = 'fedcba9876543210';
    const file = {
      secrets: [{ secret: OTHER_SECRET, added_at: '2026-01-31T09:30:00Z' }, { secret: SECRET }],
      retired: [retired],
    };
    writeFileSync(keyFiles(DATA_DIR).secrets, JSON.stringify(file));

    expect(serviceConfig({ DATA_DIR, RETIRED_SECRETS: '0123456789abcdef' }).auth.refreshToken).toMatchObject({
      secrets: [OTHER_SECRET, SECRET],
      retiredSecrets: ['0123456789abcdef', retired],
    });
    expect(serviceConfig({ DATA_DIR }).auth.refreshToken.retiredSecrets).toEqual([retired]);
  });

  it('is not given up by a file that it does not look at', () => {
    mkdirSync(DATA_DIR);
    const retired = [tokenSecret(SECRET).fingerprint];
    writeFileSync(keyFiles(DATA_DIR).secrets, JSON.stringify({ secrets: [{ secret: OTHER_SECRET }], retired }));

    expect(serviceConfig({ ...GIVEN, DATA_DIR }).auth.refreshToken.retiredSecrets).toEqual([]);
  });

  it('in production takes the secrets and keys of the folder, and makes up no service key', () => {
    const { auth } = serviceConfig({ DATA_DIR });
    rmSync(keyFiles(DATA_DIR).serviceKeys);
    const production = { NODE_ENV: 'production', ISSUER: 'https://auth.example.com', DATA_DIR };
    const config = serviceConfig({ ...production, DATABASE_URL: POSTGRES });

    expect(config.auth.refreshToken.secrets).toEqual(auth.refreshToken.secrets);
    expect(config.auth.accessToken).toMatchObject({ keys: (auth.accessToken as { keys: object }).keys });
    expect(config.keyFiles).toMatchObject({
      secrets: { text: expect.any(String) },
      signingKeys: { text: expect.any(String) },
    });
    expect(config.auth.serviceKeys).toEqual([]);
    expect(kept()).toEqual(['refresh-token-secret', 'signing-keys.json']);
  });

  it('in production makes up nothing of what the folder lacks', () => {
    serviceConfig({ DATA_DIR });
    const production = { NODE_ENV: 'production', ISSUER: 'https://auth.example.com', DATA_DIR };
    rmSync(keyFiles(DATA_DIR).signingKeys);
    expect(() => serviceConfig(production)).toThrow(/^SIGNING_KEYS: got nothing, .+ it must be set in production\./);

    rmSync(keyFiles(DATA_DIR).secrets);
    expect(() => serviceConfig(production)).toThrow(
      /^REFRESH_TOKEN_SECRETS: got nothing, .+ it must be set in production\./,
    );
    expect(kept()).toEqual(['service-key']);
  });

  it('makes up each thing that is missing, and only that', () => {
    const files = {
      REFRESH_TOKEN_SECRETS: 'refresh-token-secret',
      SIGNING_KEYS: 'signing-keys.json',
      SERVICE_KEYS: 'service-key',
    };
    for (const [name, file] of Object.entries(files)) {
      DATA_DIR = join(folder, name);
      serviceConfig({ ...GIVEN, DATA_DIR, [name]: '' });
      expect(kept()).toEqual([file]);
    }
  });

  it('never writes down what was given', () => {
    const config = serviceConfig({ ...GIVEN, DATA_DIR });
    expect(kept()).toEqual([]);
    expect(config).toMatchObject({ auth: { serviceKeys: [SERVICE_KEY] }, serviceKeyFile: undefined });
    expect(config.auth).toMatchObject({ refreshToken: { secrets: [SECRET] }, accessToken: { keys: KEYS } });
  });

  it('in production makes up nothing: without a service key there is none', () => {
    const production = { ...GIVEN, NODE_ENV: 'production', ISSUER: 'https://auth.example.com', DATA_DIR };
    expect(serviceConfig({ ...production, SERVICE_KEYS: '' })).toMatchObject({
      isProduction: true,
      auth: { serviceKeys: [] },
      serviceKeyFile: undefined,
    });
    expect(kept()).toEqual([]);
  });

  it('makes no folder where nothing will stand in it', () => {
    const production = { ...GIVEN, NODE_ENV: 'production', ISSUER: 'https://auth.example.com', DATA_DIR };
    serviceConfig({ ...production, DATABASE_URL: POSTGRES });
    expect(existsSync(DATA_DIR)).toBe(false);
    serviceConfig(production);
    expect(existsSync(DATA_DIR)).toBe(true);
  });

  it('makes nothing at all where something is refused', () => {
    expect(() => serviceConfig({ DATA_DIR, PORT: 'x' })).toThrow(/^PORT: /);
    expect(() => serviceConfig({ DATA_DIR, DATABASE_URL: POSTGRES })).toThrow(/^REFRESH_TOKEN_SECRETS: /);
    expect(existsSync(DATA_DIR)).toBe(false);
  });

  it('hands on what the module is to be, as the operator wrote it', () => {
    const env = {
      ...GIVEN,
      DATA_DIR,
      DATABASE_URL: 'sqlite:tokens.sqlite',
      ISSUER: 'https://auth.example.com',
      AUDIENCE: 'https://api.example.com',
      ACCESS_TOKEN_TTL: '10m',
      REFRESH_TOKEN_LEEWAY: '20',
      REFRESH_TOKEN_IDLE_TTL: '7d',
      REFRESH_TOKEN_ABSOLUTE_TTL: '90d',
      REFRESH_TOKEN_LOST_RESPONSE: 'revoke',
      KEY_ACTIVATION_DELAY: '1m',
      RETIRED_SECRETS: '0123456789abcdef',
      SESSION_RETENTION: '100d',
      SESSION_PURGE: 'false',
      LOST_SESSIONS: 'refuse',
      MAX_SESSIONS_PER_SUBJECT: '5',
      SESSIONS_NOT_BEFORE: '2026-01-31T09:30:00Z',
      RECORD_DEVICE: 'false',
      TRUST_PROXY: 'loopback, 10.0.0.0/8',
      CORS_ORIGINS: 'https://app.example.com',
      REFRESH_TOKEN_COOKIE: 'true',
      REFRESH_TOKEN_COOKIE_NAME: 'refresh',
      REFRESH_TOKEN_COOKIE_SAME_SITE: 'none',
      OAUTH_PREFIX: 'auth/v1',
    };
    const config = serviceConfig(env);
    expect(config.database).toEqual({ type: 'sqlite', path: 'tokens.sqlite' });
    expect(config.corsOrigins).toEqual(['https://app.example.com']);
    expect(config.trustProxy).toBe('loopback,10.0.0.0/8');
    expect(config.auth).toEqual({
      refreshToken: {
        secrets: [SECRET],
        retiredSecrets: ['0123456789abcdef'],
        leeway: '20',
        idleTtl: '7d',
        absoluteTtl: '90d',
        lostResponse: 'revoke',
      },
      accessToken: {
        issuer: 'https://auth.example.com',
        audience: 'https://api.example.com',
        ttl: '10m',
        keys: KEYS,
      },
      session: {
        retention: '100d',
        purge: false,
        lostSessions: 'refuse',
        maxSessionsPerSubject: 5,
        notBefore: '2026-01-31T09:30:00Z',
        recordDevice: false,
      },
      cookie: { origins: ['https://app.example.com'], name: 'refresh', sameSite: 'none' },
      oauth: { url: 'https://auth.example.com/auth/v1', jwksUrl: 'https://auth.example.com/.well-known/jwks.json' },
      serviceKeys: [SERVICE_KEY],
      keyActivationDelay: '1m',
    });
    expect(() => resolveAuthOptions(config.auth, Date.UTC(2026, 0, 31, 9, 30))).not.toThrow();
  });

  it('has no cookie unless it is switched on, whatever else is said of it', () => {
    const env = { ...GIVEN, DATA_DIR, REFRESH_TOKEN_COOKIE_NAME: 'refresh', REFRESH_TOKEN_COOKIE_SAME_SITE: 'none' };
    expect(serviceConfig({ ...env, CORS_ORIGINS: 'https://app.example.com' }).auth.cookie).toBeUndefined();
    expect(serviceConfig({ ...env, REFRESH_TOKEN_COOKIE: 'false' }).auth.cookie).toBeUndefined();
  });

  it('lets the pages of the service itself use the cookie, and no others, where no origin is listed', () => {
    expect(serviceConfig({ ...GIVEN, DATA_DIR, REFRESH_TOKEN_COOKIE: 'true' }).auth.cookie).toEqual({
      origins: [],
      name: '__Host-refresh_token',
      sameSite: 'strict',
    });
  });

  it.each([
    ['https://auth.example.com', 'https://auth.example.com', ''],
    ['https://auth.example.com/', 'https://auth.example.com', ''],
    ['https://example.com/auth', 'https://example.com/auth', '/auth'],
    ['https://example.com/auth/', 'https://example.com/auth', '/auth'],
    ['https://example.com/auth/eu', 'https://example.com/auth/eu', '/auth/eu'],
    ['http://127.0.0.1:8080/auth', 'http://127.0.0.1:8080/auth', '/auth'],
  ])('has the OAuth endpoints of the issuer %s below it, and its metadata where clients look', (ISSUER, base, path) => {
    // RFC 8414 §3.1: the well-known part comes before the issuer's path, without the slash at its end.
    const metadataPath = `.well-known/oauth-authorization-server${path}`;
    for (const [env, prefix] of [
      [{}, 'oauth'],
      [{ OAUTH_PREFIX: 'login/v1' }, 'login/v1'],
    ] as const) {
      expect(serviceConfig({ ...GIVEN, DATA_DIR, ISSUER, ...env })).toMatchObject({
        // The service is reached through what takes the issuer's path away.
        oauth: { path: prefix, metadataPath },
        auth: {
          accessToken: { issuer: ISSUER },
          oauth: { url: `${base}/${prefix}`, jwksUrl: `${base}/.well-known/jwks.json` },
        },
      });
    }
  });

  it.each(['our-login', 'urn:example:login', 'ftp://auth.example.com', 'https://a.b/?tenant=1', 'https://a.b/#c'])(
    'has the OAuth endpoints without metadata where the issuer is no URL that could have them: %s',
    (ISSUER) => {
      const { oauth, auth } = serviceConfig({ ...GIVEN, DATA_DIR, ISSUER });
      expect(oauth).toEqual({ path: 'oauth', metadataPath: undefined });
      expect(auth.oauth).toBeUndefined();
      expect(() => resolveAuthOptions(auth, Date.now())).not.toThrow();
    },
  );

  it('has no OAuth endpoints where they are switched off', () => {
    expect(serviceConfig({ ...GIVEN, DATA_DIR, OAUTH: 'false', OAUTH_PREFIX: 'login' }).oauth).toBeUndefined();
  });

  it.each([
    ['127.0.0.1', '80', 'http://127.0.0.1:80'],
    ['0.0.0.0', '8080', 'http://127.0.0.1:8080'],
    ['::', '8080', 'http://[::1]:8080'],
    ['::1', '8080', 'http://[::1]:8080'],
    ['auth.internal', '8080', 'http://auth.internal:8080'],
  ])('on HOST %s and PORT %s is called at %s, which is the issuer', (HOST, PORT, address) => {
    const config = serviceConfig({ ...GIVEN, DATA_DIR, HOST, PORT });
    expect(config).toMatchObject({ address, auth: { accessToken: { issuer: address } } });
  });
});
