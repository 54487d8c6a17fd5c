import { BODY_LIMIT } from '../http/body-reader.js';
import { answer, ref, type Responses } from './openapi.elements.js';
import type { Features } from './openapi.features.js';

/** The answers that several endpoints give. */
export function responsesOf({ cookieName }: Features): Responses {
  const cookie = cookieName === undefined ? [] : ['Set-Cookie'];
  return {
    InvalidRequest: answer('The service can’t understand the request.', ref('Error'), ['WWW-Authenticate']),
    TooLarge: answer(`The body is over ${BODY_LIMIT / 1_024} KiB.`, ref('Error')),
    RefusedToken: answer(
      `The refresh token is missing or not good: sign in again.${cookieName === undefined ? '' : ' A cookie that is not good is deleted.'}`,
      ref('Error'),
      ['WWW-Authenticate', ...cookie],
    ),
    MissingToken: answer('No token.', ref('Error'), ['WWW-Authenticate']),
    ForbiddenOrigin: answer('A cookie, sent by a page whose origin isn’t listed. Nothing was done.', ref('Error')),
    RefusedAccessToken: answer('No access token, or one that is not good: refresh.', ref('Error'), [
      'WWW-Authenticate',
    ]),
    NotFound: answer('No such session, or not yours.', ref('Error')),
    RefusedServiceKey: answer('No service key, or a wrong one.', ref('Error'), ['WWW-Authenticate']),
    OAuthRefusal: answer('Refused, in the words of RFC 6749 §5.2.', ref('OAuthError')),
    AuthenticatingClient: answer(
      'A client with credentials. Clients are public here, and have none.',
      ref('OAuthError'),
      ['WWW-Authenticate'],
    ),
    RefusedBackend: answer('No service key, or a wrong one.', ref('OAuthError'), ['WWW-Authenticate']),
    Unavailable: answer('Not now: keep the token, and try again.', ref('Error'), ['Retry-After']),
    ServerError: answer('The server has a bug: keep the token.', ref('Error')),
  };
}

/**
 * References to the answers of an endpoint that failed or refused.
 * @param own the names of the answers that only some endpoints give, by status
 */
export function failures(own: Record<number, string>): Responses {
  const names = { 400: 'InvalidRequest', 413: 'TooLarge', 500: 'ServerError', 503: 'Unavailable', ...own };
  return Object.fromEntries(
    Object.entries(names).map(([status, name]) => [status, { $ref: `#/components/responses/${name}` }]),
  );
}
