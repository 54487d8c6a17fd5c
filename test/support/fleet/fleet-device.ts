import { setTimeout as delay } from 'node:timers/promises';
import { createSession, SessionUnavailableError, type Session, type TokenStorage } from 'nest-refresh-token/client';
import type { FleetSession, FleetSessions } from './fleet-sessions.js';
import { shuffled } from './service-fleet.js';
import { tokensIn } from '../rule/shared-storage.js';
import { responseOf } from '../rule/simulated-network.js';
import { numberOf } from '../http/token-parts.js';

/** How long a user waits between two clicks on average, in milliseconds. */
const PAUSE = 1_000;

/** How often both tabs are busy, and how often an access token is refused that was handed out just now. */
const SHARE_OF_BOTH = 0.5;
const SHARE_OF_REFUSED = 0.3;

/** A refresh that takes no longer shows a machine that keeps up, in milliseconds. */
const QUICK = 100;

interface Options {
  readonly user: string;
  /** Whether the tabs refresh one at a time. */
  readonly hasLock: boolean;
}

/** A user's browser: two tabs with the client library, which share their tokens. */
export class FleetDevice {
  session!: FleetSession;
  private text: string | null = null;
  /** The numbers of the refresh tokens that it has kept since the user signed in. */
  private numbers: number[] = [];
  private lastTurn: Promise<unknown> = Promise.resolve();
  private readonly tabs: readonly [Session, Session];
  private isOver = false;
  private running: Promise<void> = Promise.resolve();

  private constructor(
    private readonly sessions: FleetSessions,
    private readonly options: Options,
  ) {
    this.tabs = [this.open(), this.open()];
  }

  /** A user signs in. */
  static async signIn(sessions: FleetSessions, options: Options): Promise<FleetDevice> {
    const device = new FleetDevice(sessions, options);
    await device.signIn();
    return device;
  }

  /** The refresh token that it keeps. */
  get token(): string {
    return tokensIn(this.text).refresh_token ?? '';
  }

  /** How many refresh tokens it was given, one for the other, that are newer than a number. */
  stepsBeyond(number: number): number {
    return this.numbers.filter((each) => each > number).length;
  }

  /** The user begins to click. */
  start(): void {
    this.running = this.useUntilOver();
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.running;
  }

  /** An access token for each tab; `undefined`: not now. */
  accessTokens(): Promise<(string | undefined | null)[]> {
    return Promise.all(this.tabs.map((tab) => accessToken(tab)));
  }

  private async useUntilOver(): Promise<void> {
    while (!this.isOver) {
      await delay(PAUSE * (0.5 + Math.random()));
      const busy = Math.random() < SHARE_OF_BOTH ? this.tabs : shuffled(this.tabs).slice(1);
      const isSignedIn = await Promise.all(busy.map((tab) => this.use(tab)));
      if (isSignedIn.includes(false)) await this.signIn();
    }
  }

  /** @returns whether somebody is signed in */
  private async use(tab: Session): Promise<boolean> {
    const begun = performance.now();
    const token = await accessToken(tab);
    const isQuick = performance.now() - begun < QUICK;
    if (!token || !isQuick || Math.random() > SHARE_OF_REFUSED) return token !== null;
    // The other tab may still be waiting with the token that was good until now.
    return (await accessToken(tab, token)) !== null;
  }

  private async signIn(): Promise<void> {
    const { session, issued } = await this.sessions.signIn(this.options.user);
    this.session = session;
    this.numbers = [];
    await this.tabs[0].signIn(issued);
  }

  private open(): Session {
    return createSession({
      refreshUrl: 'https://auth.example.com/refresh_token',
      logoutUrl: null,
      storage: this.storage(),
      // The user clicks again.
      patience: 0,
      fetch: async (_, init) => {
        const [, token = ''] = String(new Headers(init?.headers).get('Authorization')).split(' ');
        return responseOf(await this.sessions.refreshAsOwner(token));
      },
    });
  }

  private storage(): TokenStorage {
    return {
      get: () => this.text,
      set: (text) => this.keep(text),
      ...(this.options.hasLock && { lock: <T>(work: () => Promise<T>) => this.inTurn(work) }),
    };
  }

  private keep(text: string): void {
    const before = this.token;
    this.text = text;
    if (this.token && this.token !== before) this.numbers.push(numberOf(this.token));
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.lastTurn.then(work);
    this.lastTurn = mine.catch(() => undefined);
    return mine;
  }
}

/** @returns `null`: nobody is signed in; `undefined`: not now */
async function accessToken(tab: Session, refused?: string): Promise<string | null | undefined> {
  try {
    return await tab.getAccessToken({ refused });
  } catch (error) {
    if (error instanceof SessionUnavailableError) return undefined;
    throw error;
  }
}
