import { Controller, HttpStatus, Post, Req, Res, UseFilters, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import { isAccessToken } from '../../access-token/access-token.type.js';
import { InvalidRequestError, OAuthError } from '../../auth.errors.js';
import { AuthReply } from '../../http/auth.reply.js';
import type { AuthRequest } from '../../http/auth.request.js';
import { OwnCredentials } from '../../guards/own-credentials.decorator.js';
import { RefreshTokenService } from '../../refresh-token/refresh-token.service.js';
import { withDeadline } from '../../http/request-deadline.js';
import { deviceOf } from '../../http/device-of.js';
import { IntrospectionGuard } from './introspection.guard.js';
import { oauthForm } from './oauth-form.js';
import { OAuthExceptionFilter } from './oauth.exception-filter.js';
import { TokenIntrospector } from './token.introspector.js';

/** The parameters that a confidential client authenticates with (RFC 6749 §2.3.1, RFC 7521 §4.2). */
const CLIENT_CREDENTIALS = ['client_secret', 'client_assertion'] as const;
type ClientCredential = (typeof CLIENT_CREDENTIALS)[number];

/**
 * The endpoints that standard OAuth clients know. For public clients: `POST /oauth/token` (RFC 6749 §6) and
 * `POST /oauth/revoke` (RFC 7009). For backends with a service key: `POST /oauth/introspect` (RFC 7662). Not among the
 * default controllers: name the class among the module's `controllers`. For another prefix, name a subclass with a
 * `@Controller()` of your own.
 */
@OwnCredentials()
@Controller({ path: 'oauth', version: VERSION_NEUTRAL })
@UseFilters(OAuthExceptionFilter)
export class OAuthController {
  constructor(
    protected readonly refreshTokens: RefreshTokenService,
    protected readonly introspector: TokenIntrospector,
    protected readonly reply: AuthReply,
  ) {}

  /** Trades a refresh token for an access token and the successor: for the session's client, with its scope or less. */
  @Post('token')
  async token(@Req() request: AuthRequest, @Res() response: unknown): Promise<void> {
    const form = oauthForm(request, ['grant_type', 'refresh_token', 'scope', 'client_id', ...CLIENT_CREDENTIALS]);
    requirePublicClient(request, form);
    const { grant_type, refresh_token, scope, client_id: clientId } = form;
    if (grant_type === undefined) throw new InvalidRequestError('grant_type: got nothing, takes refresh_token.');
    if (grant_type !== 'refresh_token') {
      throw new OAuthError('unsupported_grant_type', 'grant_type: got something else, takes refresh_token.');
    }
    if (refresh_token === undefined) throw new InvalidRequestError('refresh_token: got nothing, takes one.');
    const tokens = this.refreshTokens.exchange(refresh_token, { clientId, scope }, deviceOf(request));
    this.reply.oauthTokens(response, await withDeadline(tokens));
  }

  /** Ends the session of a refresh token. A text that is no refresh token is answered 200, too (RFC 7009 §2.2). */
  @Post('revoke')
  async revoke(@Req() request: AuthRequest, @Res() response: unknown): Promise<void> {
    const form = oauthForm(request, ['token', 'client_id', ...CLIENT_CREDENTIALS]);
    requirePublicClient(request, form);
    const { token, client_id: clientId } = form;
    if (token === undefined) throw new InvalidRequestError('token: got nothing, takes a refresh token.');
    // RFC 7009 §2.2.1: the access token stays good until it expires, and the client must not think otherwise.
    if (isAccessToken(token)) {
      throw new OAuthError('unsupported_token_type', 'token: got an access token, takes a refresh token.');
    }
    await withDeadline(this.refreshTokens.revoke(token, { clientId }));
    this.reply.send(response, HttpStatus.OK);
  }

  /** Tells what a token is good for, without using the token up. */
  @UseGuards(IntrospectionGuard)
  @Post('introspect')
  async introspect(@Req() request: AuthRequest, @Res() response: unknown): Promise<void> {
    const { token } = oauthForm(request, ['token']);
    if (token === undefined) throw new InvalidRequestError('token: got nothing, takes a token.');
    this.reply.send(response, HttpStatus.OK, await withDeadline(this.introspector.introspect(token)));
  }
}

/**
 * Refuses a client that authenticates. Nothing checks secrets here, so a client with a wrong secret must not be answered
 * as if it were right.
 * @throws OAuthError `invalid_client`
 */
function requirePublicClient({ headers }: AuthRequest, form: { [K in ClientCredential]?: string }): void {
  if (headers.authorization === undefined && CLIENT_CREDENTIALS.every((name) => form[name] === undefined)) return;
  throw new OAuthError('invalid_client', 'Clients are public here: client_id at most, and no secret.');
}
