import type { Page } from 'playwright-core';
import type { Session, SignInTokens, SignedOutReason } from 'nest-refresh-token/client';
import { until } from '../servers/process.js';

/** What came of a request: an answer, or an error. */
export interface Outcome {
  readonly status?: number;
  readonly text?: string;
  readonly error?: string;
  readonly message?: string;
  readonly retryAfter?: number;
  /** Of what is no request. */
  readonly result?: unknown;
}

/** Of what `fetch` takes, what can be sent to a page. */
interface Options {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** An event of the session, as its page heard it. */
export interface Heard {
  readonly name: 'refreshed' | 'signedOut' | 'unavailable';
  readonly reason?: SignedOutReason;
  readonly retryAfter?: number;
  readonly status?: number;
}

interface App {
  readonly session: Session;
  readonly events: Heard[];
  outcomeOf(work: Promise<unknown>): Promise<Outcome>;
  call(input: RequestInfo | URL, init?: RequestInit): Promise<Outcome>;
}

declare global {
  /** What `test/fixtures/client-app` has for its tests. */
  // oxlint-disable-next-line eslint/no-var -- Only `var` declares a global.
  var app: App;
}

/** The same, so many times. */
export function times<T>(count: number, outcome: T): T[] {
  return Array.from({ length: count }, () => outcome);
}

/** A page of the app in a tab of the browser. */
export class Tab {
  constructor(
    readonly page: Page,
    private readonly api: string,
  ) {}

  /** One request through the session, to the API. */
  call(path = '/api/orders', init: Options = {}): Promise<Outcome> {
    return this.page.evaluate(([url, options]) => app.call(url, options), [this.api + path, init] as const);
  }

  /** So many at once. */
  calls(count: number): Promise<Outcome[]> {
    return this.page.evaluate(([url, length]) => Promise.all(Array.from({ length }, () => app.call(url))), [
      `${this.api}/api/orders`,
      count,
    ] as const);
  }

  accessToken(): Promise<Outcome> {
    return this.page.evaluate(() => app.outcomeOf(app.session.getAccessToken()));
  }

  signIn(tokens: SignInTokens): Promise<void> {
    return this.page.evaluate((answer) => app.session.signIn(answer), tokens);
  }

  signOut(): Promise<boolean> {
    return this.page.evaluate(() => app.session.signOut());
  }

  events(): Promise<Heard[]> {
    return this.page.evaluate(() => app.events);
  }

  /** Turns the page's clock, after `setClocks`. */
  async turnClock(milliseconds: number): Promise<void> {
    await this.page.evaluate((time) => void (globalThis.clockIsOff += time), milliseconds);
  }

  /** Waits until the page has heard of an event. */
  async hears(name: Heard['name']): Promise<Heard> {
    return until(`it hears of ${name}`, async () => (await this.events()).find((event) => event.name === name));
  }

  /** The refresh token in `localStorage`. */
  stored(): Promise<string> {
    return this.page.evaluate(
      () =>
        (JSON.parse(localStorage.getItem('nest-refresh-token') ?? '{}') as { refresh_token?: string }).refresh_token ??
        '',
    );
  }
}
