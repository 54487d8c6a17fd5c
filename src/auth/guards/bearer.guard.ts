import { HttpStatus, type ExecutionContext } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { AuthError, MissingTokenError } from '../auth.errors.js';
import {
  bearerCredentials,
  requireTokenInHeaderOnly,
  type AuthRequest,
  type OtherToken,
} from '../http/auth.request.js';
import type { BearerStrategyOptions } from './bearer.strategy.js';
import type { ErrorHeaders } from '../http/error-headers.js';
import { logError } from '../http/error-log.js';
import { isTemporary, toHttpException } from '../http/error-response.js';
import { withDeadline } from '../http/request-deadline.js';

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
      await AuthGuard(this.strategy).prototype.canActivate.call(this, context);
      return await this.admit(request, context);
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      // No filter of ours may stand behind it; a refusal is the host's to log, an outage is not to be missed.
      if (isTemporary(error)) logError(error, HttpStatus.SERVICE_UNAVAILABLE, request);
      if (context.getType() === 'http') this.errorHeaders.set(context.switchToHttp().getResponse(), error, request);
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
  override getAuthenticateOptions(context: ExecutionContext): BearerStrategyOptions {
    const credentials = this.credentialsOf(this.getRequest(context));
    if (credentials === undefined) throw new MissingTokenError();
    const prover = (token: string) => withDeadline(this.prove(token));
    return { property: this.property, session: false, credentials, prover };
  }

  /** The strategy fails malformed credentials (`Bearer a b`) by itself, without an error. */
  override handleRequest<TUser>(error: unknown, token: TUser | false): TUser {
    if (error) throw error;
    if (!token) throw this.malformed();
    return token;
  }

  /** The credentials that a request presents, be they good or malformed, as `Authorization` has them. */
  protected credentialsOf(request: AuthRequest): string | undefined {
    return bearerCredentials(request);
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
