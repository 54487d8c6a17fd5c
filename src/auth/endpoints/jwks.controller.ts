import { Controller, Get, HttpStatus, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { KeyRing } from '../key-ring/key-ring.js';
import { OwnCredentials } from '../guards/own-credentials.decorator.js';

/** `GET /.well-known/jwks.json`: the public keys that others verify access tokens with (RFC 7517 §5). */
@OwnCredentials()
@Controller({ path: '.well-known', version: VERSION_NEUTRAL })
export class JwksController {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly keyRing: KeyRing,
  ) {}

  @Get('jwks.json')
  keys(@Res() response: unknown): void {
    const { httpAdapter } = this.adapterHost;
    const { signingKeys, publishedFor } = this.keyRing;
    const maxAge = Math.floor(publishedFor / 1_000);
    const keys = signingKeys.flatMap(({ publicJwk }) => publicJwk ?? []);
    httpAdapter.setHeader(response, 'Cache-Control', `public, max-age=${maxAge}`);
    httpAdapter.reply(response, { keys }, HttpStatus.OK);
  }
}
