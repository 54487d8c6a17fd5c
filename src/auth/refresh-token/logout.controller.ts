import {
  Controller,
  HttpStatus,
  Injectable,
  Post,
  Req,
  Res,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { InvalidRefreshTokenError } from '../auth.errors.js';
import { AuthExceptionFilter } from '../auth.exception-filter.js';
import { AuthReply } from '../auth.reply.js';
import { withDeadline } from '../request-deadline.js';
import { RefreshTokenGuard, type RefreshTokenRequest } from './refresh-token.guard.js';
import { RefreshTokenService } from './refresh-token.service.js';

/** Lets forged tokens through as `null`: who logs out with one is told nothing of it (RFC 7009 §2.2). */
@Injectable()
export class LogoutGuard extends RefreshTokenGuard {
  override handleRequest<TUser>(error: unknown, token: TUser | false): TUser {
    if (error instanceof InvalidRefreshTokenError || (!error && !token)) return null as TUser;
    return super.handleRequest(error, token);
  }
}

/** `POST /logout`: ends the session of a refresh token. Not among a host's default controllers: it has a logout. */
@Controller({ path: 'logout', version: VERSION_NEUTRAL })
@UseFilters(AuthExceptionFilter)
export class LogoutController {
  constructor(
    protected readonly refreshTokens: RefreshTokenService,
    protected readonly reply: AuthReply,
  ) {}

  @Post()
  @UseGuards(LogoutGuard)
  async logout(@Req() request: RefreshTokenRequest, @Res() response: unknown): Promise<void> {
    if (request.refreshToken) await withDeadline(this.refreshTokens.end(request.refreshToken));
    this.reply.send(response, HttpStatus.NO_CONTENT);
  }
}
