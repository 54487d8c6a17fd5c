import type { IssuedSession, TokenResponse } from 'nest-refresh-token';
import { json, type Answer } from '../http/http.js';

/** What the service was configured with; milliseconds. */
export interface Policy {
  readonly leeway: number;
  readonly idleTtl: number;
  readonly absoluteTtl: number;
  readonly lostResponse: 'forgive' | 'revoke';
}

/** What the contract's promises depend on; milliseconds. */
export interface Promises extends Policy {
  /** How far the clocks of the instances may be off, either way. */
  readonly clockError: number;
}

/**
 * What is known of one session from outside, and what the service owes it for that: it has seen every token that was
 * presented and every one that was handed out for it, and knows nothing of the numbers that the service keeps.
 */
export class SessionModel {
  readonly id: string;
  readonly firstToken: string;
  /** Logged out, or a reuse was answered. */
  isEnded = false;
  /** A restore took the row away. */
  isLost = false;
  /** Somebody else than its owner has presented a token. */
  isContested = false;
  /** Every token ever handed out, and when. */
  private readonly tokens = new Map<string, number>();
  /** The last token handed out; not known after a restore. */
  private latest: { readonly token: string; readonly at: number; readonly isFirst: boolean } | undefined;
  /** The tokens handed out since the last restore, each with the one that it was handed out for. */
  private readonly parents = new Map<string, string | undefined>();
  /** The last token that was accepted for a new one. */
  private used: string | undefined;
  /** Whether that decides what is good: after a restore, tokens may be good of which the service has forgotten all. */
  private isLineageKnown = true;

  constructor(
    readonly issued: IssuedSession,
    private readonly createdAt: number,
    private readonly promises: Promises,
  ) {
    this.id = issued.session_id;
    this.firstToken = issued.refresh_token;
    this.tokens.set(this.firstToken, createdAt);
    this.parents.set(this.firstToken, undefined);
    this.latest = { token: this.firstToken, at: createdAt, isFirst: true };
  }

  get allTokens(): string[] {
    return [...this.tokens.keys()];
  }

  mintedAt(token: string): number {
    return this.tokens.get(token) ?? 0;
  }

  /**
   * The database was set back to a state in which the session was as given; `undefined`: it wasn't there. What ended
   * it since is forgotten too.
   */
  restored(state: { readonly isEnded: boolean } | undefined): void {
    this.isLost = state === undefined;
    this.isEnded = state?.isEnded ?? this.isEnded;
    this.latest = undefined;
    this.parents.clear();
    this.used = undefined;
    this.isLineageKnown = false;
  }

  /**
   * Learns from the answer to a refresh with `token`.
   * @throws where the answer breaks a promise
   */
  learn(token: string, answer: Answer, now: number): void {
    const allowed = this.allowed(token, now);
    if (!allowed.includes(answer.status)) throw new Error(`expected ${allowed.join(' or ')}, got ${answer.status}`);
    if (answer.status === 200) this.learnSuccessor(token, json<TokenResponse>(answer).refresh_token, now);
    if (answer.status === 401 && !this.mayHaveExpired(token, now)) this.isEnded = true;
  }

  /** The statuses that a refresh with `token` may be answered with. */
  private allowed(token: string, now: number): number[] {
    if (this.isLost) return [503];
    if (this.isEnded || this.hasExpired(now)) return [401];
    if (this.isContested && !this.mayBeGood(token, now)) return [401];
    const mayBeRefused = this.isContested && !this.isLineageKnown;
    return mayBeRefused || this.mayHaveExpired(token, now) ? [200, 401] : [200];
  }

  /** Good are the last token used and those handed out for it. An owner who is alone never has another. */
  private mayBeGood(token: string, now: number): boolean {
    if (!this.isLineageKnown) return this.used === undefined || this.ageRank(token) >= this.ageRank(this.used);
    if (token === this.used) return this.promises.lostResponse === 'forgive' || this.isWithinLeeway(now);
    return this.parents.has(token) && this.parents.get(token) === this.used;
  }

  /** Which of the session's tokens it is, in the order in which they were handed out. */
  private ageRank(token: string): number {
    return this.allTokens.indexOf(token);
  }

  private isWithinLeeway(now: number): boolean {
    return this.latest !== undefined && !this.latest.isFirst && Math.abs(now - this.latest.at) < this.promises.leeway;
  }

  private hasExpired(now: number): boolean {
    const { idleTtl, absoluteTtl } = this.promises;
    const lastMint = Math.max(...this.tokens.values());
    return now >= this.createdAt + absoluteTtl || now >= lastMint + this.numbersAhead + idleTtl;
  }

  /** A restore may have forgotten every use but that of the presented token. */
  private mayHaveExpired(token: string, now: number): boolean {
    const { idleTtl, absoluteTtl, clockError } = this.promises;
    const lastUse = this.latest?.at ?? this.mintedAt(token) - 2 * clockError;
    return now >= Math.min(lastUse + idleTtl, this.createdAt + absoluteTtl);
  }

  /** Within the leeway everybody is handed the same token; outside it, nobody. */
  private learnSuccessor(token: string, successor: string, now: number): void {
    const { latest } = this;
    const { leeway } = this.promises;
    if (!this.tokens.has(successor)) {
      if (this.isWithinLeeway(now)) throw new Error('two successors within one leeway');
      this.tokens.set(successor, now);
      this.latest = { token: successor, at: now, isFirst: false };
      this.isLineageKnown ||= this.parents.has(token);
      this.parents.set(successor, token);
      this.used = token;
    } else if (latest) {
      if (successor !== latest.token) throw new Error('handed out a token that is not the last one');
      if (latest.isFirst) throw new Error('the first token was answered with itself');
      const end = leeway === 0 ? 0 : leeway + this.numbersAhead;
      if (Math.abs(now - latest.at) >= end) throw new Error('the leeway has no end');
    }
  }

  /** How far a token's number can be ahead of the clock that minted it: numbers only grow, a millisecond at least. */
  private get numbersAhead(): number {
    return 2 * this.promises.clockError + this.tokens.size;
  }
}
