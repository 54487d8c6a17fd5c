import { Inject, Injectable, Logger } from '@nestjs/common';
import { AccessTokenIssuer } from '../access-token/access-token.issuer.js';
import { InvalidRefreshTokenError, InvalidRequestError, TemporarilyUnavailableError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { Clock } from '../runtime/clock.js';
import { RandomSource } from '../runtime/random.js';
import { UNKNOWN_DEVICE, type Device } from '../session/device.js';
import { checkIssueOptions, type IssueOptions } from '../session/issue-options.js';
import { PolicyGate } from '../session/policy.gate.js';
import { SessionEventPublisher } from '../session/session-events.publisher.js';
import { SessionCreator } from '../session/session.creator.js';
import type { SessionRefreshedEvent } from '../session/session.observer.js';
import { SessionService, type EndSessionsOptions } from '../session/session.service.js';
import type { RevocationReason, Session } from '../session/session.js';
import { SessionStore, type Amendments } from '../session/session.store.js';
import { HANDLE_SIZE, RefreshTokenCodec } from './refresh-token.codec.js';
import { grantedScope, requireClient, requireScope, type ExchangeOptions } from './requested-scope.js';
import { RefreshToken } from './refresh-token.js';
import { RefreshTokenReader } from './refresh-token.reader.js';
import { decide, type RotationDecision } from '../rotation/rotation.rule.js';
import { SecretRegistry } from '../key-ring/token-secret.registry.js';
import type { IssuedSession, ScopedTokenResponse, TokenResponse } from './token-response.js';
import type { TokenSecret } from '../keys/token-secret.js';

/** How often a refresh that lost a race for its row tries again. */
const MAX_RETRIES = 3;

/** Which of a subject's sessions are ended. */
export type RevokeSubjectOptions = Pick<EndSessionsOptions, 'exceptSessionId'>;

/** How a mint is asked for, once the row has been read: a plain one is tried without looking. */
interface MintPlan {
  readonly acceptAhead: boolean;
  readonly amendments: Amendments | undefined;
}

const PLAIN_MINT: MintPlan = { acceptAhead: false, amendments: undefined };

/**
 * Sessions kept alive by refresh tokens. Every method throws `TemporarilyUnavailableError` where the database can't
 * answer: nothing is known then, and nobody should be signed out for it.
 */
@Injectable()
export class RefreshTokenService {
  private readonly logger = new Logger('RefreshToken');

  constructor(
    private readonly store: SessionStore,
    private readonly creator: SessionCreator,
    private readonly sessions: SessionService,
    private readonly reader: RefreshTokenReader,
    private readonly codec: RefreshTokenCodec,
    private readonly secrets: SecretRegistry,
    private readonly accessTokens: AccessTokenIssuer,
    private readonly policy: PolicyGate,
    private readonly events: SessionEventPublisher,
    private readonly clock: Clock,
    private readonly random: RandomSource,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /**
   * Starts a session: call it at the end of your login.
   * @returns its first tokens, in the wire's shape; lives are seconds
   * @throws InvalidRequestError naming the field that isn't good, what it got and what it takes
   * @example const tokens = await refreshTokens.issue({ subject: user.id, claims: { tenant: user.tenant } });
   */
  async issue(options: IssueOptions): Promise<IssuedSession> {
    const checked = checkIssueOptions(options);
    const now = this.clock.now();
    const secret = await this.secrets.mintingSecret(now);
    const token = new RefreshToken(this.random.bytes(HANDLE_SIZE), now);
    const session = await this.creator.create({ id: token.sessionId, ...checked }, options.revokeOthers === true, now);
    return { session_id: session.id, subject: session.subject, ...this.respond(session, token, secret, now) };
  }

  /**
   * Trades a refresh token for a new access token and the refresh token's successor.
   * @param device where the request came from, for the list of sessions
   * @returns the tokens, in the wire's shape; lives are seconds
   * @throws InvalidRefreshTokenError where the session has to sign in again; `reason` says why, for your log only
   * @example const { access_token, refresh_token } = await refreshTokens.refresh(presented);
   */
  async refresh(refreshToken: string, device?: Device): Promise<TokenResponse> {
    return this.rotate(await this.reader.read(refreshToken), device);
  }

  /** `refresh` for a token that is proved already, as the guard leaves it on the request. */
  async rotate(token: RefreshToken, device: Device = UNKNOWN_DEVICE): Promise<TokenResponse> {
    const now = this.clock.now();
    const secret = await this.secrets.mintingSecret(now);
    const { session, at } = await this.use(token, now, device);
    return this.respond(session, token, secret, at);
  }

  /**
   * `refresh` for an OAuth client, which may ask for less scope in this one access token (RFC 6749 §6).
   * @returns the tokens, and the access token's scope where it has one
   * @throws InvalidRefreshTokenError as `refresh`, and `wrong_client` where the session belongs to another client
   * @throws InvalidScopeError where it asks for more than the session has; nothing is used up then
   */
  async exchange(refreshToken: string, options: ExchangeOptions, device?: Device): Promise<ScopedTokenResponse> {
    const token = await this.reader.read(refreshToken);
    const now = this.clock.now();
    const secret = await this.secrets.mintingSecret(now);
    const { session, at } = await this.use(token, now, device ?? UNKNOWN_DEVICE, options);
    const scope = grantedScope(session.scope, options.scope);
    const tokens = this.respond({ ...session, scope }, token, secret, at);
    // RFC 6749 §5.1: told where it isn't what was asked for, also where nothing of that is left.
    return scope === null && options.scope === undefined ? tokens : { ...tokens, scope: scope ?? '' };
  }

  /**
   * The session that a proved token is good for now, without using it; `undefined` where it is good for none.
   * @throws TemporarilyUnavailableError where nothing is known of it
   */
  async peek(token: RefreshToken): Promise<Session | undefined> {
    const now = this.clock.now();
    const session = await this.store.find(token.sessionId);
    if (!session && this.isLost(token, now)) throw this.lost(token, now);
    return session && decide(session, token.number, now, this.options.rotation).kind !== 'refuse' ? session : undefined;
  }

  /**
   * Ends the session of a refresh token: call it at logout. Any authentic token of the session does, displaced and
   * dead ones too; one that isn't authentic is ignored, and nothing is written (RFC 7009 §2.2).
   * @returns whether it was this call that ended it
   * @throws InvalidRequestError where there is no token at all: a misspelt field must not pass for a logout
   * @throws InvalidRefreshTokenError `wrong_client` where a client is named and the session is another's
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
    const session = clientId === undefined ? undefined : await this.store.find(token.sessionId);
    if (session) requireClient(session, { clientId });
    return this.end(token);
  }

  /** `revoke` for a token that is proved already. */
  async end(token: RefreshToken): Promise<boolean> {
    const now = this.clock.now();
    if (await this.endSession(token.sessionId, 'logout', now)) return true;
    // Nothing was written: it has ended already, or its row was lost and could come back with a token that works.
    if (!(await this.store.find(token.sessionId)) && this.isLost(token, now)) throw this.lost(token, now);
    return false;
  }

  /**
   * Ends a session by its id (`session_id`, `sid` in access tokens).
   * @returns whether it was this call that ended it
   */
  async revokeSession(sessionId: string): Promise<boolean> {
    return this.sessions.end(sessionId);
  }

  /**
   * Ends all sessions of a subject: a password was changed, a user was banned.
   * @returns how many live sessions were ended
   * @throws InvalidRequestError where `subject` or `exceptSessionId` can't be one
   * @example await refreshTokens.revokeSubject(user.id, { exceptSessionId: token.sid });
   */
  async revokeSubject(subject: string, options?: RevokeSubjectOptions): Promise<number> {
    return this.sessions.endAll(subject, options);
  }

  /**
   * Applies the rotation rule to the session's row.
   * @param terms what else is asked of the session, before anything is written
   * @returns the session, whose `issued` is the token to hand out, and when that was decided
   */
  private async use(
    token: RefreshToken,
    start: number,
    device: Device,
    terms?: ExchangeOptions,
  ): Promise<{ session: Session; at: number }> {
    let now = start;
    // Where nobody is to be asked, a mint is tried at once: one statement does it.
    let plan = this.policy.isOpen && !terms ? PLAIN_MINT : undefined;
    for (let retries = 0; retries <= MAX_RETRIES; retries += 1) {
      const rotation = plan && { n: token.number, now, device, ...plan };
      const tried = rotation && (await this.store.rotate(token.sessionId, rotation));
      if (plan && tried?.isRotated) return this.refreshed(tried.session, outcomeOf(tried.session, plan), now);

      const session = tried?.session ?? (await this.store.find(token.sessionId));
      if (!session) {
        if (this.isLost(token, now)) throw this.lost(token, now);
        throw new InvalidRefreshTokenError('unknown_session', token.sessionId);
      }
      // First: who isn't the client can't end its session either.
      if (terms) requireClient(session, terms);
      const decision = decide(session, token.number, now, this.options.rotation);
      // Used by another request while the policy was asked for this one: both came before the mint.
      const isOvertaken = now > start && session.used === token.number && session.issued > start;
      if (decision.kind === 'repeat' || (isOvertaken && isReuse(decision))) {
        if (terms) requireScope(session, terms);
        return this.refreshed(session, 'repeated', now);
      }
      if (decision.kind === 'refuse') {
        // Committed before the refusal is answered; where it can't be, this throws and the answer is 503.
        if (decision.reason === 'reuse') await this.endReused(session, now);
        throw new InvalidRefreshTokenError(decision.reason, session.id);
      }
      if (terms) requireScope(session, terms);
      plan = {
        acceptAhead: decision.cause === 'store_behind',
        amendments: await this.askPolicy(session, device, now),
      };
      // A policy takes its time, and the leeway begins with the mint.
      now = this.clock.now();
    }
    throw new TemporarilyUnavailableError('contention');
  }

  /** What the policy changes. @throws InvalidRefreshTokenError where it doesn't let the session go on */
  private async askPolicy(session: Session, device: Device, now: number): Promise<Amendments | undefined> {
    const verdict = await this.policy.ask(session, device);
    if (verdict.allow) return verdict.amendments;
    const { reason } = verdict;
    this.logger.warn('The policy ended a session', { event: 'policy.denied', session_id: session.id, reason });
    await this.endSession(session.id, 'policy', now, reason);
    throw new InvalidRefreshTokenError('revoked', session.id);
  }

  private async endReused({ id, subject }: Session, now: number): Promise<void> {
    // Where reuses race, one of them is told of: the session ends once.
    if (!(await this.endSession(id, 'reuse', now))) return;
    this.events.publish({ type: 'reuse_detected', at: now, sessionId: id, subject });
  }

  /** @returns whether it was this call that ended it */
  private async endSession(id: string, reason: RevocationReason, now: number, policyReason?: string): Promise<boolean> {
    const ended = await this.store.revoke(id, reason, now);
    if (ended) this.events.ended([ended], reason, now, policyReason);
    return ended !== undefined;
  }

  private refreshed(
    session: Session,
    outcome: SessionRefreshedEvent['outcome'],
    now: number,
  ): { session: Session; at: number } {
    if (outcome === 'store_behind') {
      this.logger.warn('A token was newer than its session', { event: 'store_behind', session_id: session.id });
    }
    this.events.publish({ type: 'refreshed', at: now, sessionId: session.id, subject: session.subject, outcome });
    return { session, at: now };
  }

  private respond(session: Session, token: RefreshToken, secret: TokenSecret, now: number): TokenResponse {
    const accessToken = this.accessTokens.issue(session, now);
    return {
      access_token: accessToken.token,
      token_type: 'Bearer',
      expires_in: accessToken.expiresIn,
      refresh_token: this.codec.encode(token.withNumber(session.issued), secret),
      refresh_expires_in: Math.floor((session.expiresAt - now) / 1_000),
    };
  }

  /** Whether a row that isn't there should be: rows are kept until the retention after their last token. */
  private isLost(token: RefreshToken, now: number): boolean {
    const { retention, lostSessions } = this.options.session;
    return lostSessions === 'unavailable' && token.number + retention > now;
  }

  private lost({ sessionId }: RefreshToken, now: number): TemporarilyUnavailableError {
    this.logger.error('An authentic token names a session that the database does not have', {
      event: 'session_lost',
      session_id: sessionId,
    });
    this.events.publish({ type: 'session_lost', at: now, sessionId });
    return new TemporarilyUnavailableError('session_lost');
  }
}

/** What a mint was for: a row that a token has overtaken is known before, a repeated `used` is counted in the row. */
function outcomeOf({ recovered }: Session, { acceptAhead }: MintPlan): SessionRefreshedEvent['outcome'] {
  // Of several that come with the same token, the first has made the row catch up.
  if (recovered > 0) return 'recovered';
  return acceptAhead ? 'store_behind' : 'rotated';
}

function isReuse(decision: RotationDecision): boolean {
  return decision.kind === 'refuse' && decision.reason === 'reuse';
}
