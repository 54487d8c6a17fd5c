import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import {
  ForbiddenOriginError,
  InvalidAccessTokenError,
  InvalidRefreshTokenError,
  InvalidServiceKeyError,
  TemporarilyUnavailableError,
} from '../auth.errors.js';
import { logCause } from '../runtime/log-cause.js';
import type { AuthRequest } from './auth.request.js';
import { RequestContextKey } from './request-context.js';

/** The client chooses the text, and it goes to the log: short and without `_`, so that no token fits. */
const REQUEST_ID = /^[A-Za-z0-9-]{1,48}$/;

const logger = new Logger('RefreshToken');
/** The outage that was logged last for a request: a guard logs it, and a filter behind the guard meets it again. */
const loggedOutage = new RequestContextKey<TemporarilyUnavailableError>('outage');

/**
 * Logs the error that a request failed with, never a token. Refused tokens and keys, outages and bugs are logged. Other
 * errors below 500, such as a malformed request, are not.
 * @param status what the error is answered with
 */
export function logError(error: unknown, status: number, request: AuthRequest): void {
  const request_id = requestId(request);
  if (error instanceof InvalidRefreshTokenError) {
    const { reason, sessionId } = error;
    logger.warn('A refresh token was refused', {
      event: 'refresh.refused',
      reason,
      ...(sessionId === undefined ? {} : { session_id: sessionId }),
      request_id,
    });
  } else if (error instanceof InvalidAccessTokenError) {
    logger.warn('An access token was refused', {
      event: 'access_token.refused',
      reason: error.reason,
      request_id,
    });
  } else if (error instanceof ForbiddenOriginError) {
    const { origin } = error;
    logger.warn('A page may not use the cookie', { event: 'origin.refused', ...(origin && { origin }), request_id });
  } else if (error instanceof InvalidServiceKeyError) {
    logger.warn('A service key was refused', { event: 'service_key.refused', request_id });
  } else if (error instanceof TemporarilyUnavailableError) {
    if (loggedOutage.get(request) === error) return;
    loggedOutage.set(request, error);
    logger.error('A request could not be answered', {
      event: 'request.unavailable',
      reason: error.reason,
      ...(error.cause === undefined ? {} : { cause: logCause(error.cause) }),
      request_id,
    });
  } else if (status >= 500) {
    logger.error('A request failed', { event: 'request.failed', cause: logCause(error), request_id });
  }
}

/** The client's `X-Request-Id` where that may be logged, else a new id. */
function requestId(request: AuthRequest): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
