import { existsSync, readFileSync } from 'node:fs';
import { ConfigurationError } from '../../auth/auth.errors.js';
import type {
  AccessTokenCommonOptions,
  CookieOptions,
  ModuleWideOptions,
  OAuthOptions,
  RefreshTokenOptions,
  SessionOptions,
} from '../../auth/options/auth.options.js';
import type { Group, Row } from '../../auth/options/reader.js';
import { keyFiles } from './data-folder-paths.js';
import { isOnServer, sqliteIn, type DatabaseLocation } from '../database/database-url.js';
import { parsed, type ValueOf, type Variable } from './variable.js';
import { variables } from './variables.js';

type Variables = typeof variables;

/** The module's options that variables set, as the operator wrote them: a duration of `15m` stays `15m`. */
export interface GivenOptions extends Record<Group, object> {
  readonly refreshToken: Partial<RefreshTokenOptions>;
  readonly accessToken: Partial<AccessTokenCommonOptions>;
  readonly session: SessionOptions;
  readonly cookie: CookieOptions;
  readonly oauth: OAuthOptions;
  readonly moduleWide: ModuleWideOptions;
}

/**
 * The environment as read and checked: one value a variable, durations in milliseconds, `undefined` where an unset
 * variable has no fallback.
 */
export type Environment = {
  readonly [K in keyof Variables]: Variables[K] extends { fallback: string }
    ? ValueOf<Variables[K]>
    : ValueOf<Variables[K]> | undefined;
} & { readonly isProduction: boolean; readonly options: GivenOptions };

export type ProcessEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment.
 * @throws ConfigurationError, one line, naming the variable, what it got and what it takes; never a secret
 */
export function readEnvironment(env: ProcessEnvironment): Environment {
  const environment = readVariables(env);
  checkTogether(environment, env);
  return environment;
}

/**
 * Reads each variable by itself, for tools that don't need what the service does.
 * @throws ConfigurationError as `readEnvironment`
 */
export function readVariables(env: ProcessEnvironment): Environment {
  const values: Partial<Record<keyof Variables, unknown>> = {};
  const options = { refreshToken: {}, accessToken: {}, session: {}, cookie: {}, oauth: {}, moduleWide: {} };
  for (const [key, variable] of Object.entries<Variable<unknown>>(variables)) {
    const text = textOf(variable, env);
    values[key as keyof Variables] = text === undefined ? undefined : parsed(variable, text);
    if (variable.sets) setOption(options, variable.sets, text);
  }
  return { ...values, options, isProduction: env['NODE_ENV'] === 'production' } as Environment;
}

/** An unset variable without a fallback leaves its option out. */
function setOption(
  options: Record<Group, Record<string, unknown>>,
  { group, name, fromText }: Row,
  text: string | undefined,
): void {
  options[group][name] = text === undefined ? undefined : fromText(text);
}

/** Reads only where the sessions are kept. */
export function databaseLocation(env: ProcessEnvironment): DatabaseLocation {
  const given = valueOf(variables.database, env) as DatabaseLocation | undefined;
  return given ?? sqliteIn(valueOf(variables.dataDir, env) as string);
}

function valueOf(variable: Variable<unknown>, env: ProcessEnvironment): unknown {
  const text = textOf(variable, env);
  return text === undefined ? undefined : parsed(variable, text);
}

/**
 * The text of a variable. An empty variable counts as unset, as in a compose file that passes on an unset variable. An
 * empty file does not: its secret wasn't filled in.
 */
function textOf({ name, isSecret, fallback }: Variable<unknown>, env: ProcessEnvironment): string | undefined {
  const file = isSecret ? env[`${name}_FILE`] : undefined;
  if (!file) return env[name] || fallback;
  if (env[name]) throw new ConfigurationError(`${name}: got both ${name} and ${name}_FILE, takes one of them.`);
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigurationError(
      `${name}_FILE: got ${JSON.stringify(file)} (${code}), takes the path of a readable file.`,
    );
  }
}

function checkTogether(environment: Environment, env: ProcessEnvironment): void {
  const { idleTtl, leeway, isProduction, database } = environment;
  if (idleTtl <= leeway) {
    throw new ConfigurationError(
      `${variables.idleTtl.name}: got ${JSON.stringify(env[variables.idleTtl.name] ?? variables.idleTtl.fallback)}, takes more than ${variables.leeway.name}, which is ${leeway / 1_000}s.`,
    );
  }
  if (isProduction && environment.issuer === undefined) {
    throw new ConfigurationError(
      `${variables.issuer.name}: got nothing, takes ${variables.issuer.takes}; it must be set in production.`,
    );
  }
  requireGiven(environment, database !== undefined && isOnServer(database));
}

/** Requires keys where made-up ones won't do: with the folder of a made-up key, every session would be lost. */
function requireGiven(environment: Environment, isShared: boolean): void {
  const { isProduction, dataDir } = environment;
  if (!isProduction && !isShared) return;
  const when = isProduction ? 'in production' : 'with a database that other instances may share';
  const files = keyFiles(dataDir);
  for (const [key, path, command] of [
    ['refreshTokenSecrets', files.secrets, 'keys add --secret'],
    ['signingKeys', files.signingKeys, 'keys add'],
  ] as const) {
    if (environment[key] !== undefined || existsSync(path)) continue;
    const { name, takes } = variables[key];
    throw new ConfigurationError(
      `${name}: got nothing, takes ${takes}; it must be set ${when}. "nest-refresh-token keys generate" ("npm run keys -- generate" in a checkout) prints one; or keep it in DATA_DIR: "nest-refresh-token ${command}".`,
    );
  }
}
