import { Controller, Injectable, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { AccessTokenRequest } from '../../auth/guards/access-token.guard.js';
import { MissingTokenError } from '../../auth/auth.errors.js';
import { ServiceKeys } from '../../auth/guards/service-keys.js';
import { bearerToken, requireOneAuthorization, type AuthRequest } from '../../auth/http/auth.request.js';
import { RequestContextKey } from '../../auth/http/request-context.js';
import { SessionsBaseController, type SessionCaller } from '../../auth/endpoints/sessions.base-controller.js';
import { LiveSessionGuard } from '../../auth/guards/live-session.guard.js';

/** A request with an access token, or with a service key. */
type AnyCallerRequest = AuthRequest & Partial<Pick<AccessTokenRequest, 'accessToken'>>;

/** A login backend: with its service key it may see and end everybody's sessions, and has none itself. */
const BACKEND: SessionCaller = { by: 'service', subject: undefined, sessionId: undefined };
/** Who calls, where the guard knows it without an access token. */
const knownCaller = new RequestContextKey<SessionCaller>('caller');

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
    if (!this.serviceKeys.include(bearerToken(request))) return this.accessTokens.canActivate(context);
    knownCaller.set(request, BACKEND);
    return true;
  }
}

/** `/sessions` for users with their access token, and for login backends with their service key. */
@Controller('sessions')
@UseGuards(ServiceKeyOrAccessTokenGuard)
export class AnySessionsController extends SessionsBaseController<AnyCallerRequest> {
  protected override callerOf(request: AnyCallerRequest): SessionCaller {
    const known = knownCaller.get(request);
    if (known) return known;
    const { accessToken } = request;
    if (!accessToken) throw new MissingTokenError();
    return { by: 'user', subject: accessToken.sub, sessionId: accessToken.sid };
  }
}
