import type { JsonWebKeySet } from '../auth/keys/signing-key.js';
import type { AuthModuleOptions } from '../auth/options/auth.options.js';
import { isLoopback } from '../auth/formats/origin.js';
import { isIssuerUrl, metadataPathOf, urlBelow } from '../auth/formats/issuer-url.js';
import { sqliteIn, type DatabaseLocation } from './database/database-url.js';
import { readEnvironment, type Environment, type ProcessEnvironment } from './config/environment.js';
import type { TrustProxy } from './config/trust-proxy.js';
import { madeUp, makeDataDir } from './data-folder/development-keys.js';
import type { KeyFilesInUse } from './data-folder/key-file.watcher.js';

/** Everything the service is started with. */
export interface ServiceConfig {
  readonly port: number;
  readonly host: string;
  /** The address to call the service at, as seen from this machine. */
  readonly address: string;
  readonly isProduction: boolean;
  readonly httpAdapter: Environment['httpAdapter'];
  readonly database: DatabaseLocation;
  readonly auth: AuthModuleOptions & { readonly serviceKeys: readonly string[] };
  /** Where the service key was made up, or `undefined` where it was given or there is none. */
  readonly serviceKeyFile: string | undefined;
  /** The files of the data folder that keys came from, to be looked at again; each where its keys came from there. */
  readonly keyFiles: KeyFilesInUse;
  readonly corsOrigins: readonly string[];
  readonly trustProxy: TrustProxy;
  /** Where the OAuth endpoints stand, and their metadata where the issuer is a URL; `undefined` where there are none. */
  readonly oauth: { readonly path: string; readonly metadataPath: string | undefined } | undefined;
  /** Whether there is a demo: never in production. */
  readonly hasDemo: boolean;
  readonly logLevel: Environment['logLevel'];
}

/**
 * The service's configuration from the environment; makes up the development keys that are missing.
 * @throws ConfigurationError in one readable line
 */
export function serviceConfig(env: ProcessEnvironment): ServiceConfig {
  const environment = readEnvironment(env);
  const { port, host, httpAdapter, dataDir, isProduction, corsOrigins = [], trustProxy, logLevel } = environment;
  const { database = sqliteIn(dataDir) } = environment;
  const address = addressOf(host, port);
  if (!isProduction || environment.database === undefined) makeDataDir(dataDir);
  const secrets = environment.refreshTokenSecrets ? undefined : madeUp.secrets(dataDir);
  const signingKeys = environment.signingKeys ? undefined : madeUp.signingKeys(dataDir);
  const serviceKeys = environment.serviceKeys || isProduction ? undefined : madeUp.serviceKeys(dataDir);

  return {
    port,
    host,
    address,
    isProduction,
    httpAdapter,
    database,
    auth: authOptions(environment, address, {
      secrets: secrets?.value.secrets.map(({ secret }) => secret) ?? environment.refreshTokenSecrets ?? [],
      retiredSecrets: [...(environment.retiredSecrets ?? []), ...(secrets?.value.retired ?? [])],
      keys: signingKeys?.value ?? environment.signingKeys ?? [],
      serviceKeys: environment.serviceKeys ?? serviceKeys?.value ?? [],
    }),
    serviceKeyFile: serviceKeys?.path,
    keyFiles: { secrets, signingKeys },
    corsOrigins,
    trustProxy,
    oauth: environment.oauth ? oauthPaths(environment, address) : undefined,
    hasDemo: (environment.demo ?? isLoopback(host)) && !isProduction,
    logLevel,
  };
}

interface Keys {
  readonly secrets: readonly string[];
  readonly retiredSecrets: readonly string[];
  readonly keys: JsonWebKeySet;
  readonly serviceKeys: readonly string[];
}

function authOptions(environment: Environment, address: string, given: Keys): ServiceConfig['auth'] {
  const { issuer = address, audience, corsOrigins = [], options } = environment;
  const { secrets, retiredSecrets, keys, serviceKeys } = given;
  return {
    ...options.moduleWide,
    refreshToken: { ...options.refreshToken, secrets, retiredSecrets },
    accessToken: { ...options.accessToken, issuer, audience, keys },
    session: options.session,
    cookie: environment.cookie ? { ...options.cookie, origins: corsOrigins } : undefined,
    // The issuer is the service as clients see it.
    oauth: isIssuerUrl(issuer)
      ? {
          ...options.oauth,
          url: urlBelow(issuer, environment.oauthPrefix),
          jwksUrl: urlBelow(issuer, '.well-known/jwks.json'),
        }
      : undefined,
    serviceKeys,
  };
}

function oauthPaths({ issuer, oauthPrefix }: Environment, address: string): ServiceConfig['oauth'] {
  const url = issuer ?? address;
  return { path: oauthPrefix, metadataPath: isIssuerUrl(url) ? metadataPathOf(url) : undefined };
}

/** A wildcard is no address to call. */
function addressOf(host: string, port: number): string {
  const callable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${callable.includes(':') ? `[${callable}]` : callable}:${port}`;
}
