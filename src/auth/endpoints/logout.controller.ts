import { Controller, Injectable, Post, Req, Res, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { InvalidRefreshTokenError } from '../auth.errors.js';
import { AuthExceptionFilter } from '../http/auth.exception-filter.js';
import { AuthReply } from '../http/auth.reply.js';
import type { AuthRequest } from '../http/auth.request.js';
import { OwnCredentials } from '../guards/own-credentials.decorator.js';
import { withDeadline } from '../http/request-deadline.js';
import { RefreshTokenGuard } from '../guards/refresh-token.guard.js';
import type { RefreshToken } from '../refresh-token/refresh-token.js';
import { RefreshTokenService } from '../refresh-token/refresh-token.service.js';

/** Lets forged tokens through as `null`: who logs out with one is told nothing of it (RFC 7009 §2.2). */
@Injectable()
export class LogoutGuard extends RefreshTokenGuard {
  protected override prove(token: string): Promise<RefreshToken> {
    return this.reader.read(token, { isLeaving: true });
  }

  override handleRequest<TUser>(error: unknown, token: TUser | false): TUser {
    if (error instanceof InvalidRefreshTokenError || (!error && !token)) return null as TUser;
    return super.handleRequest(error, token);
  }
}

/** A request that the logout guard let through. */
export interface LogoutRequest extends AuthRequest {
  /** The proved token, or `null` where it was forged. */
  readonly refreshToken: RefreshToken | null;
}

/** `POST /logout`: ends the session of a refresh token. Not among a host's default controllers: it has a logout. */
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
