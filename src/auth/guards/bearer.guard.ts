import { HttpStatus, type ExecutionContext } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { AuthError, MissingTokenError } from '../auth.errors.js';
import { requireTokenInHeaderOnly, type AuthRequest, type OtherToken } from '../http/auth.request.js';
import type { ErrorHeaders } from '../http/error-headers.js';
import { logError } from '../http/error-log.js';
import { isTemporary, toHttpException } from '../http/error-response.js';
import { withDeadline } from '../http/request-deadline.js';
import type { BearerStrategyOptions } from './bearer.strategy.js';

/** How the guard of one kind of token differs from the other's. */
export interface BearerScheme {
  /** The name of the Passport strategy. Asked for at each request: Nest sets the module's name after the constructor. */
  readonly strategy: () => string;
  /** Where the proved token is left on the request. */
  readonly property: string;
  /** The parameters that would be a second token; a request with one is refused. */
  readonly otherToken: OtherToken;
  /** The credentials that a request presents, be they good or malformed, in the form of an `Authorization` header. */
  readonly credentialsOf: (request: AuthRequest) => string | undefined;
  /** Proves a token, or throws an `AuthError`. */
  readonly prove: (token: string) => Promise<object>;
  /** The error that malformed credentials are refused with. */
  readonly malformed: () => AuthError;
}

/**
 * A guard for one kind of bearer token. It throws HttpExceptions only, so that it can guard a host's own route. The way
 * of a request, from top to bottom:
 *
 *     Nest          canActivate
 *     this guard      requireTokenInHeaderOnly   400: a second header, a token in the query or the body
 *     @nestjs/passport  AuthGuard(strategy).canActivate
 *     this guard          getAuthenticateOptions   reads the credentials (401: none), hands over who proves them
 *     Passport            authenticate             finds the strategy by its name
 *     BearerStrategy        authenticate           takes the token out of `Bearer <token>`, or fails
 *     BearerStrategy        validate               calls the prover: `scheme.prove`, within the deadline
 *     this guard          handleRequest            throws the prover's error; 401 where the strategy failed by itself
 *     @nestjs/passport  request[property] = token
 *     this guard      admit                        a subclass's last word: 403, say
 *     this guard    catch                          an AuthError becomes an HttpException, with its headers
 */
export abstract class BearerGuard extends AuthGuard('nest-refresh-token') {
  constructor(
    private readonly scheme: BearerScheme,
    private readonly errorHeaders: ErrorHeaders,
  ) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = this.getRequest(context);
    try {
      requireTokenInHeaderOnly(request, this.scheme.otherToken);
      // One class of guard serves the modules of every name: the strategy is chosen here, not by the base class.
      await AuthGuard(this.scheme.strategy()).prototype.canActivate.call(this, context);
      return await this.admit(request, context);
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      // A host's route may have no filter of the module. A refusal is the host's to log; an outage must not be missed.
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

  /** The options that Passport hands to the strategy; all are set, since a host's PassportModule may have set others. */
  override getAuthenticateOptions(context: ExecutionContext): BearerStrategyOptions {
    const { property, credentialsOf, prove } = this.scheme;
    const credentials = credentialsOf(this.getRequest(context));
    if (credentials === undefined) throw new MissingTokenError();
    return { property, session: false, credentials, prover: (token) => withDeadline(prove(token)) };
  }

  /** The proved token. The strategy fails malformed credentials (`Bearer a b`) by itself, without an error. */
  override handleRequest<TUser>(error: unknown, token: TUser | false): TUser {
    if (error) throw error;
    if (!token) throw this.scheme.malformed();
    return token;
  }

  /** Whether the request with a good token goes on. */
  protected async admit(_request: AuthRequest, _context: ExecutionContext): Promise<boolean> {
    return true;
  }
}
