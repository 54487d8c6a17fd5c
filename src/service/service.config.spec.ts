import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { generateSigningKeys } from './environment/key-generation.js';
import { serviceConfig } from './service.config.js';

const SECRET = 'a-secret-of-32-characters-0123456789';
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
      logLevel: 'log',
      auth: { accessToken: { issuer: 'http://127.0.0.1:3000' }, session: { lostSessions: 'unavailable' } },
    });
    expect(readFileSync(join(DATA_DIR, 'service-key'), 'utf8').trim()).toBe(config.serviceKeys[0]);
    expect(serviceConfig({ DATA_DIR })).toEqual(config);
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
    expect(config).toMatchObject({ serviceKeys: [SERVICE_KEY], serviceKeyFile: undefined });
    expect(config.auth).toMatchObject({ refreshToken: { secrets: [SECRET] }, accessToken: { keys: KEYS } });
  });

  it('in production makes up nothing: without a service key there is none', () => {
    const production = { ...GIVEN, NODE_ENV: 'production', ISSUER: 'https://auth.example.com', DATA_DIR };
    expect(serviceConfig({ ...production, SERVICE_KEYS: '' })).toMatchObject({
      isProduction: true,
      serviceKeys: [],
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

  it('hands on what the module is to be: seconds, and only what was given', () => {
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
      LOST_SESSIONS: 'refuse',
      CORS_ORIGINS: 'https://app.example.com',
    };
    const config = serviceConfig(env);
    expect(config.database).toEqual({ type: 'sqlite', path: 'tokens.sqlite' });
    expect(config.corsOrigins).toEqual(['https://app.example.com']);
    expect(config.auth).toEqual({
      refreshToken: {
        secrets: [SECRET],
        retiredSecrets: ['0123456789abcdef'],
        leeway: 20,
        idleTtl: 604_800,
        absoluteTtl: 7_776_000,
        lostResponse: 'revoke',
      },
      accessToken: {
        issuer: 'https://auth.example.com',
        audience: 'https://api.example.com',
        ttl: 600,
        keys: KEYS,
      },
      session: { retention: 8_640_000, lostSessions: 'refuse' },
      keyActivationDelay: 60,
    });
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
