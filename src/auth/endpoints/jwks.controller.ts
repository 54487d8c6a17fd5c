import { Controller, Get, HttpStatus, Inject, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { KeyRing } from '../key-ring/key-ring.js';
import { jwksMaxAge } from '../key-ring/key-schedule.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { OwnCredentials } from '../guards/own-credentials.decorator.js';

/** `GET /.well-known/jwks.json`: the public keys that others verify access tokens with (RFC 7517 §5). */
@OwnCredentials()
@Controller({ path: '.well-known', version: VERSION_NEUTRAL })
export class JwksController {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly keyRing: KeyRing,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  @Get('jwks.json')
  keys(@Res() response: unknown): void {
    const { httpAdapter } = this.adapterHost;
    // No longer than a new key is published before it signs.
    const maxAge = jwksMaxAge(this.options.keyActivationDelay) / 1_000;
    const keys = this.keyRing.signingKeys.flatMap(({ publicJwk }) => publicJwk ?? []);
    httpAdapter.setHeader(response, 'Cache-Control', `public, max-age=${maxAge}`);
    httpAdapter.reply(response, { keys }, HttpStatus.OK);
  }
}
