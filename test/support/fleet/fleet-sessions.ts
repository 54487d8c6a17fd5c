import { setTimeout as delay } from 'node:timers/promises';
import type { IssuedSession, TokenResponse } from 'nest-refresh-token';
import { bearer, json, type Answer } from '../http/http.js';
import { SERVICE_KEY } from '../servers/service.js';
import { insist, shuffled, type Send } from './service-fleet.js';
import { numberOf } from '../http/token-parts.js';

/** For how long the database may be at work for a refresh that has failed, in milliseconds. */
const AFTERMATH = 3_000;

/** A refresh that may still reach the database. */
interface Sent {
  readonly token: string;
  readonly at: number;
  /** It was not the only one of its session that somebody waited for. */
  isParallel: boolean;
  isWaitedFor: boolean;
  readonly isOver: Promise<unknown>;
}

/** What is known from outside of a session. */
export interface FleetSession {
  readonly id: string;
  readonly subject: string;
  /** Every refresh token that was handed out for it. */
  readonly tokens: string[];
  /** Somebody else than its owner has a token. */
  isContested: boolean;
  /** Somebody is about to end it, and may have. */
  isEnding: boolean;
  /** The service has said that it is over. */
  isEnded: boolean;
  /** What its owner has sent in parallel took longer than any rotation can bear: it may be refused. */
  isBeyondLimits: boolean;
  /** A refresh was not answered, or with 503: perhaps a token was handed out that nobody has seen. */
  hasFailed: boolean;
  /** What is on its way. */
  readonly sent: Set<Sent>;
  /** All that was sent, and what came of it. */
  readonly story: string[];
}

/** How a session is ended. */
const ENDINGS: readonly ((send: Send, session: FleetSession) => Promise<Answer>)[] = [
  (send, { tokens }) => send('/logout', { headers: bearer(shuffled(tokens)[0] as string) }),
  (send, { id }) => send(`/sessions/${id}`, { method: 'DELETE', headers: bearer(SERVICE_KEY) }),
  (send, { subject }) => send(`/sessions?subject=${subject}`, { method: 'DELETE', headers: bearer(SERVICE_KEY) }),
];

/** The sessions of a fleet: how they begin, go on and end, and whether the service keeps what it has said of them. */
export class FleetSessions {
  readonly all: FleetSession[] = [];
  /** Sign-ins of which no answer came: perhaps there is a session. */
  readonly unanswered = new Set<string>();
  /** The promises that were broken, with what led to it. */
  readonly broken: string[] = [];
  /** How many refreshes were answered with which status. */
  readonly answers: Record<number, number> = {};
  private signIns = 0;
  private readonly byToken = new Map<string, FleetSession>();
  private readonly begun = Date.now();

  /**
   * @param send the way to the fleet
   * @param limit how long what an owner sends in parallel may take, and for how long a token is new, in milliseconds:
   * both together a leeway
   */
  constructor(
    private readonly send: Send,
    private readonly limit: number,
  ) {}

  get ended(): FleetSession[] {
    return this.all.filter(({ isEnded }) => isEnded);
  }

  /** Nothing that comes now makes it better. */
  get isBroken(): boolean {
    return this.broken.length > 0;
  }

  /** Signs somebody in, in whose name nobody else is. */
  async signIn(user: string): Promise<{ session: FleetSession; issued: IssuedSession }> {
    let subject = '';
    const answer = await insist(
      () => {
        this.signIns += 1;
        subject = `${user}-${this.signIns}`;
        this.unanswered.add(subject);
        return this.send('/sessions', {
          headers: { ...bearer(SERVICE_KEY), 'Content-Type': 'application/json' },
          body: JSON.stringify({ subject }),
        });
      },
      (status) => status === 201,
    );
    this.unanswered.delete(subject);
    const issued = json<IssuedSession>(answer);
    const states = { isContested: false, isEnding: false, isEnded: false, isBeyondLimits: false, hasFailed: false };
    const session = { id: issued.session_id, subject, tokens: [], ...states, sent: new Set<Sent>(), story: [] };
    this.all.push(session);
    this.learn(session, issued.refresh_token);
    return { session, issued };
  }

