import type { IssuedSession, SessionListResponse } from 'nest-refresh-token';
import { createDatabase, type DatabaseName, type TestDatabase } from '../databases/databases.js';
import { json, logout, refresh, signIn, type Answer } from '../http/http.js';
import { getSessions } from '../http/session-calls.js';
import { startService, type TestService } from './service.js';
import { TableCopies } from '../databases/table-copies.js';
import { TestClock } from '../test-clock.js';

/** The service on a database of its own, to be restarted, and set back to what it was. One clock throughout. */
export class RestorableService {
  private readonly copiesTaken: string[] = [];

  private constructor(
    private readonly database: TestDatabase,
    private readonly copies: TableCopies,
    private readonly env: Record<string, string>,
    private running: TestService,
  ) {}

  static async start(name: DatabaseName, env: Record<string, string>): Promise<RestorableService> {
    const database = await createDatabase(name);
    const running = await startService(database.url, { env });
    return new RestorableService(database, await TableCopies.of(database.url), env, running);
  }

  get clock(): TestClock {
    return this.running.clock;
  }

  signIn(): Promise<IssuedSession> {
    return signIn(this.running.url);
  }

  refresh(token: string): Promise<Answer> {
    return refresh(this.running.url, token);
  }

  logout(token: string): Promise<Answer> {
    return logout(this.running.url, token);
  }

  /** The session that an access token is accepted for. */
  async sessionOf(accessToken: string): Promise<string | undefined> {
    const answer = await getSessions(this.running.url, accessToken, '?limit=100');
    if (answer.status !== 200) return undefined;
    return json<SessionListResponse>(answer).sessions.find(({ current }) => current)?.id;
  }

  async restart(whileStopped = async () => undefined as void): Promise<void> {
    await this.running.close();
    await whileStopped();
    this.running = await startService(this.database.url, { env: this.env, clock: this.clock });
  }

  /** @returns the copy's name */
  async backUp(): Promise<string> {
    const name = `copy_${this.copiesTaken.length}`;
    await this.copies.take(name);
    this.copiesTaken.push(name);
    return name;
  }

  /** @param whileStopped as an operator does who stops the service for it; a server fails over below its clients */
  async restore(copy: string, whileStopped = false): Promise<void> {
    const putBack = () => this.copies.putBack(copy);
    await (whileStopped ? this.restart(putBack) : putBack());
  }

  /** The ids of all rows of the sessions' table. */
  async sessionIds(): Promise<string[]> {
    return (await this.copies.query('SELECT id FROM refresh_token_sessions')).map((row) => String(row['id']));
  }

  /** Removes all sessions and copies. */
  async empty(): Promise<void> {
    await this.copies.empty(this.copiesTaken.splice(0));
  }

  async close(): Promise<void> {
    await this.running.close();
    await this.copies.close();
    await this.database.drop();
  }
}
