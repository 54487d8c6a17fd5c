import { Controller, Post, Req, Res, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { AuthExceptionFilter } from '../http/auth.exception-filter.js';
import { AuthReply } from '../http/auth.reply.js';
import { OwnCredentials } from '../guards/own-credentials.decorator.js';
import { withDeadline } from '../http/request-deadline.js';
import { deviceOf } from '../http/device-of.js';
import { RefreshTokenGuard, type RefreshTokenRequest } from '../guards/refresh-token.guard.js';
import { RefreshTokenService } from '../refresh-token/refresh-token.service.js';

/**
 * `POST /refresh_token`. Extend it to put your own decorators on the route (`@Public()`), and hand the subclass to
 * the module as one of its `controllers`. A handler of your own answers by `reply.tokens`: a token that came in a cookie
 * must not go back in a body.
 */
@OwnCredentials()
@Controller({ path: 'refresh_token', version: VERSION_NEUTRAL })
@UseGuards(RefreshTokenGuard)
@UseFilters(AuthExceptionFilter)
export class RefreshTokenController {
  constructor(
    protected readonly refreshTokens: RefreshTokenService,
    protected readonly reply: AuthReply,
  ) {}

  // The response is written here, so that an interceptor that wraps a host's answers leaves this one as it is.
  @Post()
  async refresh(@Req() request: RefreshTokenRequest, @Res() response: unknown): Promise<void> {
    const tokens = await withDeadline(this.refreshTokens.rotate(request.refreshToken, deviceOf(request)));
    this.reply.tokens(request, response, tokens);
  }
}
