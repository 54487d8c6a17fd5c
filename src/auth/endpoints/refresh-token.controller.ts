import { Controller, Post, Req, Res, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { AuthExceptionFilter } from '../http/auth.exception-filter.js';
import { AuthReply } from '../http/auth.reply.js';
import { OwnCredentials } from '../guards/own-credentials.decorator.js';
import { withDeadline } from '../http/request-deadline.js';
import { deviceOf } from '../http/device-of.js';
import { RefreshTokenGuard, type RefreshTokenRequest } from '../guards/refresh-token.guard.js';
import { RefreshTokenService } from '../refresh-token/refresh-token.service.js';

/**
 * `POST /refresh_token`: trades a refresh token for an access token and the refresh token's successor. To put your own
 * decorators on the route (`@Public()`), extend the class and name the subclass among the module's `controllers`. A
 * handler of your own answers with `reply.tokens`: a token that came in a cookie must not go back in a body.
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

  // The handler writes the response, so that a host's interceptor that wraps answers leaves this one as it is.
  @Post()
  async refresh(@Req() request: RefreshTokenRequest, @Res() response: unknown): Promise<void> {
    const tokens = await withDeadline(this.refreshTokens.rotate(request.refreshToken, deviceOf(request)));
    this.reply.tokens(request, response, tokens);
  }
}
