import type { SqliteDatabase } from './databases/sqlite.database.js';
import type { Rig } from './rig.js';
import { startService } from './servers.js';
import type { SessionDatabase, SessionDatabases } from './session-databases.js';

/** How often each session is refreshed. */
export const TIMES = 100;

/** The size of one database file, in bytes. */
export interface FileSize {
  /** As the service left it, checkpointed. */
  readonly asWritten: number;
  readonly vacuumed: number;
}

/** What sessions take on SQLite: user ids of 36 characters, no claims, no device; indexes included. */
export interface SizeResult {
  readonly sessions: number;
  /** Refreshes of each. */
  readonly refreshes: number;
  readonly before: FileSize & { readonly rows: number };
  readonly after: FileSize & { readonly rows: number };
  /** The vacuumed file without a session, in bytes. */
  readonly empty: number;
}

/** Measures a file of sessions before and after each was refreshed as often. */
export class SizeMeasurement {
  private filled: SessionDatabase<SqliteDatabase> | undefined;

  constructor(
    private readonly rig: Rig,
    private readonly databases: SessionDatabases,
    private readonly sessions: number,
    private readonly connections: number,
  ) {}

  async run(): Promise<SizeResult> {
    this.filled = await this.databases.make('SQLite', this.rig.sources.SQLite, this.sessions, 'size');
    const { database } = this.filled;
    const before = await measure(database);
    await this.refreshAll(this.filled);
    const after = await measure(database);
    await database.clear();
    const { vacuumed: empty } = await measure(database);
    return { sessions: this.sessions, refreshes: TIMES, before, after, empty };
  }

  private async refreshAll({ name, database }: SessionDatabase): Promise<void> {
    const service = await startService(this.rig, {
      name: 'size',
      adapter: 'Express',
      database: database.url,
      leeway: 'none',
      // The generator's address would be recorded otherwise.
      env: { RECORD_DEVICE: 'false' },
      isUnderTest: true,
    });
    try {
      await this.rig.generator.repeat({
        port: service.port,
        pool: name,
        connections: this.connections,
        times: TIMES,
      });
    } finally {
      await service.stop();
    }
  }
}

/** Only while no service has it open. */
async function measure(database: SqliteDatabase): Promise<FileSize & { rows: number }> {
  const asWritten = await database.size({ isVacuumed: false });
  return { asWritten, vacuumed: await database.size({ isVacuumed: true }), rows: await database.rows() };
}
