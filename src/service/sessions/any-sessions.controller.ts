import { Controller, Injectable, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { AccessTokenRequest } from '../../auth/access-token/access-token.guard.js';
import { bearerToken, requireOneAuthorization, type AuthRequest } from '../../auth/auth.request.js';
import { SessionRoutes, type SessionCaller } from '../../auth/session/session.routes.js';
import { LiveSessionGuard } from '../../auth/session/live-session.guard.js';
import { ServiceKeys } from './service-keys.js';

/** A request with an access token, or, where it has none, with a service key. */
type AnyCallerRequest = AuthRequest & Partial<Pick<AccessTokenRequest, 'accessToken'>>;

/** Lets a request through that presents a service key, or an access token of a live session. */
@Injectable()
export class ServiceKeyOrAccessTokenGuard implements CanActivate {
  constructor(
    private readonly serviceKeys: ServiceKeys,
    private readonly accessTokens: LiveSessionGuard,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthRequest>();
    requireOneAuthorization(request);
    return this.serviceKeys.include(bearerToken(request)) || this.accessTokens.canActivate(context);
  }
}

/** `/sessions` for users with their access token, and for login backends with their service key. */
@Controller('sessions')
@UseGuards(ServiceKeyOrAccessTokenGuard)
export class AnySessionsController extends SessionRoutes<AnyCallerRequest> {
  protected override callerOf({ accessToken }: AnyCallerRequest): SessionCaller {
    if (!accessToken) return { by: 'service', subject: undefined, sessionId: undefined };
    return { by: 'user', subject: accessToken.sub, sessionId: accessToken.sid };
  }
}
