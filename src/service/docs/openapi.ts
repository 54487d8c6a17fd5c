import type { OpenAPIObject } from '@nestjs/swagger';
import { packageVersion } from '../config/package-version.js';
import type { ServiceConfig } from '../service.config.js';
import { answer, object, ref, text, type Schema } from './openapi.elements.js';
import { featuresOf, type Features } from './openapi.features.js';
import { oauthPaths } from './openapi.oauth.js';
import { responsesOf } from './openapi.responses.js';
import { schemasOf } from './openapi.schemas.js';
import { sessionPaths } from './openapi.sessions.js';
import { tokenPaths } from './openapi.tokens.js';

/** The service's endpoints in OpenAPI 3.0; what is switched off isn't described. */
export function openApiDocument(config: Pick<ServiceConfig, 'auth' | 'oauth'>): OpenAPIObject {
  const features = featuresOf(config);
  const paths = { ...tokenPaths(features), ...sessionPaths(features), ...oauthPaths(features), ...serverPaths };
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
      ...referredTo(paths, { schemas: schemasOf(features), responses: responsesOf(features) }),
      securitySchemes: securitySchemesOf(features),
    },
  } as unknown as OpenAPIObject; // Plain JSON, typed more loosely than the library's classes; a test validates it.
}

const serverPaths: Record<string, Schema> = {
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

function securitySchemesOf({ hasServiceKeys, cookieName, oauth }: Features): Record<string, Schema> {
  return {
    accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token.' },
    refreshToken: { type: 'http', scheme: 'bearer', description: 'A refresh token.' },
    ...(cookieName !== undefined && {
      refreshTokenCookie: {
        type: 'apiKey',
        in: 'cookie',
        name: cookieName,
        description: 'A refresh token in the cookie of a browser, from a page that may send it; never beside a header.',
      },
    }),
    ...(hasServiceKeys && {
      serviceKey: { type: 'http', scheme: 'bearer', description: "Your login backend's key." },
    }),
    ...(hasServiceKeys &&
      oauth && {
        serviceKeyAsPassword: { type: 'http', scheme: 'basic', description: 'The same, with any user name.' },
      }),
  };
}

type Components = Record<'schemas' | 'responses', Record<string, Schema>>;

/** Those components that the paths refer to, by others too. */
function referredTo(paths: Record<string, Schema>, all: Components): Components {
  const used: Components = { schemas: {}, responses: {} };
  const visit = (value: unknown): void => {
    for (const kind of ['schemas', 'responses'] as const) {
      for (const [name, component] of Object.entries(all[kind])) {
        if (name in used[kind] || !JSON.stringify(value).includes(`"#/components/${kind}/${name}"`)) continue;
        used[kind][name] = component;
        visit(component);
      }
    }
  };
  visit(paths);
  return used;
}
