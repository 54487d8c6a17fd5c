import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { MissingTokenError } from '../../auth.errors.js';
import { bearerToken, requireOneAuthorization, type AuthRequest } from '../../http/auth.request.js';
import { ServiceKeys } from '../../guards/service-keys.js';

/** Lets a request through that presents a service key: as Bearer token, or as the password of Basic (RFC 7662 §2.1). */
@Injectable()
export class IntrospectionGuard implements CanActivate {
  constructor(private readonly serviceKeys: ServiceKeys) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<AuthRequest>();
    requireOneAuthorization(request);
    if (request.headers.authorization === undefined) throw new MissingTokenError();
    this.serviceKeys.require(bearerToken(request), ...basicPasswords(request));
    return true;
  }
}

/**
 * The password of Basic credentials (RFC 7617 §2), as it stands and form-decoded: some clients encode it, as RFC 6749
 * §2.3.1 asks, and others don't.
 */
function basicPasswords({ headers: { authorization = '' } }: AuthRequest): string[] {
  const encoded = /^basic ([A-Za-z\d+/]+={0,2})$/i.exec(authorization)?.[1];
  const [, password] = /^[^:]*:(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
  if (password === undefined) return [];
  const [decoded] = new URLSearchParams(`password=${password.replaceAll('&', '%26')}`).values();
  return [password, decoded ?? ''];
}
