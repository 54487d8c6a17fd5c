import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { MissingTokenError } from '../../auth/auth.errors.js';
import { ServiceKeys } from '../../auth/guards/service-keys.js';
import {
  bearerToken,
  bearerCredentials,
  requireOneAuthorization,
  type AuthRequest,
} from '../../auth/http/auth.request.js';

/** Lets a request through that presents a service key as its bearer token. */
@Injectable()
export class ServiceKeyGuard implements CanActivate {
  constructor(private readonly serviceKeys: ServiceKeys) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<AuthRequest>();
    requireOneAuthorization(request);
    if (bearerCredentials(request) === undefined) throw new MissingTokenError();
    this.serviceKeys.require(bearerToken(request));
    return true;
  }
}
