import { setTimeout as delay } from 'node:timers/promises';
import { HonestClient } from './honest-client.js';
import { refresh, signIn } from '../http/http.js';
import { secretIdOf } from '../http/token-parts.js';

/** How long a client waits between two refreshes, in milliseconds. */
const PAUSE = 1_000;

/** Honest clients that refresh in a loop, at one instance or another. */
export class RefreshingClients {
  /** How often a client was told to sign in. */
  signedOut = 0;
  refreshes = 0;
  /** The ids of the secrets that tokens were made with, in the order of their first ones. */
  readonly secretIds = new Set<string>();
  private isOver = false;
  private running: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly instances: readonly string[],
    private readonly onAccessToken: (accessToken: string) => Promise<void>,
  ) {}

  static async start(
    instances: readonly string[],
    count: number,
    onAccessToken: (accessToken: string) => Promise<void>,
  ): Promise<RefreshingClients> {
    const clients = new RefreshingClients(instances, onAccessToken);
    const sessions = await Promise.all(
      Array.from({ length: count }, (_, at) => signIn(clients.instance(), `user-${at}`)),
    );
    clients.running = Promise.all(sessions.map(({ refresh_token }) => clients.loop(refresh_token)));
    return clients;
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.running;
  }

  private async loop(refreshToken: string): Promise<void> {
    const store = { refreshToken };
    const client = new HonestClient(store, (token) => refresh(this.instance(), token));
    while (!this.isOver) {
      await delay(PAUSE * (0.5 + Math.random()));
      const refreshing = await client.refresh();
      if (refreshing.outcome === 'try-later') continue;
      if (refreshing.outcome === 'sign-in') {
        this.signedOut += 1;
        return;
      }
      this.refreshes += 1;
      this.secretIds.add(secretIdOf(store.refreshToken));
      await this.onAccessToken(refreshing.accessToken);
    }
  }

  private instance(): string {
    return this.instances[Math.floor(Math.random() * this.instances.length)] as string;
  }
}
