import {
  Injectable,
  SetMetadata,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';

/** What a strict host puts on the routes that its own guard lets through. */
export const Public = () => SetMetadata('isPublic', true);

/** The host's guard: 401 to everybody, unless the route is public. */
@Injectable()
export class DenyAll implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.getAllAndOverride('isPublic', [context.getHandler(), context.getClass()])) return true;
    throw new UnauthorizedException();
  }
}

/** Another of the host's, for some routes. */
@Injectable()
export class NotFromMars implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest<{ headers: Record<string, unknown> }>().headers['x-planet'] !== 'mars';
  }
}
