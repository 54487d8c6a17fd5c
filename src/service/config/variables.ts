import { signingKeys, type JsonWebKeySet } from '../../auth/keys/signing-key.js';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { MAX_LEEWAY, MIN_LIFE, SECRET_LENGTH, SERVICE_KEY } from '../../auth/options/resolve-options.js';
import { DURATION_TAKES, parseDuration } from '../../auth/formats/duration.js';
import { COOKIE_NAME } from '../../auth/formats/cookie.js';
import { isOrigin } from '../../auth/formats/origin.js';
import { isFingerprint, tokenSecrets } from '../../auth/keys/token-secret.js';
import { parseTime, PASSED_TIME_TAKES } from '../../auth/formats/time.js';
import { parseDatabaseUrl } from '../database/database-url.js';
import { parseTrustProxy } from './trust-proxy.js';

/** One variable of the environment. */
export interface Variable<T> {
  readonly name: string;
  /** What it takes, for messages and the README. */
  readonly takes: string;
  readonly about: string;
  /** What an unset one is read as; where there is none, `undefined`. */
  readonly fallback?: string;
  /** For the README, where the fallback is not one text. */
  readonly fallbackAbout?: string;
  /** Its value is never shown, and may be given as a file: `<NAME>_FILE`. */
  readonly isSecret?: boolean;
  /** Its value is never shown: a secret may have been pasted there. */
  readonly isHidden?: boolean;
  /** @returns the value, or `undefined` where the text isn't one */
  parse(text: string): T | undefined;
}

const FLAG_TAKES = 'true, false';

