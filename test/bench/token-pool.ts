/** What a refresh token looks like: `rt_` and 60 characters. */
export const TOKEN_LENGTH = 63;

/** The tokens of many sessions, one behind the other: a million of them are 63 MB, and nothing for the collector. */
export class TokenPool {
  readonly count: number;
  private readonly isTaken: Uint8Array;

  constructor(private readonly text: Buffer) {
    this.count = text.length / TOKEN_LENGTH;
    this.isTaken = new Uint8Array(this.count);
  }

  /** Takes a session at random: one that no other connection is refreshing. */
  takeAny(): number {
    for (;;) {
      const session = Math.floor(Math.random() * this.count);
      if (this.take(session)) return session;
    }
  }

  /** @returns whether it was free: two refreshes of one session at once are not what is measured */
  take(session: number): boolean {
    if (this.isTaken[session] === 1) return false;
    this.isTaken[session] = 1;
    return true;
  }

  giveBack(session: number): void {
    this.isTaken[session] = 0;
  }

  /** Puts the token that is to be presented next where a request has it. */
  copyTo(session: number, request: Buffer, at: number): void {
    this.text.copy(request, at, session * TOKEN_LENGTH, (session + 1) * TOKEN_LENGTH);
  }

  /** Keeps what was answered. @returns whether it is another token than the one presented */
  keep(session: number, token: string): boolean {
    const at = session * TOKEN_LENGTH;
    if (this.text.toString('latin1', at, at + TOKEN_LENGTH) === token) return false;
    this.text.write(token, at, 'latin1');
    return true;
  }
}
