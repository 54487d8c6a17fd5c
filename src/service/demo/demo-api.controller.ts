import { Controller, Get, HttpStatus, Inject, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { AccessTokenRequest } from '../../auth/guards/access-token.guard.js';
import { AuthReply } from '../../auth/http/auth.reply.js';
import type { AuthRequest } from '../../auth/http/auth.request.js';
import { getAuthToken } from '../../auth/injection-tokens.js';
import { accessTokenGuard } from '../../auth/guards/named.guards.js';
import { RefreshTokenService } from '../../auth/refresh-token/refresh-token.service.js';
import { withDeadline } from '../../auth/http/request-deadline.js';
import { bodyOf } from '../../auth/http/request-parameters.js';
import { deviceOf } from '../../auth/http/device-of.js';
import type { IssueOptions } from '../../auth/session/issue-options.js';
import { DEMO } from './injection-tokens.js';

/** Plays the host application of the demo: a login without a password, and an API for signed-in users. */
@Controller(DEMO)
export class DemoApiController {
  constructor(
    @Inject(getAuthToken(RefreshTokenService, DEMO)) private readonly refreshTokens: RefreshTokenService,
    @Inject(getAuthToken(AuthReply, DEMO)) private readonly reply: AuthReply,
  ) {}

  /**
   * `POST /demo/sign-in`, `{"subject", "label"?}`: signs anybody in. The endpoint takes JSON only: another site's page
   * can't send JSON without a preflight (Fetch §3.3.5), which only the origins in CORS_ORIGINS pass.
   */
  @Post('sign-in')
  async signIn(@Req() request: AuthRequest, @Res() response: unknown): Promise<void> {
    const who = bodyOf(request, ['subject', 'label']) as Pick<IssueOptions, 'subject' | 'label'>;
    const session = await withDeadline(this.refreshTokens.issue({ ...who, ...deviceOf(request) }));
    this.reply.send(response, HttpStatus.CREATED, session);
  }

  /** `GET /demo/hello`: an API that asks for an access token and greets its user. */
  @Get('hello')
  @UseGuards(accessTokenGuard(DEMO))
  hello(@Req() { accessToken }: AccessTokenRequest, @Res() response: unknown): void {
    this.reply.send(response, HttpStatus.OK, { message: `Hello, ${accessToken.sub}.` });
  }
}
