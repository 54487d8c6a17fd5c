import { setTimeout as delay } from 'node:timers/promises';
import { HonestClient, type TokenStore } from './honest-client.js';
import { refresh, type Answer } from '../http/http.js';

/** How long a client waits where it got no tokens, in milliseconds: less than it is asked to, for more load. */
const PAUSE = 20;

/** Honest clients, each of which refreshes without a pause, at one instance after the other. */
export class RefreshLoad {
  /** Refreshes that were answered with a successor, those that were put off, and those of which no answer came. */
  refreshes = 0;
  putOff = 0;
  lost = 0;
  /** The answer that took longest, in milliseconds. */
  slowest = 0;
  /** The tokens of clients that were told to sign in. */
  readonly refused: string[] = [];
  /** Answers that are neither tokens nor a proper "not now". */
  readonly improper: Answer[] = [];
  private isOver = false;
  private requests = 0;
  private readonly running: Promise<unknown>;

  constructor(
    stores: readonly TokenStore[],
    private readonly urls: readonly string[],
  ) {
    this.running = Promise.all(stores.map((store) => this.keepRefreshing(store)));
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.running;
  }

  private async keepRefreshing(store: TokenStore): Promise<void> {
    const client = new HonestClient(store, (token) => this.send(token));
    while (!this.isOver) {
      const { outcome } = await client.refresh();
      if (outcome === 'refreshed') this.refreshes += 1;
      if (outcome === 'try-later') await delay(PAUSE);
      if (outcome === 'sign-in') {
        this.refused.push(store.refreshToken);
        return;
      }
    }
  }

  private async send(token: string): Promise<Answer> {
    const url = this.urls[this.requests++ % this.urls.length] as string;
    const begun = performance.now();
    const answer = await refresh(url, token).catch((error: NodeJS.ErrnoException) => {
      // Sent, and perhaps rotated, before the process died.
      if (error.code !== 'ECONNREFUSED') this.lost += 1;
      throw error;
    });
    this.slowest = Math.max(this.slowest, performance.now() - begun);
    if (answer.status === 503 && answer.headers['retry-after']) this.putOff += 1;
    else if (answer.status !== 200 && answer.status !== 401) this.improper.push(answer);
    return answer;
  }
}