  /**
   * Presents a refresh token.
   * @throws where no answer comes
   */
  async refresh(token: string): Promise<Answer> {
    const session = this.sessionOf(token);
    const { isEnded, story } = session;
    const said = story.push('') - 1;
    const sentAt = Date.now();
    const tell = (outcome: string | number) => {
      const [from, to] = [sentAt, Date.now()].map((time) => time - this.begun);
      story[said] = `${from}–${to} ms: ${this.nameOf(token)} → ${outcome}`;
    };
    tell('?');
    let answer: Answer;
    try {
      answer = await this.send('/refresh_token', { headers: bearer(token) });
    } catch (error) {
      tell(String(error));
      session.hasFailed = true;
      throw error;
    }
    this.answers[answer.status] = (this.answers[answer.status] ?? 0) + 1;
    if (answer.status === 200) {
      const { refresh_token } = json<TokenResponse>(answer);
      tell(this.nameOf(refresh_token));
      this.learn(session, refresh_token);
      if (isEnded) this.fail('a session goes on that was ended', session);
    } else {
      tell(answer.status);
      session.hasFailed ||= answer.status !== 401;
    }
    if (answer.status === 401) {
      const isLate = session.isBeyondLimits || [...session.sent].some((sent) => this.isBeyondLimits(sent));
      if (!session.isContested && !session.isEnding && !isLate) this.fail('an honest client is refused', session);
      session.isEnded = true;
    }
    return answer;
  }

  /**
   * Presents a refresh token as its owner, who keeps to what any rotation asks of clients: what was sent with other
   * tokens has come to an end when one is used that isn't new any more.
   * @throws where no answer comes
   */
  async refreshAsOwner(token: string): Promise<Answer> {
    const session = this.sessionOf(token);
    const { sent } = session;
    const others = [...sent].filter((other) => other.token !== token);
    if (Date.now() - numberOf(token) >= this.limit) await Promise.all(others.map(({ isOver }) => isOver));

    const answered = this.refresh(token);
    const isOver = answered.then(
      ({ status }) => delay(status === 200 || status === 401 ? 0 : AFTERMATH),
      () => delay(AFTERMATH),
    );
    const parallel = [...sent].filter(({ isWaitedFor }) => isWaitedFor);
    const message: Sent = { token, at: Date.now(), isParallel: parallel.length > 0, isWaitedFor: true, isOver };
    parallel.forEach((other) => (other.isParallel = true));
    sent.add(message);
    void isOver.then(() => sent.delete(message));
    try {
      return await answered;
    } finally {
      session.isBeyondLimits ||= this.isBeyondLimits(message);
      message.isWaitedFor = false;
    }
  }

  /** Ends a session, and says so again until the service has confirmed it. */
  async end(session: FleetSession): Promise<void> {
    session.isEnding = true;
    const [ending] = shuffled(ENDINGS) as [(typeof ENDINGS)[number]];
    await insist(
      () => ending(this.send, session),
      (status) => status < 300,
    );
    session.isEnded = true;
  }

  /** A promise is broken. */
  fail(promise: string, { id, story }: FleetSession): void {
    this.broken.push([`${promise} (${id})`, ...story].join('\n  '));
  }

  private isBeyondLimits({ isParallel, isWaitedFor, at }: Sent): boolean {
    return isParallel && isWaitedFor && Date.now() - at >= this.limit;
  }

  private sessionOf(token: string): FleetSession {
    const session = this.byToken.get(token);
    if (!session) throw new Error('A token is sent that was never handed out.');
    return session;
  }

  private learn(session: FleetSession, token: string): void {
    if (this.byToken.has(token)) return;
    this.byToken.set(token, session);
    session.tokens.push(token);
  }

  private nameOf(token: string): string {
    return `token ${numberOf(token) - this.begun}`;
  }
}
