import type { OpenAPIObject } from '@nestjs/swagger';
import { packageVersion } from '../package-version.js';
import type { ServiceConfig } from '../service.config.js';

type Schema = Record<string, unknown>;

const ERROR_CODES = [
  'missing_token',
  'invalid_refresh_token',
  'invalid_service_key',
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
      },
      ['subject'],
    ),
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
  RefusedServiceKey: answer('No service key, or a wrong one.', ref('Error'), ['WWW-Authenticate']),
  Unavailable: answer('Not now: keep the token, and try again.', ref('Error'), ['Retry-After']),
  ServerError: answer('A bug of ours: keep the token.', ref('Error')),
};

/** The service's endpoints in OpenAPI 3.0. */
export function openApiDocument(config: Pick<ServiceConfig, 'serviceKeys'>): OpenAPIObject {
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
    ...(config.serviceKeys.length > 0 && {
      '/sessions': {
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
      },
    }),
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
        refreshToken: { type: 'http', scheme: 'bearer', description: 'A refresh token.' },
        serviceKey: { type: 'http', scheme: 'bearer', description: "Your login backend's key." },
      },
    },
  } as unknown as OpenAPIObject; // Plain JSON, typed more loosely than the library's classes; a test validates it.
}

function failures(unauthorized: string): Record<number, Schema> {
  const response = (name: string) => ({ $ref: `#/components/responses/${name}` });
  return {
    400: response('InvalidRequest'),
    401: response(unauthorized),
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
