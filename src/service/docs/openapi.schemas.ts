import { OAUTH_STATUS_BY_CODE, STATUS_BY_CODE } from '../../auth/http/error-response.js';
import { MAX_USER_AGENT } from '../../auth/session/device.js';
import {
  MAX_CLAIMS_BYTES,
  MAX_CLIENT_ID,
  MAX_LABEL,
  MAX_SCOPE,
  MAX_SUBJECT,
} from '../../auth/session/issue-options.js';
import { object, oneOf, ref, seconds, text, texts, type Schema, type Schemas } from './openapi.elements.js';
import type { Features } from './openapi.features.js';

/** The bodies of all requests and answers. The document takes those that its paths refer to. */
export function schemasOf(features: Features): Schemas {
  const { hasServiceKeys, cookieName } = features;
  return {
    ...tokenSchemas,
    ...sessionSchemas,
    ...oauthSchemas,
    Session: object({
      session_id: { type: 'string', format: 'uuid' },
      subject: text("The user's id, as you gave it."),
      ...withoutCookie,
      refresh_token: text("The session's first refresh token."),
      ...(cookieName !== undefined && { set_cookie: text('The Set-Cookie header to hand on to a browser.') }),
    }),
    Error: object(
      {
        error: oneOf(...errorCodesOf(features)),
        error_description: text('The part of the request that is wrong, its value, and the values that are taken.'),
      },
      ['error'],
    ),
    Readiness: object({
      status: oneOf('ok', 'unavailable'),
      checks: object({ shutdown: text(), database: text(), clock: text() }),
    }),
    ServerMetadata: object({
      issuer: text('The `iss` claim of access tokens.'),
      token_endpoint: text(),
      token_endpoint_auth_methods_supported: texts('Clients are public.'),
      grant_types_supported: texts('The grants that the token endpoint takes.'),
      response_types_supported: texts('None: there is no authorization endpoint.'),
      revocation_endpoint: text(),
      revocation_endpoint_auth_methods_supported: texts('Clients are public.'),
      ...(hasServiceKeys && {
        introspection_endpoint: text(),
        introspection_endpoint_auth_methods_supported: texts('A service key, as bearer token or as password.'),
      }),
      jwks_uri: text('The public keys of access tokens.'),
    }),
  };
}

/** The codes of the service's own endpoints; those of the OAuth endpoints are in `OAuthError`. */
function errorCodesOf({ hasServiceKeys, cookieName }: Features): string[] {
  const isAnswered: Partial<Record<string, boolean>> = {
    invalid_service_key: hasServiceKeys,
    forbidden_origin: cookieName !== undefined,
    // Only a host's routes ask for a scope.
    insufficient_scope: false,
  } satisfies Partial<Record<keyof typeof STATUS_BY_CODE, boolean>>;
  return Object.keys(STATUS_BY_CODE).filter((code) => isAnswered[code] ?? true);
}

/** The tokens in the body of an answer that hands the refresh token over in the cookie. */
const withoutCookie = {
  access_token: text('A JWT (RFC 9068).'),
  token_type: oneOf('Bearer'),
  expires_in: seconds("The access token's life."),
  refresh_expires_in: seconds('How long the refresh token lives without a refresh.'),
};
const tokens = {
  ...withoutCookie,
  refresh_token: text('The successor; save it before you use the access token.'),
};
const scope: Schema = { type: 'string', maxLength: MAX_SCOPE, description: 'Space-separated words (RFC 6749 §3.3).' };

const tokenSchemas: Schemas = {
  Tokens: object(tokens),
  CookieTokens: object(withoutCookie),
};

const sessionSchemas: Schemas = {
  NewSession: {
    ...object(
      {
        subject: { type: 'string', minLength: 1, maxLength: MAX_SUBJECT, description: "The user's id." },
        claims: {
          type: 'object',
          additionalProperties: true,
          description: `More claims, at most ${MAX_CLAIMS_BYTES / 1_024} KiB as JSON.`,
        },
        scope,
        client_id: { type: 'string', minLength: 1, maxLength: MAX_CLIENT_ID },
        label: { type: 'string', minLength: 1, maxLength: MAX_LABEL, description: "The user's name for the device." },
        user_agent: text(`The User-Agent the user signed in with; cut to ${MAX_USER_AGENT} characters.`),
        ip: text('The IP address the user signed in from.'),
        revoke_others: { type: 'boolean', description: "Whether the user's other sessions end." },
      },
      ['subject'],
    ),
    additionalProperties: false,
  },
  SessionList: object({
    sessions: { type: 'array', items: ref('ListedSession') },
    next_cursor: { type: 'string', nullable: true, description: 'The cursor of the next page; null on the last page.' },
  }),
  ListedSession: object({
    id: { type: 'string', format: 'uuid' },
    label: { type: 'string', nullable: true },
    user_agent: { type: 'string', nullable: true },
    ip: { type: 'string', nullable: true },
    created_at: { type: 'string', format: 'date-time' },
    last_used_at: { type: 'string', format: 'date-time' },
    expires_at: { type: 'string', format: 'date-time' },
    current: { type: 'boolean', description: 'Whether this is the session of the access token that asked.' },
  }),
  Label: {
    ...object({ label: { type: 'string', nullable: true, minLength: 1, maxLength: MAX_LABEL } }),
    additionalProperties: false,
  },
  SessionChanges: {
    ...object(
      {
        claims: {
          type: 'object',
          nullable: true,
          additionalProperties: true,
          description: 'Replaces all claims; null removes them.',
        },
        scope: {
          type: 'string',
          nullable: true,
          maxLength: MAX_SCOPE,
          description: 'Replaces the scope; null removes it.',
        },
      },
      [],
    ),
    minProperties: 1,
    additionalProperties: false,
  },
};

const clientId = text('The id of the client. A session that belongs to a client is refused to every other client.');

const oauthSchemas: Schemas = {
  TokenRequest: object(
    {
      grant_type: oneOf('refresh_token'),
      refresh_token: text(),
      scope: { ...scope, description: "Words of the session's scope, for this one access token." },
      client_id: clientId,
    },
    ['grant_type', 'refresh_token'],
  ),
  OAuthTokens: object(
    { ...tokens, scope: text('The scope of the access token; absent where the token has none.') },
    Object.keys(tokens),
  ),
  RevocationRequest: object({ token: text('A refresh token.'), client_id: clientId }, ['token']),
  IntrospectionRequest: object({ token: text('An access token or a refresh token.') }),
  Introspection: {
    ...object(
      {
        active: {
          type: 'boolean',
          description: 'Whether the token is good now. If not, the answer has no other field.',
        },
        token_type: { ...oneOf('Bearer'), description: 'Access tokens only.' },
        iss: text(),
        sub: text("The user's id."),
        aud: text(),
        exp: { type: 'integer', description: 'When the token expires, in seconds since the epoch.' },
        iat: { type: 'integer', description: 'When the token was made, in seconds since the epoch.' },
        sid: { type: 'string', format: 'uuid', description: 'The session.' },
        jti: text('Access tokens only.'),
        client_id: text(),
        scope: text(),
        auth_time: { type: 'integer', description: 'When the user signed in. Access tokens only.' },
      },
      ['active'],
    ),
    additionalProperties: true,
  },
  OAuthError: object(
    {
      error: oneOf('invalid_request', ...Object.keys(OAUTH_STATUS_BY_CODE)),
      error_description: text('The part of the request that is wrong, its value, and the values that are taken.'),
    },
    ['error'],
  ),
};
