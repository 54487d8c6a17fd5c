import type { Answer } from '../http/http.js';
import type { RestorableService } from '../servers/restorable-service.js';
import { SessionModel, type Policy, type Promises } from './session-model.js';
import { SECOND } from '../test-clock.js';

interface Backup {
  readonly copy: string;
  readonly sessions: ReadonlyMap<SessionModel, { readonly isEnded: boolean }>;
}

const START = Date.UTC(2026, 0, 1);
/** No restore is quicker, so that the clock is past every number handed out before it. */
const RESTORE_TAKES = 10 * SECOND;

/** The real service and what is known of its sessions: every answer is held against the model. */
export class RotationWorld {
  private sessions: SessionModel[] = [];
  private backups: Backup[] = [];
  private history: string[] = [];
  private promises: Promises;

  constructor(
    readonly service: RestorableService,
    private readonly policy: Policy,
  ) {
    this.promises = { ...policy, clockError: 0 };
  }

  /**
   * An empty database at one fixed time, so that a run depends on its actions only.
   * @param clockError how far clocks of instances may be off, either way
   */
  async begin(clockError = 0): Promise<void> {
    await this.service.empty();
    this.service.clock.set(START);
    this.promises = { ...this.policy, clockError };
    this.sessions = [];
    this.backups = [];
    this.history = [];
  }

  get now(): number {
    return this.service.clock.now();
  }

  async signIn(): Promise<SessionModel> {
    const session = new SessionModel(await this.service.signIn(), this.now, this.promises);
    this.sessions.push(session);
    this.note(`session ${this.nameOf(session)} begins`);
    return session;
  }

  /**
   * Refreshes with a token of the session.
   * @param clockError how far the clock of the instance that answers is off
   */
  async refresh(session: SessionModel, token: string, clockError = 0): Promise<Answer> {
    const rightTime = this.now;
    const hadEnded = session.isEnded;
    this.service.clock.advance(clockError);
    const answer = await this.service.refresh(token);
    this.check(`${this.nameOf(session, token)} is presented`, answer, () => session.learn(token, answer, this.now));
    this.service.clock.set(rightTime);
    if (session.isEnded && !hadEnded) await this.expectNothingWorks(session);
    return answer;
  }

  async logOut(session: SessionModel, token: string): Promise<Answer> {
    const answer = await this.service.logout(token);
    this.check(`${this.nameOf(session, token)} logs out`, answer, () => {
      const expected = session.isLost ? 503 : 204;
      if (answer.status !== expected) throw new Error(`expected ${expected}, got ${answer.status}`);
      session.isEnded ||= answer.status === 204;
    });
    if (session.isEnded) await this.expectNothingWorks(session);
    return answer;
  }

  async restart(): Promise<void> {
    this.note('the service is restarted');
    await this.service.restart();
  }

  async backUp(): Promise<void> {
    const alive = this.sessions.filter(({ isLost }) => !isLost);
    const sessions = new Map(alive.map((session) => [session, { isEnded: session.isEnded }]));
    this.backups.push({ copy: await this.service.backUp(), sessions });
    this.note(`backup ${this.backups.length}`);
  }

  /**
   * Puts a backup back, where there is one.
   * @param whileStopped whether the service is stopped for it
   */
  async restore(n: number, whileStopped = false): Promise<void> {
    if (this.backups.length === 0) return;
    const backup = pick(this.backups, n);
    this.note(
      `backup ${this.backups.indexOf(backup) + 1} is put back${whileStopped ? ' while the service is stopped' : ''}`,
    );
    await this.service.restore(backup.copy, whileStopped);
    this.wait(RESTORE_TAKES);
    for (const session of this.sessions) session.restored(backup.sessions.get(session));
  }

  wait(milliseconds: number): void {
    this.service.clock.advance(milliseconds);
  }

  async expectOneRowASession(): Promise<void> {
    const rows = await this.service.sessionIds();
    const expected = this.sessions.filter(({ isLost }) => !isLost).map(({ id }) => id);
    if (rows.toSorted().join() !== expected.toSorted().join()) {
      throw this.broken(`${expected.length} sessions have ${rows.length} rows`);
    }
  }

  async expectTheEndedToStayEnded(): Promise<void> {
    for (const session of this.sessions) if (session.isEnded) await this.expectNothingWorks(session);
  }

  private async expectNothingWorks(session: SessionModel): Promise<void> {
    for (const token of session.allTokens) {
      const answer = await this.service.refresh(token);
      this.check(`${this.nameOf(session, token)} is tried`, answer, () => session.learn(token, answer, this.now));
    }
  }

  private check(what: string, answer: Answer, verify: () => void): void {
    this.note(`${what}: ${answer.status}`);
    try {
      verify();
    } catch (error) {
      throw this.broken((error as Error).message);
    }
  }

  /** @returns an error that tells what went before */
  broken(promise: string): Error {
    return new Error(`${promise}\n${this.history.join('\n')}`);
  }

  private note(what: string): void {
    this.history.push(`  +${this.now - START} ms  ${what}`);
  }

  private nameOf(session: SessionModel, token?: string): string {
    const number = this.sessions.indexOf(session) + 1;
    return token === undefined ? String(number) : `token ${number}.${session.allTokens.indexOf(token)}`;
  }
}

/** The entry of a list, which must not be empty, that any natural number means. */
export function pick<T>(entries: readonly T[], n: number): T {
  return entries[n % entries.length] as T;
}
