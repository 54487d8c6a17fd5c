import type { OpenAPIObject } from '@nestjs/swagger';
import { packageVersion } from '../config/package-version.js';
import type { ServiceConfig } from '../service.config.js';
import {
  answer,
  object,
  ref,
  text,
  type Paths,
  type Responses,
  type Schemas,
  type SecuritySchemes,
} from './openapi.elements.js';
import { featuresOf, type Features } from './openapi.features.js';
import { oauthPaths } from './openapi.oauth.js';
import { responsesOf } from './openapi.responses.js';
import { schemasOf } from './openapi.schemas.js';
import { sessionPaths } from './openapi.sessions.js';
import { tokenPaths } from './openapi.tokens.js';

/** The service's endpoints in OpenAPI 3.0. An endpoint that is switched off is left out. */
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
  };
}

const serverPaths: Paths = {
  '/.well-known/jwks.json': {
    get: {
      operationId: 'jwks',
      tags: ['keys'],
      summary: 'The public keys with which an API verifies access tokens (RFC 7517)',
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
      responses: { 200: answer('The process answers.', object({ status: text() })) },
    },
  },
  '/health/ready': {
    get: {
      operationId: 'ready',
      tags: ['health'],
      summary: 'Whether to send requests: the database answers, and its clock agrees',
      responses: {
        200: answer('The instance takes requests.', ref('Readiness')),
        503: answer('The instance takes no requests.', ref('Readiness')),
      },
    },
  },
};

function securitySchemesOf({ hasServiceKeys, cookieName, oauth }: Features): SecuritySchemes {
  return {
    accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token.' },
    refreshToken: { type: 'http', scheme: 'bearer', description: 'A refresh token.' },
    ...(cookieName !== undefined && {
      refreshTokenCookie: {
        type: 'apiKey',
        in: 'cookie',
        name: cookieName,
        description:
          'A refresh token in the cookie of a browser. A request with a refresh token in the header, too, is refused.',
      },
    }),
    ...(hasServiceKeys && {
      serviceKey: { type: 'http', scheme: 'bearer', description: 'A service key of your login backend.' },
    }),
    ...(hasServiceKeys &&
      oauth && {
        serviceKeyAsPassword: {
          type: 'http',
          scheme: 'basic',
          description: 'The service key as the password, with any user name.',
        },
      }),
  };
}

interface Components {
  readonly schemas: Schemas;
  readonly responses: Responses;
}

/** The components that the paths refer to, directly or through another component. */
function referredTo(paths: Paths, all: Components): Components {
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
