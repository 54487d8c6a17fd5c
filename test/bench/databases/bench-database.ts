import { randomBytes } from 'node:crypto';
import type { NewSessions } from '../sessions.js';

/** The table that is filled. */
export const TABLE = 'refresh_token_sessions';

/** How many sessions are written at once. */
export const BATCH = 5_000;

/** A database of the benchmark's own. */
export interface BenchDatabase {
  /** What `DATABASE_URL` takes. */
  readonly url: string;
  /** Puts the first `count` sessions in the place of the only one there is, each like it but for what tells them apart. */
  fill(sessions: NewSessions, count: number): Promise<void>;
  /** How many sessions there are. */
  rows(): Promise<number>;
  drop(): Promise<void>;
}

/** A server, or the driver where there is none: what a result depends on. */
export interface DatabaseDescription {
  readonly version: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** What the benchmark needs of a kind of database. */
export interface DatabaseSource<T extends BenchDatabase = BenchDatabase> {
  /** Makes an empty database. */
  create(): Promise<T>;
  describe(): Promise<DatabaseDescription>;
}

/** The name of a new database. */
export function newName(): string {
  return `refresh_token_bench_${randomBytes(6).toString('hex')}`;
}

/** The ranges of a count, a batch each. */
export function* batches(count: number): Generator<readonly [from: number, to: number]> {
  for (let from = 0; from < count; from += BATCH) yield [from, Math.min(from + BATCH, count)];
}

/**
 * The value of a column of a new session.
 * @param like the same column of a session that the service has made
 */
export function valueOf(column: string, like: unknown, sessions: NewSessions, position: number): unknown {
  if (column === 'id') return idAs(like, sessions.ids[position] as string);
  if (column === 'subject') return sessions.subjects[position];
  if (column === 'floor') return sessions.number - 1;
  return column === 'issued' ? sessions.number : like;
}

/** However the service writes an id: as text or as bytes. */
function idAs(like: unknown, id: string): string | Buffer {
  return Buffer.isBuffer(like) ? Buffer.from(id.replaceAll('-', ''), 'hex') : id;
}
