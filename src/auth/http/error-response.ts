import { BadRequestException, HttpException, HttpStatus, UnauthorizedException } from '@nestjs/common';
import {
  AuthError,
  ForbiddenOriginError,
  InsufficientScopeError,
  InvalidRequestError,
  InvalidScopeError,
  MissingTokenError,
  OAuthError,
  RequestTooLargeError,
  TemporarilyUnavailableError,
} from '../auth.errors.js';
import { bearerCredentials, type AuthRequest } from './auth.request.js';

/** An error as the client reads it. This file is the one place where errors become HTTP. */
export interface ErrorResponse {
  readonly status: number;
  readonly body: string | object;
}

/** The error codes and their status, in the order in which OpenAPI lists the codes. */
export const STATUS_BY_CODE = {
  missing_token: HttpStatus.UNAUTHORIZED,
  invalid_refresh_token: HttpStatus.UNAUTHORIZED,
  invalid_token: HttpStatus.UNAUTHORIZED,
  insufficient_scope: HttpStatus.FORBIDDEN,
  invalid_service_key: HttpStatus.UNAUTHORIZED,
  forbidden_origin: HttpStatus.FORBIDDEN,
  not_found: HttpStatus.NOT_FOUND,
  invalid_request: HttpStatus.BAD_REQUEST,
  temporarily_unavailable: HttpStatus.SERVICE_UNAVAILABLE,
  server_error: HttpStatus.INTERNAL_SERVER_ERROR,
} as const;

/** The codes that only the OAuth endpoints answer with (RFC 6749 §5.2, RFC 7009 §2.2.1), and their status. */
export const OAUTH_STATUS_BY_CODE = {
  invalid_client: HttpStatus.UNAUTHORIZED,
  invalid_grant: HttpStatus.BAD_REQUEST,
  invalid_scope: HttpStatus.BAD_REQUEST,
  unsupported_grant_type: HttpStatus.BAD_REQUEST,
  unsupported_token_type: HttpStatus.BAD_REQUEST,
} as const;

const STATUSES: Record<string, number> = { ...STATUS_BY_CODE, ...OAUTH_STATUS_BY_CODE };

/** The error code for the status of an error that comes from Nest, a parser or the host's own guards. */
const CODE_BY_STATUS: Record<number, string> = {
  [HttpStatus.BAD_REQUEST]: 'invalid_request',
  [HttpStatus.NOT_FOUND]: 'not_found',
  [HttpStatus.PAYLOAD_TOO_LARGE]: 'invalid_request',
  [HttpStatus.UNSUPPORTED_MEDIA_TYPE]: 'invalid_request',
  [HttpStatus.TOO_MANY_REQUESTS]: 'too_many_requests',
  [HttpStatus.INTERNAL_SERVER_ERROR]: 'server_error',
  [HttpStatus.SERVICE_UNAVAILABLE]: 'temporarily_unavailable',
};

/** The status and the body for an error. An error of an unknown kind is a bug: 500, without any detail. */
export function errorResponse(error: unknown): ErrorResponse {
  if (error instanceof AuthError) return ofAuthError(error);
  if (error instanceof HttpException) {
    const code = CODE_BY_STATUS[error.getStatus()];
    return { status: error.getStatus(), body: code ? { error: code } : error.getResponse() };
  }
  return { status: HttpStatus.INTERNAL_SERVER_ERROR, body: { error: 'server_error' } };
}

function ofAuthError(error: AuthError): ErrorResponse {
  const status = STATUSES[error.code];
  if (error instanceof RequestTooLargeError) {
    return { status: HttpStatus.PAYLOAD_TOO_LARGE, body: { error: error.code, error_description: error.message } };
  }
  if (!status) return { status: HttpStatus.INTERNAL_SERVER_ERROR, body: { error: 'server_error' } };
  const description = isExplained(error) ? { error_description: error.message } : {};
  return { status, body: { error: error.code, ...description } };
}

/** Whether the client is told the message: of a mistake in its request, never of a refused token. */
function isExplained(error: AuthError): boolean {
  if (error instanceof OAuthError) return error.code !== 'invalid_grant' && error.code !== 'invalid_client';
  return [InvalidRequestError, ForbiddenOriginError, InvalidScopeError].some((known) => error instanceof known);
}

/** An exception that any exception filter of Nest can answer; its cause is the error itself. */
export function toHttpException(error: AuthError): HttpException {
  const { status, body } = errorResponse(error);
  if (status === HttpStatus.UNAUTHORIZED) return new UnauthorizedException(body, { cause: error });
  if (status === HttpStatus.BAD_REQUEST) return new BadRequestException(body, { cause: error });
  return new HttpException(body, status, { cause: error });
}

/** The `WWW-Authenticate` header for an error (RFC 6750 §3), as name and value; `undefined` where it has none. */
export function challengeOf(error: unknown, request?: AuthRequest): ['WWW-Authenticate', string] | undefined {
  if (!(error instanceof AuthError)) return undefined;
  if (error instanceof InsufficientScopeError) {
    return ['WWW-Authenticate', `Bearer error="insufficient_scope", scope="${error.scope}"`];
  }
  if (error instanceof OAuthError) {
    if (error.code !== 'invalid_client') return undefined;
    // RFC 6749 §5.2: the challenge names the scheme that the client used.
    const isBearer = request !== undefined && bearerCredentials(request) !== undefined;
    return ['WWW-Authenticate', isBearer ? 'Bearer error="invalid_token"' : 'Basic realm="nest-refresh-token"'];
  }
  if (error instanceof InvalidScopeError) return undefined;
  const { status } = errorResponse(error);
  if (status === HttpStatus.BAD_REQUEST) return ['WWW-Authenticate', 'Bearer error="invalid_request"'];
  if (status !== HttpStatus.UNAUTHORIZED) return undefined;
  // RFC 6750 §3.1: no error code where the request had no credentials.
  return ['WWW-Authenticate', error instanceof MissingTokenError ? 'Bearer' : 'Bearer error="invalid_token"'];
}

/** Whether the answer carries `Retry-After`: the same request may succeed later. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof HttpException) return error.getStatus() === HttpStatus.SERVICE_UNAVAILABLE;
  return error instanceof TemporarilyUnavailableError;
}