/** The configuration: every variable the service reads. The README's table is made from this one. */
export const variables = {
  port: variable({
    name: 'PORT',
    about: 'Where to listen.',
    takes: 'a whole number from 0 (any free port) to 65535',
    fallback: '3000',
    parse: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
  }),
  host: variable({
    name: 'HOST',
    about: 'The address to listen on; `0.0.0.0` for all.',
    takes: 'a host name or an IP address',
    fallback: '127.0.0.1',
    parse: (text) => (/^[A-Za-z0-9.:_-]+$/.test(text) ? text : undefined),
  }),
  httpAdapter: choice(
    'HTTP_ADAPTER',
    ['express', 'fastify'],
    'What serves HTTP; `fastify` takes `npm install @nestjs/platform-fastify`.',
  ),
  dataDir: variable({
    name: 'DATA_DIR',
    about: "Where the SQLite database is kept, and the keys that the environment doesn't give.",
    takes: 'a path',
    fallback: './data',
    parse: (text) => text,
  }),
  database: variable({
    name: 'DATABASE_URL',
    about: 'The database. It may hold a password, so it is never shown.',
    takes: 'sqlite:<path> or <postgres, mysql, mariadb, cockroachdb>://<user>:<password>@<host>:<port>/<database>',
    fallbackAbout: 'SQLite in `DATA_DIR`',
    isSecret: true,
    parse: parseDatabaseUrl,
  }),
  issuer: variable({
    name: 'ISSUER',
    about: 'The `iss` claim of access tokens. Required in production.',
    takes: 'a URL or another text without spaces',
    fallbackAbout: "the service's own address",
    parse: (text) => (/^\S+$/.test(text) ? text : undefined),
  }),
  audience: variable({
    name: 'AUDIENCE',
    about: 'The `aud` claim of access tokens.',
    takes: 'a URL or another text without spaces',
    fallbackAbout: '`ISSUER`',
    parse: (text) => (/^\S+$/.test(text) ? text : undefined),
  }),
  accessTokenTtl: duration('ACCESS_TOKEN_TTL', '1h', "An access token's life; cut to the session's.", MIN_LIFE),
  leeway: variable({
    name: 'REFRESH_TOKEN_LEEWAY',
    about: 'For how long after a rotation everybody is handed the same successor.',
    takes: `${DURATION_TAKES}; at most 5m, 0 allowed`,
    fallback: '10s',
    parse: (text) => {
      const milliseconds = parseDuration(text);
      return milliseconds !== undefined && milliseconds <= MAX_LEEWAY ? milliseconds : undefined;
    },
  }),
  idleTtl: duration(
    'REFRESH_TOKEN_IDLE_TTL',
    '30d',
    'After how long without a refresh a session ends; more than the leeway.',
  ),
  absoluteTtl: duration(
    'REFRESH_TOKEN_ABSOLUTE_TTL',
    '365d',
    'After how long a session ends however busy it is.',
    MIN_LIFE,
  ),
  lostResponse: choice(
    'REFRESH_TOKEN_LOST_RESPONSE',
    ['forgive', 'revoke'],
    'What the last used token means when it comes again after the leeway: a lost response, or a second holder.',
  ),
  refreshTokenSecrets: variable({
    name: 'REFRESH_TOKEN_SECRETS',
    about:
      'What refresh tokens are made with: the first mints, all verify. In production and with a database server it is required, unless `keys add --secret` has put one into `DATA_DIR`.',
    takes: `secrets of at least ${SECRET_LENGTH} characters each, separated by commas`,
    fallbackAbout: 'those in `DATA_DIR`, where one is made up',
    isSecret: true,
    parse: (text) => {
      const secrets = list(text);
      if (secrets.length === 0 || secrets.some((secret) => secret.length < SECRET_LENGTH)) return undefined;
      tokenSecrets(secrets);
      return secrets;
    },
  }),
  signingKeys: variable({
    name: 'SIGNING_KEYS',
    about:
      'The private keys of access tokens: the first signs, all are published. In production and with a database server it is required, unless `keys add` has put one into `DATA_DIR`.',
    takes: 'a JWK set as JSON, of EC P-256 or RSA (2048 bits or more) private keys',
    fallbackAbout: 'those in `DATA_DIR`, where one is made up',
    isSecret: true,
    parse: (text) => {
      let set: JsonWebKeySet;
      try {
        set = JSON.parse(text) as JsonWebKeySet;
      } catch {
        return undefined;
      }
      signingKeys({ keys: set }, 0);
      return set;
    },
  }),
  serviceKeys: variable({
    name: 'SERVICE_KEYS',
    about:
      'What your login backend authenticates with at `/sessions`. Without any, in production, `POST` and `PATCH` there are 404.',
    takes: 'keys of at least 24 printable characters each, separated by commas',
    fallbackAbout: 'made up into `DATA_DIR`, but in production',
    isSecret: true,
    parse: (text) => {
      const keys = list(text);
      return keys.length > 0 && keys.every((key) => SERVICE_KEY.test(key)) ? keys : undefined;
    },
  }),
  keyActivationDelay: duration(
    'KEY_ACTIVATION_DELAY',
    '5m',
    'For how long a new key is known before it is used; more than 5 s, where several processes share `DATA_DIR`.',
  ),
  retiredSecrets: variable({
    name: 'RETIRED_SECRETS',
    about: 'Fingerprints of refresh-token secrets that were given up; the refused start prints the line to set.',
    takes: 'fingerprints of 16 hex digits, separated by commas',
    fallbackAbout: 'none',
    isHidden: true,
    parse: (text) => (list(text).every(isFingerprint) ? list(text) : undefined),
  }),
  sessionRetention: variable({
    name: 'SESSION_RETENTION',
    about:
      'For how long after its last token the row of an ended session is kept, and one that is missing counts as lost.',
    takes: DURATION_TAKES,
    fallbackAbout: '`REFRESH_TOKEN_ABSOLUTE_TTL`',
    parse: parseDuration,
  }),
  sessionPurge: flag(
    'SESSION_PURGE',
    true,
    'Whether rows past their retention are deleted, a few at a time, by every instance.',
  ),
  lostSessions: choice(
    'LOST_SESSIONS',
    ['unavailable', 'refuse'],
    'What an authentic token without a row is answered: 503 (the row was lost in a restore), or 401.',
  ),
  maxSessionsPerSubject: variable({
    name: 'MAX_SESSIONS_PER_SUBJECT',
    about: 'How many live sessions a user may have; a login beyond ends the oldest.',
    takes: 'a whole number of at least 1',
    fallbackAbout: 'any number',
    parse: (text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined),
  }),
  sessionsNotBefore: variable({
    name: 'SESSIONS_NOT_BEFORE',
    about: 'The emergency brake: while it is set, sessions created earlier are refused.',
    takes: PASSED_TIME_TAKES,
    fallbackAbout: 'none',
    parse: (text) => ((parseTime(text) ?? Infinity) > Date.now() ? undefined : text),
  }),
  recordDevice: flag(
    'RECORD_DEVICE',
    true,
    'Whether `User-Agent` and IP address are recorded, at login and at each rotation.',
  ),
  trustProxy: variable({
    name: 'TRUST_PROXY',
    about: "Which proxies' `X-Forwarded-For` is believed, for the IP address of a session; in Express's grammar.",
    takes:
      'true, false, a number of hops, or addresses, subnets, loopback, linklocal, uniquelocal, separated by commas',
    fallback: 'false',
    parse: parseTrustProxy,
  }),
  corsOrigins: variable({
    name: 'CORS_ORIGINS',
    about: 'The origins of browser apps that may call the service.',
    takes: 'origins such as https://app.example.com, separated by commas',
    fallbackAbout: 'none',
    parse: (text) => (list(text).every(isOrigin) ? list(text) : undefined),
  }),
  cookie: flag(
    'REFRESH_TOKEN_COOKIE',
    false,
    'Whether browsers may keep the refresh token in a cookie; its pages are those of `CORS_ORIGINS` and of the service itself.',
  ),
  cookieName: variable({
    name: 'REFRESH_TOKEN_COOKIE_NAME',
    about: 'The name of that cookie. With `__Host-`, no subdomain can set it.',
    takes: "a cookie's name (RFC 6265 §4.1.1) of 1 to 64 characters",
    fallback: '__Host-refresh_token',
    parse: (text) => (COOKIE_NAME.test(text) ? text : undefined),
  }),
  cookieSameSite: choice(
    'REFRESH_TOKEN_COOKIE_SAME_SITE',
    ['strict', 'lax', 'none'],
    'Its `SameSite`; `none` for pages of another site.',
  ),
  oauth: flag('OAUTH', true, 'Whether the OAuth endpoints are there, and their metadata where `ISSUER` is a URL.'),
  oauthPrefix: variable({
    name: 'OAUTH_PREFIX',
    about: 'Where they stand: `<prefix>/token`, `/revoke`, `/introspect`.',
    takes: 'a path such as oauth or auth/oauth, without slashes at its ends',
    fallback: 'oauth',
    parse: (text) => (/^[\w~-][\w.~-]*(?:\/[\w~-][\w.~-]*)*$/.test(text) ? text : undefined),
  }),
  demo: variable({
    name: 'DEMO',
    about:
      'Whether there is a page at `/demo` to watch it all in a browser; in production there is none, whatever this says.',
    takes: FLAG_TAKES,
    fallbackAbout: '`true` where `HOST` is this machine itself',
    parse: parseFlag,
  }),
  logLevel: choice(
    'LOG_LEVEL',
    ['log', 'error', 'warn', 'debug'],
    'What is logged, this and worse; JSON lines unless on a terminal.',
  ),
};

