import { randomUUID } from 'node:crypto';
import { Catch, HttpException, Injectable, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import {
  AuthError,
  InvalidAccessTokenError,
  InvalidRefreshTokenError,
  InvalidServiceKeyError,
  TemporarilyUnavailableError,
} from './auth.errors.js';
import type { AuthRequest } from './auth.request.js';
import { ErrorHeaders } from './error-headers.js';
import { errorResponse } from './error-response.js';

/** Short and without `_`, so that no token fits: it is the client's text, and it goes to the log. */
const REQUEST_ID = /^[A-Za-z0-9-]{1,48}$/;

/**
 * Answers the library's own errors as the wire contract has them, and logs each once. For a host's own routes: what
 * the host throws is left to the host's filters.
 * @example @UseFilters(AuthErrorFilter) on your login route: an outage of the database is 503 there too
 */
@Injectable()
@Catch(AuthError)
export class AuthErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('RefreshToken');

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly headers: ErrorHeaders,
  ) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    // A guard wraps our errors, so that they mean the same on a host's own routes.
    const error =
      exception instanceof HttpException && exception.cause instanceof AuthError ? exception.cause : exception;
    const request = host.switchToHttp().getRequest<AuthRequest>();
    const response = host.switchToHttp().getResponse<unknown>();
    const { httpAdapter } = this.adapterHost;
    const { status, body } = errorResponse(error);

    this.log(error, status, requestId(request));
    if (httpAdapter.isHeadersSent(response)) return httpAdapter.end(response);
    this.headers.set(response, error);
    httpAdapter.reply(response, body, status);
  }

  private log(error: unknown, status: number, request_id: string): void {
    if (error instanceof InvalidRefreshTokenError) {
      const { reason, sessionId } = error;
      this.logger.warn('A refresh token was refused', {
        event: 'refresh.refused',
        reason,
        ...(sessionId === undefined ? {} : { session_id: sessionId }),
        request_id,
      });
    } else if (error instanceof InvalidAccessTokenError) {
      this.logger.warn('An access token was refused', {
        event: 'access_token.refused',
        reason: error.reason,
        request_id,
      });
    } else if (error instanceof InvalidServiceKeyError) {
      this.logger.warn('A service key was refused', { event: 'service_key.refused', request_id });
    } else if (error instanceof TemporarilyUnavailableError) {
      const cause = describe(error.cause);
      this.logger.error('A request could not be answered', {
        event: 'request.unavailable',
        reason: error.reason,
        ...(cause === undefined ? {} : { cause }),
        request_id,
      });
    } else if (status >= 500) {
      this.logger.error('A request failed', { event: 'request.failed', cause: describe(error), request_id });
    }
  }
}

/** Answers every error of this module's own routes, whatever threw it. */
@Injectable()
@Catch()
export class AuthExceptionFilter extends AuthErrorFilter {}

/** The client's `X-Request-Id` where it may be logged, else a new one. */
function requestId(request: AuthRequest): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** An error for the log: what it is and where it came from; never parameters, headers or bodies. */
function describe(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  if (!(error instanceof Error)) return typeof error;
  const code = (error as { code?: unknown }).code;
  const text = error.stack ?? `${error.name}: ${error.message}`;
  return typeof code === 'string' ? `${code} ${text}` : text;
}
