import type { OpenAPIObject } from '@nestjs/swagger';
import { packageVersion } from '../package-version.js';
import type { ServiceConfig } from '../service.config.js';

type Schema = Record<string, unknown>;

const ERROR_CODES = [
  'missing_token',
  'invalid_refresh_token',
  'invalid_service_key',
  'invalid_token',
  'not_found',
  'invalid_request',
  'temporarily_unavailable',
  'server_error',
];

const schemas: Record<string, Schema> = {
  Tokens: object({
    access_token: text('A JWT (RFC 9068).'),
    token_type: { type: 'string', enum: ['Bearer'] },
    expires_in: seconds("The access token's life."),
    refresh_token: text('The successor; save it before you use the access token.'),
    refresh_expires_in: seconds("The refresh token's life where it isn't used."),
  }),
  Session: object({
    session_id: { type: 'string', format: 'uuid' },
    subject: text("The user's id, as you gave it."),
    access_token: text('A JWT (RFC 9068).'),
    token_type: { type: 'string', enum: ['Bearer'] },
    expires_in: seconds("The access token's life."),
    refresh_token: text("The session's first refresh token."),
    refresh_expires_in: seconds("The refresh token's life where it isn't used."),
  }),
  NewSession: {
    ...object(
      {
        subject: { type: 'string', minLength: 1, maxLength: 255, description: "The user's id." },
        claims: { type: 'object', additionalProperties: true, description: 'More claims, at most 4 KiB as JSON.' },
        scope: { type: 'string', maxLength: 1024, description: 'Space-separated words (RFC 6749 §3.3).' },
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
  Error: object(
    {
      error: { type: 'string', enum: ERROR_CODES },
      error_description: text('What was wrong, what it got and what it takes.'),
    },
    ['error'],
  ),
  Readiness: object({
    status: { type: 'string', enum: ['ok', 'unavailable'] },
    checks: object({ shutdown: text(), database: text(), clock: text() }),
  }),
};

const responses: Record<string, Schema> = {
  InvalidRequest: answer('The request can’t be understood.', ref('Error'), ['WWW-Authenticate']),
  TooLarge: answer('The body is over 32 KiB.', ref('Error')),
  RefusedToken: answer('No token, or one that is not good: sign in again.', ref('Error'), ['WWW-Authenticate']),
  MissingToken: answer('No token.', ref('Error'), ['WWW-Authenticate']),
  RefusedAccessToken: answer('No token, or one that is not good: refresh it.', ref('Error'), ['WWW-Authenticate']),
  NotFound: answer('No such session, or not yours.', ref('Error')),
  RefusedServiceKey: answer('No service key, or a wrong one.', ref('Error'), ['WWW-Authenticate']),
  Unavailable: answer('Not now: keep the token, and try again.', ref('Error'), ['Retry-After']),
  ServerError: answer('A bug of ours: keep the token.', ref('Error')),
};

/** The service's endpoints in OpenAPI 3.0. */
export function openApiDocument(config: Pick<ServiceConfig, 'auth'>): OpenAPIObject {
  const hasServiceKeys = config.auth.serviceKeys.length > 0;
  // Without a service key there is nobody to see to the sessions of others.
  const security = [{ accessToken: [] }, ...(hasServiceKeys ? [{ serviceKey: [] }] : [])];
  const subject = hasServiceKeys
    ? [query('subject', text("The user's id: required with a service key, refused with an access token."))]
    : [];
  const paths = {
    '/refresh_token': {
      post: {
        operationId: 'refreshToken',
        tags: ['tokens'],
        summary: 'Trade a refresh token for a new access token and the successor',
        security: [{ refreshToken: [] }],
        responses: { 200: answer('Save it, then use it.', ref('Tokens')), ...failures('RefusedToken') },
      },
    },
    '/logout': {
      post: {
        operationId: 'logout',
        tags: ['tokens'],
        summary: 'End the session of a refresh token',
        security: [{ refreshToken: [] }],
        responses: { 204: { description: 'The session is over.' }, ...failures('MissingToken') },
      },
    },
    '/sessions': {
      get: {
        operationId: 'listSessions',
        tags: ['sessions'],
        summary: 'The live sessions of a user, newest first',
        security,
        parameters: [
          ...subject,
          query('limit', { type: 'integer', minimum: 1, maximum: 100, default: 50 }),
          query('cursor', text('The next_cursor of the page before.')),
        ],
        responses: { 200: answer('A page of them.', ref('SessionList')), ...failures('RefusedAccessToken') },
      },
      delete: {
        operationId: 'endSessions',
        tags: ['sessions'],
        summary: 'End all sessions of a user',
        security,
        parameters: [...subject, query('except', { type: 'string', enum: ['current'] })],
        responses: {
          200: answer('How many live ones were ended.', object({ ended: { type: 'integer' } })),
          ...failures('RefusedAccessToken'),
        },
      },
      ...(hasServiceKeys && {
        post: {
          operationId: 'createSession',
          tags: ['sessions'],
          summary: 'Start a session for a user your login backend has signed in',
          security: [{ serviceKey: [] }],
          requestBody: { required: true, content: json(ref('NewSession')) },
          responses: {
            201: answer('The session and its first tokens.', ref('Session')),
            ...failures('RefusedServiceKey'),
          },
        },
        patch: {
          operationId: 'updateSessions',
          tags: ['sessions'],
          summary: "Change what a user's access tokens say, from the next one on",
          security: [{ serviceKey: [] }],
          parameters: [{ ...query('subject', text("The user's id.")), required: true }],
          requestBody: { required: true, content: json(ref('SessionChanges')) },
          responses: {
            200: answer('How many live sessions were changed.', object({ updated: { type: 'integer' } })),
            ...failures('RefusedServiceKey'),
          },
        },
      }),
    },
    '/sessions/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } }],
      delete: {
        operationId: 'endSession',
        tags: ['sessions'],
        summary: 'End a session',
        security,
        responses: { 204: { description: 'The session is over.' }, ...failures('RefusedAccessToken', 'NotFound') },
      },
      patch: {
        operationId: 'renameSession',
        tags: ['sessions'],
        summary: 'Name a session',
        security,
        requestBody: { required: true, content: json(ref('Label')) },
        responses: { 204: { description: 'It is named.' }, ...failures('RefusedAccessToken', 'NotFound') },
      },
    },
    '/.well-known/jwks.json': {
      get: {
        operationId: 'jwks',
        tags: ['keys'],
        summary: 'The public keys that access tokens verify with (RFC 7517)',
        responses: {
          200: answer('A JWK set.', object({ keys: { type: 'array', items: { type: 'object' } } }), ['Cache-Control']),
        },
      },
    },
    '/health/live': {
      get: {
        operationId: 'live',
        tags: ['health'],
        summary: 'Whether the process answers',
        responses: { 200: answer('It does.', object({ status: text() })) },
      },
    },
    '/health/ready': {
      get: {
        operationId: 'ready',
        tags: ['health'],
        summary: 'Whether to send requests: the database answers, and its clock agrees',
        responses: { 200: answer('Send them.', ref('Readiness')), 503: answer("Don't.", ref('Readiness')) },
      },
    },
  };
  return {
    openapi: '3.0.3',
    info: {
      title: 'nest-refresh-token',
      version: packageVersion(),
      description: 'Keeps users signed in: never signs the wrong person out, never lets a thief stay in.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas,
      responses,
      securitySchemes: {
        accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token.' },
        refreshToken: { type: 'http', scheme: 'bearer', description: 'A refresh token.' },
        serviceKey: { type: 'http', scheme: 'bearer', description: "Your login backend's key." },
      },
    },
  } as unknown as OpenAPIObject; // Plain JSON, typed more loosely than the library's classes; a test validates it.
}

function failures(unauthorized: string, notFound?: string): Record<number, Schema> {
  const response = (name: string) => ({ $ref: `#/components/responses/${name}` });
  return {
    400: response('InvalidRequest'),
    401: response(unauthorized),
    ...(notFound !== undefined && { 404: response(notFound) }),
    413: response('TooLarge'),
    500: response('ServerError'),
    503: response('Unavailable'),
  };
}

function answer(description: string, schema: Schema, headers: string[] = []): Schema {
  const described = headers.map((name) => [name, { schema: { type: 'string' } }]);
  return {
    description,
    ...(headers.length > 0 && { headers: Object.fromEntries(described) as Schema }),
    content: json(schema),
  };
}

function query(name: string, schema: Schema): Schema {
  return { name, in: 'query', schema };
}

function json(schema: Schema): Schema {
  return { 'application/json': { schema } };
}

function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

function object(properties: Schema, required = Object.keys(properties)): Schema {
  return { type: 'object', properties, required };
}

function text(description?: string): Schema {
  return { type: 'string', ...(description !== undefined && { description }) };
}

function seconds(description: string): Schema {
  return { type: 'integer', minimum: 0, description: `${description} In seconds.` };
}
