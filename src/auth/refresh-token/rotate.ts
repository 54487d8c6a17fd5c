import { Inject, Injectable, Logger } from '@nestjs/common';
import { InvalidRefreshTokenError, TemporarilyUnavailableError } from '../auth.errors.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { decide } from '../rotation/rotation.rule.js';
import { Clock } from '../runtime/clock.js';
import type { Device } from '../session/device.js';
import { PolicyGate } from '../session/policy.gate.js';
import { SessionEventPublisher } from '../session/session-events.publisher.js';
import { SessionEnder } from '../session/session.ender.js';
import type { Session } from '../session/session.js';
import type { SessionRefreshedEvent } from '../session/session.observer.js';
import { SessionStore, type Amendments } from '../session/session.store.js';
import type { RefreshToken } from './refresh-token.js';
import { requireClient, requireScope, type ExchangeOptions } from './requested-scope.js';
import { SessionFinder } from './session.finder.js';

/** How often a refresh that lost a race for its row tries again. */
const MAX_RETRIES = 3;

/** How a mint is asked for. */
interface MintPlan {
  readonly acceptAhead: boolean;
  readonly amendments: Amendments | undefined;
}

/** A mint that is tried before the row has been read. */
const PLAIN_MINT: MintPlan = { acceptAhead: false, amendments: undefined };

/** The outcome of a refresh. */
export interface Rotated {
  /** The session; its `issued` is the number of the token to hand out. */
  readonly session: Session;
  /** When that was decided, in milliseconds. */
  readonly at: number;
}

/** What a refresh does to the session of a proved token. */
@Injectable()
export class Rotator {
  private readonly logger = new Logger('RefreshToken');

  constructor(
    private readonly store: SessionStore,
    private readonly finder: SessionFinder,
    private readonly ender: SessionEnder,
    private readonly policy: PolicyGate,
    private readonly events: SessionEventPublisher,
    private readonly clock: Clock,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /**
   * Applies the rotation rule to the session of a proved token.
   * @param start when the request came, in milliseconds
   * @param terms what an OAuth client asks for; a client that asks for too much uses nothing up
   * @throws InvalidRefreshTokenError where the session doesn't go on; a reuse is committed by then
   * @throws InvalidScopeError where `terms` ask for more scope than the session has
   * @throws TemporarilyUnavailableError where nothing is decided: the client keeps its token
   */
  async rotate(token: RefreshToken, start: number, device: Device, terms?: ExchangeOptions): Promise<Rotated> {
    let now = start;
    // The common way is this one statement: where nobody has to be asked, the mint is tried before the row is read.
    let plan = this.policy.isOpen && !terms ? PLAIN_MINT : undefined;

    for (let retries = 0; retries <= MAX_RETRIES; retries += 1) {
      const rotation = plan && { n: token.number, now, device, ...plan };
      const tried = rotation && (await this.store.rotate(token.sessionId, rotation));
      if (plan && tried?.isRotated) return this.refreshed(tried.session, outcomeOf(tried.session, plan), now);

      const session = tried?.session ?? (await this.finder.find(token, now));
      if (!session) throw new InvalidRefreshTokenError('unknown_session', token.sessionId);

      // Another client must not even be able to end the session.
      if (terms) requireClient(session, terms);

      const decision = decide(session, token.number, now, this.options.rotation);
      if (decision.kind === 'refuse' && decision.reason !== 'reuse') {
        throw new InvalidRefreshTokenError(decision.reason, session.id);
      }
      if (decision.kind === 'refuse' && !isOvertaken(session, token, start, now)) {
        await this.endReused(session, now);
        throw new InvalidRefreshTokenError('reuse', session.id);
      }

      if (terms) requireScope(session, terms);
      if (decision.kind !== 'mint') return this.refreshed(session, 'repeated', now);

      const verdict = await this.policy.ask(session, device);
      if (!verdict.allow) {
        await this.endDenied(session, verdict.reason, now);
        throw new InvalidRefreshTokenError('revoked', session.id);
      }

      plan = { acceptAhead: decision.cause === 'store_behind', amendments: verdict.amendments };
      // A policy takes its time, and the leeway begins with the mint.
      now = this.clock.now();
    }
    throw new TemporarilyUnavailableError('contention');
  }

  private refreshed(session: Session, outcome: SessionRefreshedEvent['outcome'], now: number): Rotated {
    if (outcome === 'store_behind') {
      this.logger.warn('A token was newer than its session', { event: 'store_behind', session_id: session.id });
    }
    this.events.publish({ type: 'refreshed', at: now, sessionId: session.id, subject: session.subject, outcome });
    return { session, at: now };
  }

  /** The end is committed before the refusal is answered; where it can't be, this throws and the answer is 503. */
  private async endReused({ id, subject }: Session, now: number): Promise<void> {
    // Of several reuses that race, the one that ended the session is told of.
    if (!(await this.ender.end(id, 'reuse', now))) return;
    this.events.publish({ type: 'reuse_detected', at: now, sessionId: id, subject });
  }

  private async endDenied({ id }: Session, policyReason: string, now: number): Promise<void> {
    this.logger.warn('The policy ended a session', { event: 'policy.denied', session_id: id, reason: policyReason });
    await this.ender.end(id, 'policy', now, { policyReason });
  }
}

/** Whether another request used the same token while the policy was asked for this one: both came before the mint. */
function isOvertaken(session: Session, token: RefreshToken, start: number, now: number): boolean {
  return now > start && session.used === token.number && session.issued > start;
}

/** What a mint was for. Only a row that was read shows a token ahead of it; a repeated `used` is counted in the row. */
function outcomeOf({ recovered }: Session, { acceptAhead }: MintPlan): SessionRefreshedEvent['outcome'] {
  // Of several requests with the same token ahead of the row, the first has made the row catch up.
  if (recovered > 0) return 'recovered';
  return acceptAhead ? 'store_behind' : 'rotated';
}
