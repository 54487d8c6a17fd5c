import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { NotFoundError } from '../../auth/auth.errors.js';
import { pathOf } from '../http/request-target.js';

/** Lets a request through if its path, not decoded, equals `path`; a slash at the end may be added. */
export class LiteralPathGuard implements CanActivate {
  constructor(private readonly path: string) {}

  canActivate(context: ExecutionContext): boolean {
    // Express and Fastify both set `originalUrl` to the URL as the client sent it.
    const { originalUrl } = context.switchToHttp().getRequest<{ originalUrl: string }>();
    if (pathOf(originalUrl).replace(/\/$/, '') !== this.path) throw new NotFoundError();
    return true;
  }
}
