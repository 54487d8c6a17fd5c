import { Controller, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import type { AccessTokenRequest } from '../guards/access-token.guard.js';
import { AuthExceptionFilter } from '../http/auth.exception-filter.js';
import { LiveSessionGuard } from '../guards/live-session.guard.js';
import { SessionsBaseController, type SessionCaller } from './sessions.base-controller.js';

/**
 * A user's own sessions, with an access token: `GET /sessions`, `DELETE /sessions`, `DELETE /sessions/:id` and
 * `PATCH /sessions/:id`. Not among the default controllers: name the class, or a subclass, among the module's
 * `controllers`.
 */
@Controller({ path: 'sessions', version: VERSION_NEUTRAL })
@UseGuards(LiveSessionGuard)
@UseFilters(AuthExceptionFilter)
export class SessionsController extends SessionsBaseController<AccessTokenRequest> {
  protected override callerOf({ accessToken: { sub, sid } }: AccessTokenRequest): SessionCaller {
    return { by: 'user', subject: sub, sessionId: sid };
  }
}
