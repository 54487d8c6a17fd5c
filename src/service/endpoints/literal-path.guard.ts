import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { NotFoundError } from '../../auth/auth.errors.js';
import { pathOf } from '../http/request-target.js';

/** Lets requests through whose path is this one to the letter, or that with a slash at its end. */
export class LiteralPathGuard implements CanActivate {
  constructor(private readonly path: string) {}

  canActivate(context: ExecutionContext): boolean {
    // Of both adapters, the URL as it came.
    const { originalUrl } = context.switchToHttp().getRequest<{ originalUrl: string }>();
    if (pathOf(originalUrl).replace(/\/$/, '') !== this.path) throw new NotFoundError();
    return true;
  }
}
