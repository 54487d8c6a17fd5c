import { Inject, Injectable } from '@nestjs/common';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../../injection-tokens.js';
import { Clock } from '../../runtime/clock.js';
import { Database } from '../../database/database.js';
import { RandomSource } from '../../runtime/random.js';
import { purgeStatements, type PurgeStatements } from './purge.statements.js';
import { RefreshTokenSession } from '../session.entity.js';

/** What a step has come to. */
export interface PurgeStep {
  readonly deleted: number;
  /** Whether the table is at its end: the next step begins at its first row. */
  readonly isAtEnd: boolean;
  /** Whether it has been walked from its first row to its last, and nothing in it was past. */
  readonly isClean: boolean;
}

/** How many rows a step looks at: about a millisecond's work, for SQLite on the event loop. */
export const PURGE_WINDOW = 200;

/** How far this machine's clock may be ahead of the database's, in milliseconds; by that much, rows go too early. */
const CLOCK_TOLERANCE = 60_000;

/** Below every id. */
const START = '00000000-0000-0000-0000-000000000000';

/**
 * A walk through all sessions by their ids, a few rows a step, which deletes those that are past. It begins anywhere,
 * so that instances that start together don't meet at the same rows, and goes on from the first row after the last.
 */
@Injectable()
export class PurgeWalk {
  private readonly statements: PurgeStatements;
  /** The last row that was looked at. */
  private after: string;
  /** Whether the walk has begun at the first row. */
  private isWhole = false;
  private found = 0;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    random: RandomSource,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {
    this.statements = purgeStatements(database.dialect, database.table(RefreshTokenSession));
    this.after = uuidOf(random.bytes(16));
  }

  /**
   * Looks at the next rows. Call it again once it has ended.
   * @throws TemporarilyUnavailableError where the database can't answer
   */
  async step(): Promise<PurgeStep> {
    const judgement = { now: this.clock.now(), retention: this.options.session.retention };
    const rows = await this.database.run(this.statements.look, {
      ...judgement,
      after: this.after,
      limit: PURGE_WINDOW,
    });
    const ids = rows.map((row) => row['id'] as string);
    const past = ids.filter((_, position) => Number(rows[position]?.['is_past']) === 1);
    // Before anything is deleted: rows that can't be, since a table of the host's holds them, don't hold up the others.
    const end = this.moveOn(ids, past.length);
    return { ...end, deleted: await this.purge(past, judgement) };
  }

  private moveOn(ids: readonly string[], found: number): Omit<PurgeStep, 'deleted'> {
    this.found += found;
    const isAtEnd = ids.length < PURGE_WINDOW;
    if (!isAtEnd) {
      this.after = ids.at(-1) as string;
      return { isAtEnd, isClean: false };
    }
    const isClean = this.isWhole && this.found === 0;
    this.after = START;
    this.isWhole = true;
    this.found = 0;
    return { isAtEnd, isClean };
  }

  private async purge(past: readonly string[], judgement: { now: number; retention: number }): Promise<number> {
    const [first] = past;
    if (first === undefined) return 0;
    const deleted = await this.database.run(this.statements.purge, {
      ...judgement,
      first,
      last: past.at(-1) as string,
      // The system's clock, not the injected one: it is the machine that may be off.
      system_now: Date.now(),
      tolerance: CLOCK_TOLERANCE,
    });
    return deleted.length;
  }
}

function uuidOf(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
