import { Inject, Injectable, Logger } from '@nestjs/common';
import { AccessTokenIssuer } from '../access-token/access-token.issuer.js';
import { InvalidRefreshTokenError, InvalidRequestError, TemporarilyUnavailableError } from '../auth.errors.js';
import type { AuthSettings } from '../auth.options.js';
import { AUTH_SETTINGS } from '../auth.tokens.js';
import { Clock } from '../clock.js';
import { RandomSource } from '../random.js';
import { checkIssueOptions, checkSubject, type IssueOptions } from '../session/issue-options.js';
import type { Session } from '../session/session.js';
import { SessionStore } from '../session/session.store.js';
import { HANDLE_SIZE, RefreshTokenCodec } from './refresh-token.codec.js';
import { RefreshToken } from './refresh-token.js';
import { decide } from './rotation.js';
import { SecretRegistry } from './secret.registry.js';
import type { IssuedSession, TokenResponse } from './token-response.js';
import type { TokenSecret } from './token-secret.js';

/** How often a refresh that lost a race for its row tries again. */
const MAX_RETRIES = 3;

/** Which of a subject's sessions are ended. */
export interface RevokeSubjectOptions {
  /** The one session that goes on: usually the caller's own, `sid` in its access token. */
  exceptSessionId?: string | undefined;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Sessions kept alive by refresh tokens. Every method throws `TemporarilyUnavailableError` where the database can't
 * answer: nothing is known then, and nobody should be signed out for it.
 */
@Injectable()
export class RefreshTokenService {
  private readonly logger = new Logger('RefreshToken');

  constructor(
    private readonly store: SessionStore,
    private readonly codec: RefreshTokenCodec,
    private readonly secrets: SecretRegistry,
    private readonly accessTokens: AccessTokenIssuer,
    private readonly clock: Clock,
    private readonly random: RandomSource,
    @Inject(AUTH_SETTINGS) private readonly settings: AuthSettings,
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
    const session = await this.store.create({ id: token.sessionId, ...checked }, now);
    return { session_id: session.id, subject: session.subject, ...this.respond(session, token, secret, now) };
  }

  /**
   * Trades a refresh token for a new access token and the refresh token's successor.
   * @returns the tokens, in the wire's shape; lives are seconds
   * @throws InvalidRefreshTokenError where the session has to sign in again; `reason` says why, for your log only
   * @example const { access_token, refresh_token } = await refreshTokens.refresh(presented);
   */
  async refresh(refreshToken: string): Promise<TokenResponse> {
    return this.rotate(this.codec.decode(refreshToken));
  }

  /** `refresh` for a token that is proved already, as the guard leaves it on the request. */
  async rotate(token: RefreshToken): Promise<TokenResponse> {
    const now = this.clock.now();
    const secret = await this.secrets.mintingSecret(now);
    const session = await this.use(token, now);
    return this.respond(session, token, secret, now);
  }

  /**
   * Ends the session of a refresh token: call it at logout. Any authentic token of the session does, displaced and
   * dead ones too; one that isn't authentic is ignored, and nothing is written (RFC 7009 §2.2).
   * @returns whether it was this call that ended it
   */
  async revoke(refreshToken: string): Promise<boolean> {
    let token: RefreshToken;
    try {
      token = this.codec.decode(refreshToken);
    } catch (error) {
      if (error instanceof InvalidRefreshTokenError) return false;
      throw error;
    }
    return this.end(token);
  }

  /** `revoke` for a token that is proved already. */
  async end(token: RefreshToken): Promise<boolean> {
    const now = this.clock.now();
    if (await this.store.revoke(token.sessionId, 'logout', now)) return true;
    // Nothing was written: it has ended already, or its row was lost and could come back with a token that works.
    if (!(await this.store.find(token.sessionId)) && this.isLost(token, now)) throw this.lost(token);
    return false;
  }

  /**
   * Ends a session by its id (`session_id`, `sid` in access tokens).
   * @returns whether it was this call that ended it
   */
  async revokeSession(sessionId: string): Promise<boolean> {
    if (!UUID.test(sessionId)) return false;
    return this.store.revoke(sessionId.toLowerCase(), 'service', this.clock.now());
  }

  /**
   * Ends all sessions of a subject: a password was changed, a user was banned.
   * @returns how many live sessions were ended
   * @throws InvalidRequestError where `subject` or `exceptSessionId` can't be one
   * @example await refreshTokens.revokeSubject(user.id, { exceptSessionId: token.sid });
   */
  async revokeSubject(subject: string, { exceptSessionId }: RevokeSubjectOptions = {}): Promise<number> {
    // An id that names no session would end the one that was to be spared.
    if (exceptSessionId !== undefined && !UUID.test(exceptSessionId)) {
      throw new InvalidRequestError("exceptSessionId: got something else, takes a session's id, a UUID.");
    }
    const except = exceptSessionId?.toLowerCase() ?? null;
    return this.store.revokeSubject(checkSubject(subject), except, 'service', this.clock.now());
  }

  /** Applies the rotation rule to the session's row. @returns the session, whose `issued` is the token to hand out */
  private async use(token: RefreshToken, now: number): Promise<Session> {
    let acceptAhead = false;
    for (let retries = 0; retries <= MAX_RETRIES; retries += 1) {
      const rotated = await this.store.rotate(token.sessionId, token.number, now, acceptAhead);
      if (rotated) {
        if (acceptAhead) this.logger.warn('A token was newer than its session', storeBehind(token));
        return rotated;
      }

      const session = await this.store.find(token.sessionId);
      if (!session) {
        if (this.isLost(token, now)) throw this.lost(token);
        throw new InvalidRefreshTokenError('unknown_session', token.sessionId);
      }
      const decision = decide(session, token.number, now, this.settings.rotation);
      if (decision.kind === 'repeat') return session;
      if (decision.kind === 'refuse') {
        // Committed before the refusal is answered; where it can't be, this throws and the answer is 503.
        if (decision.reason === 'reuse') await this.store.revoke(session.id, 'reuse', now);
        throw new InvalidRefreshTokenError(decision.reason, session.id);
      }
      acceptAhead = decision.cause === 'store_behind';
    }
    throw new TemporarilyUnavailableError('contention');
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
    const { retention, lostSessions } = this.settings.session;
    return lostSessions === 'unavailable' && token.number + retention > now;
  }

  private lost(token: RefreshToken): TemporarilyUnavailableError {
    this.logger.error('An authentic token names a session that the database does not have', {
      event: 'session_lost',
      session_id: token.sessionId,
    });
    return new TemporarilyUnavailableError('session_lost');
  }
}

function storeBehind(token: RefreshToken): object {
  return { event: 'store_behind', session_id: token.sessionId };
}
