import { Inject, Injectable } from '@nestjs/common';
import { InvalidRefreshTokenError, InvalidRequestError } from '../auth.errors.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { KeyRing } from '../key-ring/key-ring.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { decide } from '../rotation/rotation.rule.js';
import { Clock } from '../runtime/clock.js';
import { RandomSource } from '../runtime/random.js';
import { UNKNOWN_DEVICE, type Device } from '../session/device.js';
import { checkIssueOptions, type IssueOptions } from '../session/issue-options.js';
import { SessionCreator } from '../session/session.creator.js';
import { SessionEnder } from '../session/session.ender.js';
import type { Session } from '../session/session.js';
import { HANDLE_SIZE } from './refresh-token.codec.js';
import { RefreshTokenReader } from './refresh-token.reader.js';
import { RefreshToken } from './refresh-token.js';
import { grantedScope, requireClient, type ExchangeOptions } from './requested-scope.js';
import { Rotator } from './rotate.js';
import { SessionFinder } from './session.finder.js';
import type { IssuedSession, ScopedTokenResponse, TokenResponse } from './token-response.js';
import { TokenResponder } from './token.responder.js';

/**
 * Sessions kept alive by refresh tokens: start one, refresh it, end it. `SessionService` lists, names and ends sessions
 * by their ids. Every method throws `TemporarilyUnavailableError` where the database can't answer: nothing is known
 * then, and nobody should be signed out for it.
 */
@Injectable()
export class RefreshTokenService {
  constructor(
    private readonly reader: RefreshTokenReader,
    private readonly rotator: Rotator,
    private readonly responder: TokenResponder,
    private readonly creator: SessionCreator,
    private readonly finder: SessionFinder,
    private readonly ender: SessionEnder,
    private readonly keyRing: KeyRing,
    private readonly clock: Clock,
    private readonly random: RandomSource,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /**
   * Starts a session: call it at the end of your login.
   * @returns the session's first tokens, in the wire's shape; lives are seconds
   * @throws InvalidRequestError naming the field that isn't good, what it got and what it takes
   * @example const tokens = await refreshTokens.issue({ subject: user.id, claims: { tenant: user.tenant } });
   */
  async issue(options: IssueOptions): Promise<IssuedSession> {
    const checked = checkIssueOptions(options);
    const now = await this.beginMinting();
    const token = new RefreshToken(this.random.bytes(HANDLE_SIZE), now);
    const session = await this.creator.create({ id: token.sessionId, ...checked }, options.revokeOthers === true, now);
    const tokens = this.responder.respond(session, token, now);
    return { session_id: session.id, subject: session.subject, ...tokens };
  }

  /**
   * Trades a refresh token for a new access token and the refresh token's successor.
   * @param device where the request came from, for the list of sessions
   * @returns the tokens, in the wire's shape; lives are seconds
   * @throws InvalidRefreshTokenError where the user has to sign in again; `reason` says why, for your log only
   * @example const { access_token, refresh_token } = await refreshTokens.refresh(presented);
   */
  async refresh(refreshToken: string, device?: Device): Promise<TokenResponse> {
    return this.rotate(await this.reader.read(refreshToken), device);
  }

  /**
   * `refresh` for a token that is proved already, as `RefreshTokenGuard` leaves it on the request.
   * @example const tokens = await refreshTokens.rotate(request.refreshToken, deviceOf(request));
   */
  async rotate(token: RefreshToken, device: Device = UNKNOWN_DEVICE): Promise<TokenResponse> {
    const now = await this.beginMinting();
    const { session, at } = await this.rotator.rotate(token, now, device);
    return this.responder.respond(session, token, at);
  }

  /**
   * `refresh` for an OAuth client, which may ask for less scope in this one access token (RFC 6749 §6).
   * @returns the tokens, and the access token's scope where it has one
   * @throws InvalidRefreshTokenError as `refresh`, and `wrong_client` where the session belongs to another client
   * @throws InvalidScopeError where the client asks for more than the session has; nothing is used up then
   * @example const tokens = await refreshTokens.exchange(presented, { clientId: 'web', scope: 'orders:read' });
   */
  async exchange(refreshToken: string, options: ExchangeOptions, device?: Device): Promise<ScopedTokenResponse> {
    const token = await this.reader.read(refreshToken);
    const now = await this.beginMinting();
    const { session, at } = await this.rotator.rotate(token, now, device ?? UNKNOWN_DEVICE, options);
    const scope = grantedScope(session.scope, options.scope);
    const tokens = this.responder.respond({ ...session, scope }, token, at);
    // RFC 6749 §5.1: the scope is told where it isn't what was asked for, also where nothing of that is left.
    return scope === null && options.scope === undefined ? tokens : { ...tokens, scope: scope ?? '' };
  }

  /**
   * The session that a proved token is good for now, without using the token up; `undefined` where it is good for none.
   * @throws TemporarilyUnavailableError where nothing is known of the session
   * @example const session = await refreshTokens.peek(request.refreshToken);
   */
  async peek(token: RefreshToken): Promise<Session | undefined> {
    const now = this.clock.now();
    const session = await this.finder.find(token, now);
    return session && decide(session, token.number, now, this.options.rotation).kind !== 'refuse' ? session : undefined;
  }

  /**
   * Ends the session of a refresh token: call it at logout. Any authentic token of the session does, displaced and
   * dead ones too. A token that isn't authentic is ignored, and nothing is written (RFC 7009 §2.2).
   * @returns whether this call ended the session
   * @throws InvalidRequestError where there is no token at all: a misspelt field must not pass for a logout
   * @throws InvalidRefreshTokenError `wrong_client` where `clientId` is given and the session is another client's
   * @example await refreshTokens.revoke(presented);
   */
  async revoke(refreshToken: string, { clientId }: Pick<ExchangeOptions, 'clientId'> = {}): Promise<boolean> {
    if (typeof refreshToken !== 'string' || refreshToken === '') {
      throw new InvalidRequestError('refreshToken: got none, takes the refresh token of the session to end.');
    }
    let token: RefreshToken;
    try {
      token = await this.reader.read(refreshToken, { isLeaving: true });
    } catch (error) {
      if (error instanceof InvalidRefreshTokenError) return false;
      throw error;
    }
    const session = clientId === undefined ? undefined : await this.finder.find(token, this.clock.now());
    if (session) requireClient(session, { clientId });
    return this.end(token);
  }

  /**
   * `revoke` for a token that is proved already, as `RefreshTokenGuard` leaves it on the request.
   * @example await refreshTokens.end(request.refreshToken);
   */
  async end(token: RefreshToken): Promise<boolean> {
    const now = this.clock.now();
    if (await this.ender.end(token.sessionId, 'logout', now)) return true;
    // Nothing was written: the session has ended already, or its row is lost and could come back with a good token.
    await this.finder.find(token, now);
    return false;
  }
  /** The time of a mint: where the database has to be told of a key first, the leeway and the lives begin after that. */
  private async beginMinting(): Promise<number> {
    await this.keyRing.prepare(this.clock.now());
    return this.clock.now();
  }
}
