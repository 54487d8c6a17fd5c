import { object, oneOf, ref, seconds, text, texts, type Schema } from './openapi.elements.js';
import type { Features } from './openapi.features.js';

/** The bodies that requests and answers have; what of them is referred to depends on the paths. */
export function schemasOf({ hasServiceKeys, cookieName }: Features): Record<string, Schema> {
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
        error: oneOf(
          'missing_token',
          'invalid_refresh_token',
          'invalid_token',
          ...(hasServiceKeys ? ['invalid_service_key'] : []),
          ...(cookieName === undefined ? [] : ['forbidden_origin']),
          'not_found',
          'invalid_request',
          'temporarily_unavailable',
          'server_error',
        ),
        error_description: text('What was wrong, what it got and what it takes.'),
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
      grant_types_supported: texts('What the token endpoint takes.'),
      response_types_supported: texts('None: there is no authorization endpoint.'),
      revocation_endpoint: text(),
      revocation_endpoint_auth_methods_supported: texts('Clients are public.'),
      ...(hasServiceKeys && {
        introspection_endpoint: text(),
        introspection_endpoint_auth_methods_supported: texts('A service key, either way.'),
      }),
      jwks_uri: text('The public keys of access tokens.'),
    }),
  };
}

/** What is left of tokens whose refresh token went into the cookie. */
const withoutCookie = {
  access_token: text('A JWT (RFC 9068).'),
  token_type: oneOf('Bearer'),
  expires_in: seconds("The access token's life."),
  refresh_expires_in: seconds("The refresh token's life where it isn't used."),
};
const tokens = {
  ...withoutCookie,
  refresh_token: text('The successor; save it before you use the access token.'),
};
const scope = { type: 'string', maxLength: 1024, description: 'Space-separated words (RFC 6749 §3.3).' };

const tokenSchemas: Record<string, Schema> = {
  Tokens: object(tokens),
  CookieTokens: object(withoutCookie),
};

const sessionSchemas: Record<string, Schema> = {
  NewSession: {
    ...object(
      {
        subject: { type: 'string', minLength: 1, maxLength: 255, description: "The user's id." },
        claims: { type: 'object', additionalProperties: true, description: 'More claims, at most 4 KiB as JSON.' },
        scope,
        client_id: { type: 'string', minLength: 1, maxLength: 255 },
        label: { type: 'string', minLength: 1, maxLength: 100, description: 'What the user calls the device.' },
        user_agent: text('The User-Agent the user signed in with; cut to 512 characters.'),
        ip: text('The IP address the user signed in from.'),
        revoke_others: { type: 'boolean', description: "Whether the user's other sessions end." },
      },
      ['subject'],
    ),
    additionalProperties: false,
  },
  SessionList: object({
    sessions: { type: 'array', items: ref('ListedSession') },
    next_cursor: { type: 'string', nullable: true, description: 'For the next page; null on the last.' },
  }),
  ListedSession: object({
    id: { type: 'string', format: 'uuid' },
    label: { type: 'string', nullable: true },
    user_agent: { type: 'string', nullable: true },
    ip: { type: 'string', nullable: true },
    created_at: { type: 'string', format: 'date-time' },
    last_used_at: { type: 'string', format: 'date-time' },
    expires_at: { type: 'string', format: 'date-time' },
    current: { type: 'boolean', description: 'Whether it is the session of the access token that asked.' },
  }),
  Label: {
    ...object({ label: { type: 'string', nullable: true, minLength: 1, maxLength: 100 } }),
    additionalProperties: false,
  },
  SessionChanges: {
    ...object(
      {
        claims: {
          type: 'object',
          nullable: true,
          additionalProperties: true,
          description: 'Replaces them; null: none.',
        },
        scope: { type: 'string', nullable: true, maxLength: 1024, description: 'Replaces it; null: none.' },
      },
      [],
    ),
    minProperties: 1,
    additionalProperties: false,
  },
};

const clientId = text('Who the client is; a session that belongs to a client is good for no other.');

const oauthSchemas: Record<string, Schema> = {
  TokenRequest: object(
    {
      grant_type: oneOf('refresh_token'),
      refresh_token: text(),
      scope: { ...scope, description: "Words of the session's scope, for this one access token." },
      client_id: clientId,
    },
    ['grant_type', 'refresh_token'],
  ),
  OAuthTokens: object({ ...tokens, scope: text("The access token's, where it has one.") }, Object.keys(tokens)),
  RevocationRequest: object({ token: text('A refresh token.'), client_id: clientId }, ['token']),
  IntrospectionRequest: object({ token: text('An access token or a refresh token.') }),
  Introspection: {
    ...object(
      {
        active: { type: 'boolean', description: 'Whether it is good now; nothing else is told of one that is not.' },
        token_type: { ...oneOf('Bearer'), description: 'Of access tokens.' },
        iss: text(),
        sub: text("The user's id."),
        aud: text(),
        exp: { type: 'integer', description: 'When it expires, in seconds since the epoch.' },
        iat: { type: 'integer', description: 'When it was made, in seconds since the epoch.' },
        sid: { type: 'string', format: 'uuid', description: 'The session.' },
        jti: text('Of access tokens.'),
        client_id: text(),
        scope: text(),
        auth_time: { type: 'integer', description: 'When the user signed in; of access tokens.' },
      },
      ['active'],
    ),
    additionalProperties: true,
  },
  OAuthError: object(
    {
      error: oneOf(
        'invalid_request',
        'invalid_client',
        'invalid_grant',
        'invalid_scope',
        'unsupported_grant_type',
        'unsupported_token_type',
      ),
      error_description: text('What was wrong, what it got and what it takes.'),
    },
    ['error'],
  ),
};
