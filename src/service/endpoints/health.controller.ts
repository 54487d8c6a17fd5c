import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import { AuthReply } from '../../auth/http/auth.reply.js';
import { Readiness } from './readiness.js';

/** `GET /health/live`: whether the process answers. `GET /health/ready`: whether it should be sent requests. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly reply: AuthReply,
  ) {}

  @Get('live')
  live(@Res() response: unknown): void {
    this.reply.send(response, HttpStatus.OK, { status: 'ok' });
  }

  @Get('ready')
  async ready(@Res() response: unknown): Promise<void> {
    const report = await this.readiness.check();
    this.reply.send(response, report.status === 'ok' ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE, report);
  }
}
