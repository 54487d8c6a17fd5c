import { join } from 'node:path';
import type { DatabaseKind } from './contenders.js';
import type { BenchDatabase, DatabaseSource } from './databases/bench-database.js';
import type { Rig } from './rig.js';
import { createSession, startService } from './servers.js';
import { makeSessions, type NewSessions } from './sessions.js';

/** A database full of sessions whose tokens the generator has. */
export interface SessionDatabase<T extends BenchDatabase = BenchDatabase> {
  readonly name: string;
  readonly database: T;
  readonly sessions: number;
}

/** Makes databases that are full of the same sessions. */
export class SessionDatabases {
  private readonly file: string;
  private sessions: NewSessions | undefined;

  constructor(private readonly rig: Rig) {
    this.file = join(rig.folder, 'tokens');
  }

  /** Makes the sessions. @param count of the largest database */
  async makeSessions(count: number): Promise<void> {
    this.sessions = await makeSessions(count, this.rig.secrets.refreshTokenSecret, this.file);
  }

  /**
   * Makes a database, has the service make its tables and a session, and fills it with sessions that are like it.
   * @throws NotAvailableError where the service can't use it
   */
  async make<T extends BenchDatabase>(
    kind: DatabaseKind,
    source: DatabaseSource<T>,
    count: number,
    name = `${kind}/${count}`.toLowerCase(),
  ): Promise<SessionDatabase<T>> {
    if (!this.sessions) throw new Error('There are no sessions yet');
    const database = await source.create();
    this.rig.cleanUp.add(() => database.drop());
    const start = { name: `first-${name}`, adapter: 'Express', leeway: 'none', isUnderTest: false } as const;
    const service = await startService(this.rig, { ...start, database: database.url });
    try {
      await createSession(service, this.rig);
    } finally {
      await service.kill();
    }
    await database.fill(this.sessions, count);
    await this.rig.generator.readPool({ name, file: this.file, count });
    return { name, database, sessions: count };
  }
}
