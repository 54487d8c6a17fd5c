import type { Answer } from '../http/http.js';
import { pick, type RotationWorld } from './rotation-world.js';
import type { SessionModel } from './session-model.js';

/** What is asked of the network and of the devices that use it; milliseconds. */
export interface NetworkLimits {
  /** Nothing is on its way for as long as this; what is sent alone, once nobody waits for it any more. */
  readonly messageLife: number;
  /** A token as old as this is sent only when nothing that was sent with another one is on its way any more. */
  readonly overlap: number;
}

/** A request of a client's, as it is sent. */
export interface Request {
  readonly sender: object;
  readonly session: SessionModel;
  readonly token: string;
  readonly isLogout: boolean;
  /** Nobody sends another one before this one is answered or given up: until then it may take as long as it likes. */
  readonly isAlone: boolean;
  readonly signal: AbortSignal | null | undefined;
}

/** A request on its way: it may arrive late, again or never, and so may its answers. */
interface Message extends Request {
  readonly answers: Answer[];
  /** When its life began. */
  since: number | undefined;
  isWaitedFor: boolean;
  settle(answer: Answer | undefined): void;
}

/** The network between clients and the service. */
export class SimulatedNetwork {
  /** The tokens of which a client has heard that the service refuses them. */
  readonly refused = new Set<string>();
  private inFlight: Message[] = [];

  constructor(
    private readonly world: RotationWorld,
    private readonly limits: NetworkLimits,
  ) {}

  /** What `fetch` of a client does. */
  send(request: Request): Promise<Response> {
    const { session, token, isLogout, isAlone, signal } = request;
    if (!isLogout && this.world.now - session.mintedAt(token) >= this.limits.overlap) {
      this.lose((other) => !other.isLogout && other.session === session && other.token !== token);
    }
    return new Promise((resolve, reject) => {
      const since = isAlone ? undefined : this.world.now;
      const message: Message = {
        ...request,
        answers: [],
        since,
        isWaitedFor: true,
        settle: (answer) => {
          message.isWaitedFor = false;
          message.since ??= this.world.now;
          if (answer) resolve(responseOf(answer));
          else reject(new TypeError('No answer came.'));
        },
      };
      signal?.addEventListener('abort', () => message.settle(undefined));
      this.inFlight.push(message);
    });
  }

  /** Whether somebody waits for the answer to a refresh. */
  isWaitedForBy(senders: readonly object[]): boolean {
    return this.inFlight.some(
      ({ sender, isWaitedFor, isLogout }) => isWaitedFor && !isLogout && senders.includes(sender),
    );
  }

  get isBusy(): boolean {
    return this.inFlight.length > 0;
  }

  /** A request reaches the service, perhaps not for the first time. */
  async arrive(messageNumber: number, clockError: number): Promise<void> {
    if (this.inFlight.length > 0) await this.process(pick(this.inFlight, messageNumber), clockError);
  }

  /** An answer reaches somebody who waits for it. */
  deliver(messageNumber: number, answerNumber: number): void {
    const answered = this.inFlight.filter(({ isWaitedFor, answers }) => isWaitedFor && answers.length > 0);
    if (answered.length === 0) return;
    const message = pick(answered, messageNumber);
    this.settle(message, pick(message.answers, answerNumber));
  }

  /** Something in between answers instead of the service. */
  interfere(sender: object, answer: Answer): void {
    const waitedFor = this.inFlight.filter((each) => each.isWaitedFor && each.sender === sender);
    for (const { settle } of waitedFor) settle(answer);
  }

  /** All that a client waits for makes its round trip. */
  async roundTrip(sender: object): Promise<void> {
    for (const message of this.inFlight.filter((each) => each.isWaitedFor && each.sender === sender)) {
      this.settle(message, await this.process(message, 0));
    }
  }

  /** A client waits no longer; its requests may still arrive. */
  giveUp(sender: object): void {
    for (const message of this.inFlight) if (message.sender === sender) message.settle(undefined);
  }

  /** Time has passed. */
  expire(): void {
    this.lose(({ since = Infinity }) => this.world.now - since >= this.limits.messageLife);
  }

  loseAll(): void {
    this.lose(() => true);
  }

  private async process({ isLogout, session, token, answers }: Message, clockError: number): Promise<Answer> {
    const { world } = this;
    const answer = await (isLogout ? world.logOut(session, token) : world.refresh(session, token, clockError));
    answers.push(answer);
    return answer;
  }

  private settle(message: Message, answer: Answer): void {
    if (answer.status === 401) this.refused.add(message.token);
    message.settle(answer);
  }

  private lose(isLost: (message: Message) => boolean): void {
    const lost = this.inFlight.filter(isLost);
    this.inFlight = this.inFlight.filter((message) => !isLost(message));
    for (const message of lost) message.settle(undefined);
  }
}

/** An answer as `fetch` gives it. */
export function responseOf({ status, headers, text }: Answer): Response {
  const retryAfter = headers['retry-after'];
  return new Response(text || null, { status, headers: retryAfter ? { 'Retry-After': retryAfter } : {} });
}

/** What proxies, gateways and captive portals say in the place of the service; none of it is about the session. */
export const FOREIGN_ANSWERS: readonly Answer[] = [
  { status: 503, headers: { 'retry-after': '1' }, text: '{"error":"temporarily_unavailable"}' },
  { status: 200, headers: {}, text: '<!doctype html><title>Sign in to the Wi-Fi</title>' },
  { status: 200, headers: {}, text: '{"access_token":"half-an-answ' },
  { status: 200, headers: {}, text: '{"refresh_token":"and-nothing-else"}' },
  { status: 401, headers: {}, text: '<!doctype html><title>401</title>' },
  { status: 401, headers: {}, text: '{"error":"missing_token"}' },
  { status: 400, headers: {}, text: '{"error":"invalid_request"}' },
  { status: 403, headers: {}, text: '{"error":"invalid_refresh_token"}' },
  { status: 404, headers: {}, text: '{}' },
  { status: 429, headers: { 'retry-after': 'Thu, 01 Jan 2026 00:00:05 GMT' }, text: '{"error":"too_many_requests"}' },
  { status: 500, headers: {}, text: '{"error":"server_error"}' },
  { status: 502, headers: {}, text: '' },
];
