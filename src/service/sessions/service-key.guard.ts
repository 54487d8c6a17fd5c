import { createHash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { InvalidServiceKeyError, MissingTokenError } from '../../auth/auth.errors.js';
import { bearerToken, presentsBearer, requireOneAuthorization, type AuthRequest } from '../../auth/auth.request.js';
import { SERVICE_CONFIG } from '../service.tokens.js';
import type { ServiceConfig } from '../service.config.js';

/** Lets a request through that presents a service key as its bearer token. */
@Injectable()
export class ServiceKeyGuard implements CanActivate {
  private readonly digests: readonly Buffer[];

  constructor(@Inject(SERVICE_CONFIG) config: ServiceConfig) {
    this.digests = config.serviceKeys.map(digest);
  }

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<AuthRequest>();
    requireOneAuthorization(request);
    if (!presentsBearer(request)) throw new MissingTokenError();
    const key = bearerToken(request);
    if (key === undefined) throw new InvalidServiceKeyError();
    const presented = digest(key);
    // Digests are of one length, and all are compared: the time tells neither a length nor which key it was.
    const matches = this.digests.filter((known) => timingSafeEqual(known, presented));
    if (matches.length === 0) throw new InvalidServiceKeyError();
    return true;
  }
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
