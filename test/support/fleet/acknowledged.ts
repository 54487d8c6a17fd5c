import { setTimeout as delay } from 'node:timers/promises';
import type { IssuedSession } from 'nest-refresh-token';
import { json, logout, postSession, type Answer } from '../http/http.js';

const PAUSE = 20;

/** Users who sign in without a pause, every other of whom signs out again; what they were told is kept. */
export class ComingsAndGoings {
  /** Refresh tokens of sessions of which the service has said that they began, and of those that they ended. */
  readonly began: string[] = [];
  readonly ended: string[] = [];
  /** What else it has said, but for "not now". */
  readonly improper: Answer[] = [];
  private isOver = false;
  private readonly running: Promise<void>;

  constructor(private readonly urls: readonly string[]) {
    this.running = this.go();
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.running;
  }

  private async go(): Promise<void> {
    for (let user = 0; !this.isOver; user += 1) {
      const url = this.urls[user % this.urls.length] as string;
      const token = await this.signIn(url);
      if (!token) await delay(PAUSE);
      else if (user % 4 > 1) this.began.push(token);
      // Where no answer says so, it may have ended or not.
      else if (await this.isAnswered(204, () => logout(url, token))) this.ended.push(token);
    }
  }

  private async signIn(url: string): Promise<string | undefined> {
    const answer = await this.isAnswered(201, () => postSession(url, { subject: 'commuter' }));
    return answer && json<IssuedSession>(answer).refresh_token;
  }

  private async isAnswered(status: number, send: () => Promise<Answer>): Promise<Answer | undefined> {
    const answer = await send().catch(() => undefined);
    if (answer?.status === status) return answer;
    if (answer && answer.status !== 503) this.improper.push(answer);
    return undefined;
  }
}
