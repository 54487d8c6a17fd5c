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
  httpAdapter: readBy(withDefault(choice('express', 'fastify'), 'express'), {
    name: 'HTTP_ADAPTER',
    about: 'What serves HTTP; `fastify` takes `npm install @nestjs/platform-fastify`.',
  }),
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
    about: "An access token's life; cut to the session's.",
  }),
  leeway: readBy(refreshTokenTable.leeway, {
    name: 'REFRESH_TOKEN_LEEWAY',
    about: 'For how long after a rotation everybody is handed the same successor.',
  }),
  idleTtl: readBy(refreshTokenTable.idleTtl, {
    name: 'REFRESH_TOKEN_IDLE_TTL',
    about: 'After how long without a refresh a session ends; more than the leeway.',
  }),
  absoluteTtl: readBy(refreshTokenTable.absoluteTtl, {
    name: 'REFRESH_TOKEN_ABSOLUTE_TTL',
    about: 'After how long a session ends however busy it is.',
  }),
  lostResponse: readBy(refreshTokenTable.lostResponse, {
    name: 'REFRESH_TOKEN_LOST_RESPONSE',
    about: 'What the last used token means when it comes again after the leeway: a lost response, or a second holder.',
  }),
  refreshTokenSecrets: readBy(refreshTokenTable.secrets, {
    name: 'REFRESH_TOKEN_SECRETS',
    about:
      'What refresh tokens are made with: all verify, the first mints once it was known for `KEY_ACTIVATION_DELAY`. In production and with a database server it is required, unless `keys add --secret` has put one into `DATA_DIR`.',
    fallbackAbout: 'those in `DATA_DIR`, where one is made up',
    isSecret: true,
  }),
  signingKeys: variable({
    name: 'SIGNING_KEYS',
    about:
      'The private keys of access tokens: all are published, the first signs once it was known for `KEY_ACTIVATION_DELAY`. In production and with a database server it is required, unless `keys add` has put one into `DATA_DIR`.',
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
      'What your login backend authenticates with at `/sessions`. Without any, in production, `POST` and `PATCH` there are 404.',
    fallbackAbout: 'made up into `DATA_DIR`, but in production',
    isSecret: true,
    isRefused: (keys) => keys.length === 0,
  }),
  keyActivationDelay: readBy(moduleTable.keyActivationDelay, {
    name: 'KEY_ACTIVATION_DELAY',
    about:
      'For how long a new signing key or secret is known before it is used. A roll-out must reach every instance within four fifths of it; with 0 nothing waits.',
  }),
  retiredSecrets: readBy(refreshTokenTable.retiredSecrets, {
    name: 'RETIRED_SECRETS',
    about: 'Fingerprints of refresh-token secrets that were given up; the refused start prints the line to set.',
    fallbackAbout: 'none',
    isHidden: true,
  }),
  sessionRetention: readBy(sessionTable.retention, {
    name: 'SESSION_RETENTION',
    about:
      'For how long after its last token the row of an ended session is kept, and one that is missing counts as lost.',
    fallbackAbout: '`REFRESH_TOKEN_ABSOLUTE_TTL`',
  }),
  sessionPurge: readBy(sessionTable.purge, {
    name: 'SESSION_PURGE',
    about: 'Whether rows past their retention are deleted, a few at a time, by every instance.',
  }),
  lostSessions: readBy(sessionTable.lostSessions, {
    name: 'LOST_SESSIONS',
    about: 'What an authentic token without a row is answered: 503 (the row was lost in a restore), or 401.',
  }),
  maxSessionsPerSubject: readBy(sessionTable.maxSessionsPerSubject, {
    name: 'MAX_SESSIONS_PER_SUBJECT',
    about: 'How many live sessions a user may have; a login beyond ends the oldest.',
    fallbackAbout: 'any number',
  }),
  sessionsNotBefore: readBy(sessionTable.notBefore, {
    name: 'SESSIONS_NOT_BEFORE',
    about: 'The emergency brake: while it is set, sessions created earlier are refused.',
    fallbackAbout: 'none',
  }),
  recordDevice: readBy(sessionTable.recordDevice, {
    name: 'RECORD_DEVICE',
    about: 'Whether `User-Agent` and IP address are recorded, at login and at each rotation.',
  }),
  trustProxy: variable({
    name: 'TRUST_PROXY',
    about: "Which proxies' `X-Forwarded-For` is believed, for the IP address of a session; in Express's grammar.",
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
      'Whether browsers may keep the refresh token in a cookie; its pages are those of `CORS_ORIGINS` and of the service itself.',
  }),
  cookieName: readBy(cookieTable.name, {
    name: 'REFRESH_TOKEN_COOKIE_NAME',
    about: 'The name of that cookie. With `__Host-`, no subdomain can set it.',
  }),
  cookieSameSite: readBy(cookieTable.sameSite, {
    name: 'REFRESH_TOKEN_COOKIE_SAME_SITE',
    about: 'Its `SameSite`; `none` for pages of another site.',
  }),
  oauth: readBy(withDefault(flag(), true), {
    name: 'OAUTH',
    about: 'Whether the OAuth endpoints are there, and their metadata where `ISSUER` is a URL.',
  }),
  oauthPrefix: variable({
    name: 'OAUTH_PREFIX',
    about: 'Where they stand: `<prefix>/token`, `/revoke`, `/introspect`.',
    takes: 'a path such as oauth or auth/oauth, without slashes at its ends',
    fallback: 'oauth',
    parse: (text) => (/^[\w~-][\w.~-]*(?:\/[\w~-][\w.~-]*)*$/.test(text) ? text : undefined),
  }),
  demo: readBy(flag(), {
    name: 'DEMO',
    about:
      'Whether there is a page at `/demo` to watch it all in a browser; in production there is none, whatever this says.',
    fallbackAbout: '`true` where `HOST` is this machine itself',
  }),
  logLevel: readBy(withDefault(choice('log', 'error', 'warn', 'debug'), 'log'), {
    name: 'LOG_LEVEL',
    about: 'What is logged, this and worse; JSON lines unless on a terminal.',
  }),
};
