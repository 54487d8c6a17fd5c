import type { AuthModuleOptions } from '../auth/auth.options.js';
import { sqliteIn, type DatabaseLocation } from './database/database-url.js';
import { readEnvironment, type Environment, type ProcessEnvironment } from './environment/environment.js';
import { madeUp, makeDataDir, serviceKeyPath } from './environment/made-up-keys.js';

/** Everything the service is started with. */
export interface ServiceConfig {
  readonly port: number;
  readonly host: string;
  /** The address to call the service at, as seen from this machine. */
  readonly address: string;
  readonly isProduction: boolean;
  readonly database: DatabaseLocation;
  readonly auth: AuthModuleOptions;
  readonly serviceKeys: readonly string[];
  /** Where the service key was made up, or `undefined` where it was given or there is none. */
  readonly serviceKeyFile: string | undefined;
  readonly corsOrigins: readonly string[];
  readonly logLevel: Environment['logLevel'];
}

/**
 * The service's configuration from the environment; makes up the development keys that are missing.
 * @throws ConfigurationError in one readable line
 */
export function serviceConfig(env: ProcessEnvironment): ServiceConfig {
  const environment = readEnvironment(env);
  const { port, host, dataDir, isProduction, corsOrigins = [], logLevel } = environment;
  const { database = sqliteIn(dataDir) } = environment;
  const address = addressOf(host, port);
  const serviceKeyIsMadeUp = environment.serviceKeys === undefined && !isProduction;
  if (!isProduction || environment.database === undefined) makeDataDir(dataDir);

  return {
    port,
    host,
    address,
    isProduction,
    database,
    auth: authOptions(environment, address),
    serviceKeys: environment.serviceKeys ?? (serviceKeyIsMadeUp ? madeUp.serviceKeys(dataDir) : []),
    serviceKeyFile: serviceKeyIsMadeUp ? serviceKeyPath(dataDir) : undefined,
    corsOrigins,
    logLevel,
  };
}

function authOptions(environment: Environment, address: string): AuthModuleOptions {
  const { dataDir, issuer = address, audience, retiredSecrets, sessionRetention } = environment;
  const seconds = (milliseconds: number) => milliseconds / 1_000;
  return {
    refreshToken: {
      secrets: environment.refreshTokenSecrets ?? madeUp.refreshTokenSecrets(dataDir),
      ...(retiredSecrets && { retiredSecrets }),
      leeway: seconds(environment.leeway),
      idleTtl: seconds(environment.idleTtl),
      absoluteTtl: seconds(environment.absoluteTtl),
      lostResponse: environment.lostResponse,
    },
    accessToken: {
      issuer,
      ...(audience && { audience }),
      ttl: seconds(environment.accessTokenTtl),
      keys: environment.signingKeys ?? madeUp.signingKeys(dataDir),
    },
    session: {
      ...(sessionRetention !== undefined && { retention: seconds(sessionRetention) }),
      lostSessions: environment.lostSessions,
    },
    keyActivationDelay: seconds(environment.keyActivationDelay),
  };
}

/** A wildcard is no address to call. */
function addressOf(host: string, port: number): string {
  const callable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${callable.includes(':') ? `[${callable}]` : callable}:${port}`;
}
