import { answer, form, ref, type Paths } from './openapi.elements.js';
import type { Features } from './openapi.features.js';
import { failures } from './openapi.responses.js';

/** The endpoints for standard OAuth clients, at the paths that the configuration gives them. */
export function oauthPaths({ oauth, hasServiceKeys }: Features): Paths {
  if (!oauth) return {};
  const { path, metadataPath } = oauth;
  return {
    [`/${path}/token`]: {
      post: {
        operationId: 'oauthToken',
        tags: ['oauth'],
        summary: 'Trade a refresh token for a new access token and the successor (RFC 6749 §6)',
        requestBody: { required: true, content: form(ref('TokenRequest')) },
        responses: {
          200: answer('The tokens. Save the refresh token, then use the access token.', ref('OAuthTokens')),
          ...failures({ 400: 'OAuthRefusal', 401: 'AuthenticatingClient' }),
        },
      },
    },
    [`/${path}/revoke`]: {
      post: {
        operationId: 'oauthRevoke',
        tags: ['oauth'],
        summary: 'End the session of a refresh token (RFC 7009)',
        requestBody: { required: true, content: form(ref('RevocationRequest')) },
        responses: {
          200: answer('The session is over, or the text was no token.'),
          ...failures({ 400: 'OAuthRefusal', 401: 'AuthenticatingClient' }),
        },
      },
    },
    // Introspection takes a service key: without one configured, nobody may call it.
    ...(hasServiceKeys && {
      [`/${path}/introspect`]: {
        post: {
          operationId: 'oauthIntrospect',
          tags: ['oauth'],
          summary: 'Tell whether a token is good, without a refresh (RFC 7662)',
          security: [{ serviceKey: [] }, { serviceKeyAsPassword: [] }],
          requestBody: { required: true, content: form(ref('IntrospectionRequest')) },
          responses: {
            200: answer('The token’s state and claims.', ref('Introspection')),
            ...failures({ 400: 'OAuthRefusal', 401: 'RefusedBackend' }),
          },
        },
      },
    }),
    ...(metadataPath !== undefined && {
      [`/${metadataPath}`]: {
        get: {
          operationId: 'oauthMetadata',
          tags: ['oauth'],
          summary: 'The metadata of the OAuth endpoints (RFC 8414)',
          responses: { 200: answer('The metadata.', ref('ServerMetadata'), ['Cache-Control']) },
        },
      },
    }),
  };
}
