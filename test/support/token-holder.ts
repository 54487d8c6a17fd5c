import { HonestClient } from './honest-client.js';
import type { Answer } from './http.js';
import type { RotationWorld } from './rotation-world.js';
import type { SessionModel } from './session-model.js';

/** Somebody with a copy of a session's token, the owner or a thief, who goes on as an honest client does. */
export class TokenHolder {
  private readonly store: { refreshToken: string };

  constructor(
    private readonly world: RotationWorld,
    private readonly session: SessionModel,
    refreshToken = session.firstToken,
  ) {
    this.store = { refreshToken };
  }

  get token(): string {
    return this.store.refreshToken;
  }

  /** @returns whether it was answered with tokens */
  async refresh(): Promise<boolean> {
    const answer = await this.loseAnswer();
    const { outcome } = await new HonestClient(this.store, async () => answer).refresh();
    return outcome === 'refreshed';
  }

  /** Refreshes, and never learns the answer. */
  loseAnswer(): Promise<Answer> {
    return this.world.refresh(this.session, this.token);
  }
}
