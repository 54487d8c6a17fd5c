import { Controller, Get, HttpStatus, Inject, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { AuthSettings } from '../auth.options.js';
import { AUTH_SETTINGS } from '../auth.tokens.js';
import { KeyRing } from '../key-ring.js';

/** `GET /.well-known/jwks.json`: the public keys that access tokens verify with (RFC 7517 §5). */
@Controller({ path: '.well-known', version: VERSION_NEUTRAL })
export class JwksController {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly keyRing: KeyRing,
    @Inject(AUTH_SETTINGS) private readonly settings: AuthSettings,
  ) {}

  @Get('jwks.json')
  keys(@Res() response: unknown): void {
    const { httpAdapter } = this.adapterHost;
    // No verifier may keep an old set for longer than a new key waits before it signs.
    const maxAge = Math.floor(this.settings.keyActivationDelay / 1_000);
    const keys = this.keyRing.signingKeys.flatMap(({ publicJwk }) => publicJwk ?? []);
    httpAdapter.setHeader(response, 'Cache-Control', `public, max-age=${maxAge}`);
    httpAdapter.reply(response, { keys }, HttpStatus.OK);
  }
}
