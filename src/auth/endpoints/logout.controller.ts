import { Controller, Post, Req, Res, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { AuthExceptionFilter } from '../http/auth.exception-filter.js';
import { AuthReply } from '../http/auth.reply.js';
import { LogoutGuard, type LogoutRequest } from '../guards/logout.guard.js';
import { OwnCredentials } from '../guards/own-credentials.decorator.js';
import { withDeadline } from '../http/request-deadline.js';
import { RefreshTokenService } from '../refresh-token/refresh-token.service.js';

/**
 * `POST /logout`: ends the session of a refresh token. Not among the default controllers, since a host has a logout of
 * its own: name the class, or a subclass, among the module's `controllers`.
 */
@OwnCredentials()
@Controller({ path: 'logout', version: VERSION_NEUTRAL })
@UseGuards(LogoutGuard)
@UseFilters(AuthExceptionFilter)
export class LogoutController {
  constructor(
    protected readonly refreshTokens: RefreshTokenService,
    protected readonly reply: AuthReply,
  ) {}

  @Post()
  async logout(@Req() request: LogoutRequest, @Res() response: unknown): Promise<void> {
    if (request.refreshToken) await withDeadline(this.refreshTokens.end(request.refreshToken));
    this.reply.signedOut(request, response);
  }
}
