import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { InvalidRefreshTokenError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import type { AuthRequest } from './auth.request.js';
import { RefreshTokenCookies } from './refresh-token.cookies.js';
import { challengeOf, isTemporary } from './error-response.js';
import { retryAfterSeconds } from './request-deadline.js';

/** Sets the headers that an error is answered with. Hand it to the constructor of a guard that you extend. */
@Injectable()
export class ErrorHeaders {
  private readonly retryAfter: string;

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly cookies: RefreshTokenCookies,
    @Inject(RESOLVED_OPTIONS) options: ResolvedOptions,
  ) {
    this.retryAfter = String(retryAfterSeconds(options.rotation));
  }

  /**
   * Sets `Cache-Control`, and `WWW-Authenticate` and `Retry-After` where the error asks for them.
   * @param request the request that the token came in: a cookie whose token was refused is taken away
   */
  set(response: unknown, error: unknown, request?: AuthRequest): void {
    const { httpAdapter } = this.adapterHost;
    httpAdapter.setHeader(response, 'Cache-Control', 'no-store');
    const challenge = challengeOf(error, request);
    if (challenge) httpAdapter.setHeader(response, ...challenge);
    if (request && error instanceof InvalidRefreshTokenError) this.cookies.clearRefused(request, response);
    if (isTemporary(error)) httpAdapter.setHeader(response, 'Retry-After', this.retryAfter);
  }
}
