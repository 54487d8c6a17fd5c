import type { TokenResponse } from 'nest-refresh-token';
import { json, type Answer } from '../http/http.js';

/** Where a session's refresh token is kept: one store a session, shared by all its tabs. */
export interface TokenStore {
  refreshToken: string;
}

/** Sends a refresh token; rejects where no answer comes. */
export type SendRefresh = (refreshToken: string) => Promise<Answer>;

export type Refreshing =
  | { readonly outcome: 'refreshed'; readonly accessToken: string }
  | { readonly outcome: 'sign-in' }
  | { readonly outcome: 'try-later'; readonly seconds: number };

const DEFAULT_PAUSE = 5;

/** The client that the contract is made for: it keeps a few rules, and is never signed out while it does. */
export class HonestClient {
  constructor(
    private readonly store: TokenStore,
    private readonly send: SendRefresh,
  ) {}

  async refresh(): Promise<Refreshing> {
    let answer: Answer;
    try {
      // Read immediately before it is sent: another tab may have saved a newer one.
      answer = await this.send(this.store.refreshToken);
    } catch {
      return tryLater();
    }
    if (answer.status === 401) return { outcome: 'sign-in' };
    // Whatever else it is, the token is as good as before.
    if (answer.status !== 200) return tryLater(answer.headers['retry-after']);

    const tokens = json<TokenResponse>(answer);
    // Saved before anything is done with the answer: what comes next may fail.
    this.store.refreshToken = tokens.refresh_token;
    return { outcome: 'refreshed', accessToken: tokens.access_token };
  }
}

function tryLater(retryAfter?: string): Refreshing {
  return { outcome: 'try-later', seconds: Number(retryAfter ?? DEFAULT_PAUSE) };
}
