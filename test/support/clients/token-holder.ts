import { createSession, SessionUnavailableError, type Session } from 'nest-refresh-token/client';
import type { Answer } from '../http/http.js';
import { tokensIn } from '../rule/shared-storage.js';
import { responseOf } from '../rule/simulated-network.js';

/** Somebody with a copy of a session's token, the owner or a thief, who goes on with the client library. */
export class TokenHolder {
  private text: string | null = null;
  private accessToken: string | undefined;
  private readonly library: Session;

  private constructor(
    private readonly send: (refreshToken: string) => Promise<Answer>,
    now: () => number,
  ) {
    this.library = createSession({
      refreshUrl: 'https://auth.example.com/refresh_token',
      storage: {
        get: () => this.text,
        set: (text) => {
          this.text = text;
        },
      },
      patience: 0,
      fetch: async () => responseOf(await send(this.token)),
      now,
    });
  }

  /**
   * @param send what presents a token
   * @param now the time on the holder's clock, in milliseconds
   */
  static async of(
    refreshToken: string,
    send: (refreshToken: string) => Promise<Answer>,
    now: () => number,
  ): Promise<TokenHolder> {
    const holder = new TokenHolder(send, now);
    await holder.library.signIn({ refresh_token: refreshToken });
    return holder;
  }

  get token(): string {
    return tokensIn(this.text).refresh_token ?? '';
  }

  /** @returns whether it was answered with tokens */
  async refresh(): Promise<boolean> {
    try {
      const accessToken = await this.library.getAccessToken({ refused: this.accessToken });
      this.accessToken = accessToken ?? undefined;
      return accessToken !== null;
    } catch (error) {
      if (error instanceof SessionUnavailableError) return false;
      throw error;
    }
  }

  /** Refreshes, and never learns the answer. */
  loseAnswer(): Promise<Answer> {
    return this.send(this.token);
  }
}
