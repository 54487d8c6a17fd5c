import { HttpStatus, type ExecutionContext } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { AuthError, MissingTokenError } from './auth.errors.js';
import { presentsBearer, requireTokenInHeaderOnly, type AuthRequest, type OtherToken } from './auth.request.js';
import type { Prover } from './bearer.strategy.js';
import type { ErrorHeaders } from './error-headers.js';
import { logError } from './error-log.js';
import { isTemporary, toHttpException } from './error-response.js';
import { withDeadline } from './request-deadline.js';

/**
 * What the guards of both kinds of token share: a bearer token in the `Authorization` header and nowhere else, proved
 * by a Passport strategy. Throws HttpExceptions only, so that it can guard a host's own route.
 */
export abstract class BearerGuard extends AuthGuard('nest-refresh-token') {
  /** The strategy's name: one class of guard serves the modules of every name. */
  protected abstract readonly strategy: string;
  /** Where the proved token is left on the request. */
  protected abstract readonly property: string;
  /** What besides the header would be another token. */
  protected abstract readonly otherToken: OtherToken;

  constructor(private readonly errorHeaders: ErrorHeaders) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = this.getRequest(context);
    try {
      requireTokenInHeaderOnly(request, this.otherToken);
      if (!presentsBearer(request)) throw new MissingTokenError();
      await AuthGuard(this.strategy).prototype.canActivate.call(this, context);
      return await this.admit(request, context);
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      // No filter of ours may stand behind it; a refusal is the host's to log, an outage is not to be missed.
      if (isTemporary(error)) logError(error, HttpStatus.SERVICE_UNAVAILABLE, request);
      if (context.getType() === 'http') this.errorHeaders.set(context.switchToHttp().getResponse(), error);
      throw toHttpException(error);
    }
  }

  /**
   * The request whose headers have the token. Override it for other transports, and return the transport's own object,
   * not one made for the call: `@CurrentToken()` looks for the claims on it.
   * @example getRequest(context) { return GqlExecutionContext.create(context).getContext().req; } // GraphQL
   * @example getRequest(context) { return context.switchToWs().getClient().handshake; } // Socket.IO
   */
  override getRequest(context: ExecutionContext): AuthRequest {
    return context.switchToHttp().getRequest<AuthRequest>();
  }

  /** Pinned: a host's PassportModule may have set other defaults. */
  override getAuthenticateOptions(): { property: string; session: boolean; prover: Prover } {
    return { property: this.property, session: false, prover: (token) => withDeadline(this.prove(token)) };
  }

  /** The strategy fails malformed credentials (`Bearer a b`) by itself, without an error. */
  override handleRequest<TUser>(error: unknown, token: TUser | false): TUser {
    if (error) throw error;
    if (!token) throw this.malformed();
    return token;
  }

  /** Proves a token. */
  protected abstract prove(token: string): Promise<object>;

  /** What malformed credentials are refused with. */
  protected abstract malformed(): AuthError;

  /** Whether the request with a good token goes on. */
  protected async admit(_request: AuthRequest, _context: ExecutionContext): Promise<boolean> {
    return true;
  }
}
