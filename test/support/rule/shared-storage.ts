import { setImmediate as turn } from 'node:timers/promises';
import type { TokenStorage } from 'nest-refresh-token/client';
import type { Activity } from './quiet.js';

/** What the tabs of a device share. */
export interface StorageKind {
  /** The tabs refresh one at a time. */
  readonly hasLock: boolean;
  /** A tab is told when another one has written, as by `localStorage`; a keychain tells nobody. */
  readonly tells: boolean;
}

/** A page, which may have been closed or loaded anew. */
export interface Page {
  readonly isGone: boolean;
}

/** The one storage of a device, as slow as a host's keychain. */
export class SharedStorage {
  /** Every access token that was ever written. */
  readonly saved = new Set<string>();
  /** The refresh token that is kept, or was kept last. */
  lastRefreshToken = '';
  private text: string | null = null;
  private lastTurn: Promise<unknown> = Promise.resolve();
  private readonly listeners = new Map<Page, () => void>();

  constructor(
    private readonly kind: StorageKind,
    private readonly activity: Activity,
  ) {}

  get hasLock(): boolean {
    return this.kind.hasLock;
  }

  get tells(): boolean {
    return this.kind.tells;
  }

  get accessToken(): string | undefined {
    return tokensIn(this.text).access_token;
  }

  get refreshToken(): string | undefined {
    return tokensIn(this.text).refresh_token;
  }

  /** The storage as a page sees it; one that is gone reads and writes nothing. */
  of(page: Page): TokenStorage {
    const write = (text: string | null) => async () => {
      await this.moment();
      if (!page.isGone) this.write(text, page);
    };
    return {
      get: async () => {
        await this.moment();
        return page.isGone ? null : this.text;
      },
      set: (text) => write(text)(),
      ...(this.tells
        ? { subscribe: (listener: () => void) => void this.listeners.set(page, listener) }
        : { remove: write(null) }),
      ...(this.hasLock && { lock: <T>(work: () => Promise<T>) => this.inTurn(work) }),
    };
  }

  private write(text: string | null, writer: Page): void {
    this.text = text;
    const { access_token, refresh_token } = tokensIn(text);
    if (access_token) this.saved.add(access_token);
    if (refresh_token) this.lastRefreshToken = refresh_token;
    for (const [page, listener] of this.listeners) if (page !== writer && !page.isGone) listener();
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.lastTurn.then(work);
    this.lastTurn = mine.catch(() => undefined);
    return mine;
  }

  private async moment(): Promise<void> {
    this.activity.note();
    await turn();
  }
}

/** The tokens in a text that the library has stored. */
export function tokensIn(text: string | null): { access_token?: string; refresh_token?: string } {
  return JSON.parse(text ?? '{}') as { access_token?: string; refresh_token?: string };
}
