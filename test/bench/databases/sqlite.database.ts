import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import type { NewSessions } from '../sessions.js';
import { batches, newName, TABLE, valueOf, type BenchDatabase, type DatabaseSource } from './bench-database.js';

/** A file in a folder of its own. */
export class SqliteDatabase implements BenchDatabase {
  readonly url: string;

  constructor(private readonly path: string) {
    this.url = `sqlite:${path}`;
  }

  async fill(sessions: NewSessions, count: number): Promise<void> {
    this.use((database) => {
      const like = database.prepare(`SELECT * FROM ${TABLE}`).get() as Record<string, unknown>;
      const columns = Object.keys(like);
      const insert = database.prepare(
        `INSERT INTO ${TABLE} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      );
      database.prepare(`DELETE FROM ${TABLE}`).run();
      for (const [from, to] of batches(count)) {
        database.transaction(() => {
          for (let position = from; position < to; position++) {
            insert.run(columns.map((column) => valueOf(column, like[column], sessions, position)));
          }
        })();
      }
      database.pragma('wal_checkpoint(TRUNCATE)');
    });
  }

  async rows(): Promise<number> {
    return this.use((database) => Number(database.prepare(`SELECT count(*) FROM ${TABLE}`).pluck().get()));
  }

  /** Takes all sessions away. */
  async clear(): Promise<void> {
    this.use((database) => database.prepare(`DELETE FROM ${TABLE}`).run());
  }

  /** The file's size in bytes, with all that was written in it; only while no service has it open. */
  async size({ isVacuumed }: { isVacuumed: boolean }): Promise<number> {
    this.use((database) => {
      if (isVacuumed) database.exec('VACUUM');
      database.pragma('wal_checkpoint(TRUNCATE)');
    });
    return (await stat(this.path)).size;
  }

  drop(): Promise<void> {
    return rm(dirname(this.path), { recursive: true, force: true });
  }

  private use<T>(work: (database: Sqlite.Database) => T): T {
    const database = new Sqlite(this.path, { timeout: 10_000 });
    try {
      return work(database);
    } finally {
      database.close();
    }
  }
}

/** SQLite databases below a folder. */
export function sqliteSource(parent: string): DatabaseSource<SqliteDatabase> {
  return {
    async create() {
      const folder = join(parent, newName());
      await mkdir(folder);
      return new SqliteDatabase(join(folder, 'bench.sqlite'));
    },
    async describe() {
      const database = new Sqlite(':memory:');
      const version = String(database.prepare('SELECT sqlite_version()').pluck().get());
      database.close();
      return { version: `SQLite ${version}`, settings: {} };
    },
  };
}
