import { answer, ref, type Paths, type Security } from './openapi.elements.js';
import type { Features } from './openapi.features.js';
import { failures } from './openapi.responses.js';

/** The endpoints that take a refresh token: refresh and logout. */
export function tokenPaths({ cookieName }: Features): Paths {
  const hasCookie = cookieName !== undefined;
  const security: Security = [{ refreshToken: [] }, ...(hasCookie ? [{ refreshTokenCookie: [] }] : [])];
  const setCookie = hasCookie ? ['Set-Cookie'] : [];
  const forbidden = hasCookie ? { 403: 'ForbiddenOrigin' } : {};
  return {
    '/refresh_token': {
      post: {
        operationId: 'refreshToken',
        tags: ['tokens'],
        summary: 'Trade a refresh token for a new access token and the successor',
        security,
        responses: {
          200: hasCookie
            ? answer(
                'The tokens. Save the refresh token, then use the access token. A token that came in the cookie is answered in the cookie, and not in the body.',
                { anyOf: [ref('Tokens'), ref('CookieTokens')] },
                setCookie,
              )
            : answer('The tokens. Save the refresh token, then use the access token.', ref('Tokens')),
          ...failures({ 401: 'RefusedToken', ...forbidden }),
        },
      },
    },
    '/logout': {
      post: {
        operationId: 'logout',
        tags: ['tokens'],
        summary: 'End the session of a refresh token',
        security,
        responses: {
          204: answer(`The session is over${hasCookie ? ', and the cookie is deleted' : ''}.`, undefined, setCookie),
          ...failures({ 401: 'MissingToken', ...forbidden }),
        },
      },
    },
  };
}
