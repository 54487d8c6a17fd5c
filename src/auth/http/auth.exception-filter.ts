import { Catch, HttpException, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AuthError } from '../auth.errors.js';
import type { AuthRequest } from './auth.request.js';
import { ErrorHeaders } from './error-headers.js';
import { logError } from './error-log.js';
import { errorResponse } from './error-response.js';

/**
 * Answers the library's own errors with the status, body and headers of the wire contract, and logs each error once.
 * For a host's own routes: errors of the host are left to the host's filters.
 * @example
 * @UseFilters(AuthErrorFilter) // An outage of the database is answered 503 at your login, too.
 * @Post('login')
 */
@Injectable()
@Catch(AuthError)
export class AuthErrorFilter implements ExceptionFilter {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly headers: ErrorHeaders,
  ) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    // The module's guards wrap its errors in HttpExceptions, which any filter of the host can answer.
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

  /** The error that the client is told of. Override it for a protocol with other words; the log has the original. */
  protected translate(error: unknown): unknown {
    return error;
  }
}

/** Answers every error of the module's own routes, whatever threw it: the library, the host, Nest or a parser. */
@Injectable()
@Catch()
export class AuthExceptionFilter extends AuthErrorFilter {}
