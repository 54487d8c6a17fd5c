import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common';
import { AuthReply } from '../../auth/http/auth.reply.js';
import type { ServiceConfig } from '../service.config.js';
import { SERVICE_CONFIG } from '../injection-tokens.js';
import { openApiDocument } from './openapi.js';

/** `GET /openapi.json`: the OpenAPI document of this service. */
@Controller()
export class OpenApiController {
  constructor(
    private readonly reply: AuthReply,
    @Inject(SERVICE_CONFIG) private readonly config: ServiceConfig,
  ) {}

  @Get('openapi.json')
  document(@Res() response: unknown): void {
    this.reply.send(response, HttpStatus.OK, openApiDocument(this.config));
  }
}
