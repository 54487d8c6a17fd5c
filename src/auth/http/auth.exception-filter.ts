import { Catch, HttpException, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AuthError } from '../auth.errors.js';
import type { AuthRequest } from './auth.request.js';
import { ErrorHeaders } from './error-headers.js';
import { logError } from './error-log.js';
import { errorResponse } from './error-response.js';

/**
 * Answers the library's own errors as the wire contract has them, and logs each once. For a host's own routes: what
 * the host throws is left to the host's filters.
 * @example @UseFilters(AuthErrorFilter) on your login route: an outage of the database is 503 there too
 */
@Injectable()
@Catch(AuthError)
export class AuthErrorFilter implements ExceptionFilter {
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
    const shown = this.translate(error);
    const { status, body } = errorResponse(shown);

    logError(error, status, request);
    if (httpAdapter.isHeadersSent(response)) return httpAdapter.end(response);
    this.headers.set(response, shown, request);
    httpAdapter.reply(response, body, status);
  }

  /** What the client is told of an error, where its protocol has other words for it. */
  protected translate(error: unknown): unknown {
    return error;
  }
}

/** Answers every error of this module's own routes, whatever threw it. */
@Injectable()
@Catch()
export class AuthExceptionFilter extends AuthErrorFilter {}
