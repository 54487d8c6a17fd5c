import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { AuthSettings } from './auth.options.js';
import { AUTH_SETTINGS } from './auth.tokens.js';
import { challengeOf, isTemporary } from './error-response.js';
import { retryAfterSeconds } from './request-deadline.js';

/** The headers that an error is answered with. */
@Injectable()
export class ErrorHeaders {
  private readonly retryAfter: string;

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    @Inject(AUTH_SETTINGS) settings: AuthSettings,
  ) {
    this.retryAfter = String(retryAfterSeconds(settings.rotation));
  }

  set(response: unknown, error: unknown): void {
    const { httpAdapter } = this.adapterHost;
    httpAdapter.setHeader(response, 'Cache-Control', 'no-store');
    const challenge = challengeOf(error);
    if (challenge) httpAdapter.setHeader(response, ...challenge);
    if (isTemporary(error)) httpAdapter.setHeader(response, 'Retry-After', this.retryAfter);
  }
}
