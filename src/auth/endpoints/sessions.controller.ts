import { Controller, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import type { AccessTokenRequest } from '../guards/access-token.guard.js';
import { AuthExceptionFilter } from '../http/auth.exception-filter.js';
import { LiveSessionGuard } from '../guards/live-session.guard.js';
import { SessionRoutes, type SessionCaller } from './sessions.base-controller.js';

/**
 * `GET /sessions`, `DELETE /sessions`, `DELETE /sessions/:id`, `PATCH /sessions/:id`, with an access token: a user's
 * own sessions. Not among a host's default controllers: name it among its `controllers`, or a subclass.
 */
@Controller({ path: 'sessions', version: VERSION_NEUTRAL })
@UseGuards(LiveSessionGuard)
@UseFilters(AuthExceptionFilter)
export class SessionsController extends SessionRoutes<AccessTokenRequest> {
  protected override callerOf({ accessToken: { sub, sid } }: AccessTokenRequest): SessionCaller {
    return { by: 'user', subject: sub, sessionId: sid };
  }
}
