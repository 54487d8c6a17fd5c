import { DEFAULT_PAGE, MAX_PAGE } from '../../auth/session/session.service.js';
import {
  answer,
  json,
  object,
  oneOf,
  query,
  ref,
  text,
  type PathItem,
  type Paths,
  type Security,
} from './openapi.elements.js';
import type { Features } from './openapi.features.js';
import { failures } from './openapi.responses.js';

/** `/sessions` and `/sessions/{id}`, for users and for login backends. */
export function sessionPaths({ hasServiceKeys }: Features): Paths {
  // Only a service key lets a caller reach the sessions of other users.
  const security: Security = [{ accessToken: [] }, ...(hasServiceKeys ? [{ serviceKey: [] }] : [])];
  const subject = hasServiceKeys
    ? [query('subject', text("The user's id: required with a service key, refused with an access token."))]
    : [];
  return {
    '/sessions': {
      get: {
        operationId: 'listSessions',
        tags: ['sessions'],
        summary: 'The live sessions of a user, newest first',
        security,
        parameters: [
          ...subject,
          query('limit', { type: 'integer', minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE }),
          query('cursor', text('The next_cursor of the page before.')),
        ],
        responses: {
          200: answer('A page of sessions.', ref('SessionList')),
          ...failures({ 401: 'RefusedAccessToken' }),
        },
      },
      delete: {
        operationId: 'endSessions',
        tags: ['sessions'],
        summary: 'End all sessions of a user',
        security,
        parameters: [...subject, query('except', oneOf('current'))],
        responses: {
          200: answer('How many live sessions were ended.', object({ ended: { type: 'integer' } })),
          ...failures({ 401: 'RefusedAccessToken' }),
        },
      },
      ...(hasServiceKeys && backendOperations),
    },
    '/sessions/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } }],
      delete: {
        operationId: 'endSession',
        tags: ['sessions'],
        summary: 'End a session',
        security,
        responses: { 204: answer('The session is over.'), ...failures({ 401: 'RefusedAccessToken', 404: 'NotFound' }) },
      },
      patch: {
        operationId: 'renameSession',
        tags: ['sessions'],
        summary: 'Name a session',
        security,
        requestBody: { required: true, content: json(ref('Label')) },
        responses: {
          204: answer('The session has the name.'),
          ...failures({ 401: 'RefusedAccessToken', 404: 'NotFound' }),
        },
      },
    },
  };
}

/** The operations that take a service key only. */
const backendOperations: PathItem = {
  post: {
    operationId: 'createSession',
    tags: ['sessions'],
    summary: 'Start a session for a user your login backend has signed in',
    security: [{ serviceKey: [] }],
    requestBody: { required: true, content: json(ref('NewSession')) },
    responses: {
      201: answer('The session and its first tokens.', ref('Session')),
      ...failures({ 401: 'RefusedServiceKey' }),
    },
  },
  patch: {
    operationId: 'updateSessions',
    tags: ['sessions'],
    summary: "Change claims and scope of a user's access tokens, from the next refresh on",
    security: [{ serviceKey: [] }],
    parameters: [{ ...query('subject', text("The user's id.")), required: true }],
    requestBody: { required: true, content: json(ref('SessionChanges')) },
    responses: {
      200: answer('The number of live sessions that were changed.', object({ updated: { type: 'integer' } })),
      ...failures({ 401: 'RefusedServiceKey' }),
    },
  },
};