/** What a variable's text is read as. */
export type ValueOf<V> = V extends Variable<infer T> ? T : never;

/** A variable that always has a value. */
type Defaulted<T> = Variable<T> & { readonly fallback: string };

function variable<T>(definition: Defaulted<T>): Defaulted<T>;
function variable<T>(definition: Variable<T>): Variable<T>;
function variable<T>(definition: Variable<T>): Variable<T> {
  return definition;
}

function duration(name: string, fallback: string, about: string, min = 0): Defaulted<number> {
  return {
    name,
    about,
    takes: DURATION_TAKES + (min > 0 ? `; at least ${min / 1_000}s` : ''),
    fallback,
    parse: (text) => {
      const milliseconds = parseDuration(text);
      return milliseconds !== undefined && milliseconds >= min ? milliseconds : undefined;
    },
  };
}

function choice<T extends string>(name: string, values: readonly [T, ...T[]], about: string): Defaulted<T> {
  return {
    name,
    about,
    takes: values.join(', '),
    fallback: values[0],
    parse: (text) => values.find((value) => value === text),
  };
}

function parseFlag(text: string): boolean | undefined {
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

function flag(name: string, fallback: boolean, about: string): Defaulted<boolean> {
  return {
    name,
    about,
    takes: FLAG_TAKES,
    fallback: String(fallback),
    parse: parseFlag,
  };
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/**
 * Reads a variable's text, wherever it came from.
 * @param source what the message names, and `remedy` what it adds
 * @throws ConfigurationError in one line: what it got and what it takes; never a secret
 */
export function parsed<T>(definition: Variable<T>, text: string, source = definition.name, remedy = ''): T {
  const { takes, isSecret, isHidden } = definition;
  const got = isSecret || isHidden ? `a value of ${text.length} characters` : JSON.stringify(text);
  const refused = (why = '') => new ConfigurationError(`${source}: got ${got}${why}, takes ${takes}.${remedy}`);
  let value: T | undefined;
  try {
    value = definition.parse(text);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw refused(` (${error.message.replace(/\.$/, '')})`);
  }
  if (value === undefined) throw refused();
  return value;
}
