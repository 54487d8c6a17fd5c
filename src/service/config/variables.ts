import { accessTokenTable } from '../../auth/options/access-token.table.js';
import { cookieTable } from '../../auth/options/cookie.table.js';
import { moduleTable } from '../../auth/options/module.table.js';
import { withDefault } from '../../auth/options/reader.js';
import { choice, flag } from '../../auth/options/readers.js';
import { refreshTokenTable } from '../../auth/options/refresh-token.table.js';
import { sessionTable } from '../../auth/options/session.table.js';
import { signingKeys, type JsonWebKeySet } from '../../auth/keys/signing-key.js';
import { DATABASE_URL_TAKES, parseDatabaseUrl } from '../database/database-url.js';
import { parseTrustProxy } from './trust-proxy.js';
import { readBy, variable } from './variable.js';

/**
 * The configuration: every variable that the service reads. The documentation's table is made from this one.
 * A variable that sets an option of the module is read by that option's row, and has its default and limits from there.
 */
export const variables = {
  port: variable({
    name: 'PORT',
    about: 'The port to listen on.',
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
  httpAdapter: readBy(withDefault(choice('express', 'fastify'), 'express'), {
    name: 'HTTP_ADAPTER',
    about: 'The framework that serves HTTP. `fastify` needs `npm install @nestjs/platform-fastify`.',
  }),
  dataDir: variable({
    name: 'DATA_DIR',
    about: "The folder of the SQLite database, and of the keys that the environment doesn't give.",
    takes: 'a path',
    fallback: './data',
    parse: (text) => text,
  }),
  database: variable({
    name: 'DATABASE_URL',
    about: 'The address of the database. No log and no message shows the address, since it may hold a password.',
    takes: DATABASE_URL_TAKES,
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
  accessTokenTtl: readBy(accessTokenTable.ttl, {
    name: 'ACCESS_TOKEN_TTL',
    about: 'How long an access token lives, but never longer than its session.',
  }),
  leeway: readBy(refreshTokenTable.leeway, {
    name: 'REFRESH_TOKEN_LEEWAY',
    about: 'For how long after a rotation every request gets the same successor.',
  }),
  idleTtl: readBy(refreshTokenTable.idleTtl, {
    name: 'REFRESH_TOKEN_IDLE_TTL',
    about: 'After how long without a refresh a session ends. Must be more than the leeway.',
  }),
  absoluteTtl: readBy(refreshTokenTable.absoluteTtl, {
    name: 'REFRESH_TOKEN_ABSOLUTE_TTL',
    about: 'After how long a session ends, however often it refreshes.',
  }),
  lostResponse: readBy(refreshTokenTable.lostResponse, {
    name: 'REFRESH_TOKEN_LOST_RESPONSE',
    about:
      'How the last used token is judged when a client presents it again after the leeway: a lost response (`forgive`), or a second holder (`revoke`).',
  }),
  refreshTokenSecrets: readBy(refreshTokenTable.secrets, {
    name: 'REFRESH_TOKEN_SECRETS',
    about:
      'The secrets that refresh tokens are made with. All verify; the first mints once it was known for `KEY_ACTIVATION_DELAY`. Required in production and with a database server, unless `keys add --secret` has put a secret into `DATA_DIR`.',
    fallbackAbout: 'those in `DATA_DIR`, where one is made up',
    isSecret: true,
  }),
  signingKeys: variable({
    name: 'SIGNING_KEYS',
    about:
      'The private keys of access tokens. All are published; the first signs once it was known for `KEY_ACTIVATION_DELAY`. Required in production and with a database server, unless `keys add` has put a key into `DATA_DIR`.',
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
      signingKeys({ keys: set });
      return set;
    },
  }),
  serviceKeys: readBy(moduleTable.serviceKeys, {
    name: 'SERVICE_KEYS',
    about:
      'The keys with which your login backend calls `/sessions`. In production without a key, `POST` and `PATCH` there are answered 404.',
    fallbackAbout: 'made up into `DATA_DIR`; none in production',
    isSecret: true,
    isRefused: (keys) => keys.length === 0,
  }),
  keyActivationDelay: readBy(moduleTable.keyActivationDelay, {
    name: 'KEY_ACTIVATION_DELAY',
    about:
      'For how long a new signing key or secret is known before it is used. A roll-out must reach every instance within four fifths of that time. With 0, a new key is used at once.',
  }),
  retiredSecrets: readBy(refreshTokenTable.retiredSecrets, {
    name: 'RETIRED_SECRETS',
    about:
      'The fingerprints of refresh-token secrets that were given up. A start that is refused for a missing secret prints the line to set.',
    fallbackAbout: 'none',
    isHidden: true,
  }),
  sessionRetention: readBy(sessionTable.retention, {
    name: 'SESSION_RETENTION',
    about:
      'For how long after its last token the row of an ended session is kept. A row that is missing before then counts as lost.',
    fallbackAbout: '`REFRESH_TOKEN_ABSOLUTE_TTL`',
  }),
  sessionPurge: readBy(sessionTable.purge, {
    name: 'SESSION_PURGE',
    about: 'Whether every instance deletes rows past their retention, a few at a time.',
  }),
  lostSessions: readBy(sessionTable.lostSessions, {
    name: 'LOST_SESSIONS',
    about:
      'The answer to an authentic token whose session has no row: 503 (`unavailable`: a restore lost the row), or 401 (`refuse`).',
  }),
  maxSessionsPerSubject: readBy(sessionTable.maxSessionsPerSubject, {
    name: 'MAX_SESSIONS_PER_SUBJECT',
    about: 'How many live sessions a user may have. One login more ends the oldest.',
    fallbackAbout: 'any number',
  }),
  sessionsNotBefore: readBy(sessionTable.notBefore, {
    name: 'SESSIONS_NOT_BEFORE',
    about: 'The emergency brake: while this variable is set, sessions that were created before that time are refused.',
    fallbackAbout: 'none',
  }),
  recordDevice: readBy(sessionTable.recordDevice, {
    name: 'RECORD_DEVICE',
    about: 'Whether `User-Agent` and IP address are recorded, at login and at each rotation.',
  }),
  trustProxy: variable({
    name: 'TRUST_PROXY',
    about: "The proxies whose `X-Forwarded-For` tells the IP address of a session, in Express's grammar.",
    takes:
      'true, false, a number of hops, or addresses, subnets, loopback, linklocal, uniquelocal, separated by commas',
    fallback: 'false',
    parse: parseTrustProxy,
  }),
  corsOrigins: readBy(cookieTable.origins, {
    name: 'CORS_ORIGINS',
    about: 'The origins of browser apps that may call the service.',
    fallbackAbout: 'none',
  }),
  cookie: readBy(withDefault(flag(), false), {
    name: 'REFRESH_TOKEN_COOKIE',
    about:
      'Whether browsers may keep the refresh token in a cookie. Pages of `CORS_ORIGINS` and of the service itself may use the cookie.',
  }),
  cookieName: readBy(cookieTable.name, {
    name: 'REFRESH_TOKEN_COOKIE_NAME',
    about: 'The name of that cookie. No subdomain can set a cookie whose name begins with `__Host-`.',
  }),
  cookieSameSite: readBy(cookieTable.sameSite, {
    name: 'REFRESH_TOKEN_COOKIE_SAME_SITE',
    about: 'The `SameSite` of that cookie. Pages of another site need `none`.',
  }),
  oauth: readBy(withDefault(flag(), true), {
    name: 'OAUTH',
    about: 'Whether the service has the OAuth endpoints, and their metadata where `ISSUER` is a URL.',
  }),
  oauthPrefix: variable({
    name: 'OAUTH_PREFIX',
    about: 'The path of the OAuth endpoints: `<prefix>/token`, `/revoke`, `/introspect`.',
    takes: 'a path such as oauth or auth/oauth, without slashes at its ends',
    fallback: 'oauth',
    parse: (text) => (/^[\w~-][\w.~-]*(?:\/[\w~-][\w.~-]*)*$/.test(text) ? text : undefined),
  }),
  demo: readBy(flag(), {
    name: 'DEMO',
    about:
      'Whether the service has a page at `/demo` that shows in a browser how it works. In production there is no such page.',
    fallbackAbout: '`true` where `HOST` is this machine itself',
  }),
  logLevel: readBy(withDefault(choice('log', 'error', 'warn', 'debug'), 'log'), {
    name: 'LOG_LEVEL',
    about: 'The least severe level that is logged. The log is lines of JSON, or text where stdout is a terminal.',
  }),
};
