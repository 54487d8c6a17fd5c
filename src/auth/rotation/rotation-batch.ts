import { TemporarilyUnavailableError } from '../auth.errors.js';
import type { Database } from '../database/database.js';
import type { DatabaseErrors } from '../database/database-errors.js';
import type { Row, SqlStatement } from '../database/sql-statement.js';
import { TurnBatch } from '../database/turn-batch.js';
import type { RotationBatchStatement, RotationValues } from './rotation-batch.statement.js';

/** The statements of rotations. */
export interface RotationStatements {
  /** Rotates one session. */
  readonly rotate: SqlStatement;
  /** Rotates several; `undefined` where one by one is as fast. */
  readonly rotateBatch: RotationBatchStatement | undefined;
}

/** A session's row: after its rotation, or unchanged where the rule doesn't rotate the session. */
export interface RotatedRow {
  readonly row: Row;
  readonly isRotated: boolean;
}

/** A rotation that waits for its batch. */
interface Waiting {
  readonly values: RotationValues;
  resolve(outcome: RotatedRow | undefined | Promise<RotatedRow | undefined>): void;
  reject(error: unknown): void;
}

/**
 * Runs the rotations that arrive in the same turn of the event loop as one batch, where the database has a statement
 * for that. Each has its own outcome: a rotation that can't be done in the batch is done alone.
 */
export class RotationBatch {
  private readonly waiting = new TurnBatch<Waiting>((batch) => void this.rotateWaiting(batch));
  /** The ids of the sessions whose rotations wait. */
  private readonly ids = new Set<string>();
  private readonly errors: DatabaseErrors;

  constructor(
    private readonly database: Database,
    private readonly statements: RotationStatements,
  ) {
    this.errors = database.dialect.errors;
  }

  /**
   * Rotates a session.
   * @returns its row; `undefined` where the session wasn't rotated and the row hasn't been read
   * @throws TemporarilyUnavailableError where the database can't answer
   */
  rotate(values: RotationValues): Promise<RotatedRow | undefined> {
    // A batch holds one rotation a session: the others of the same session run alone.
    if (!this.statements.rotateBatch || this.ids.has(values.id)) return this.rotateAlone(values);
    return new Promise((resolve, reject) => {
      this.ids.add(values.id);
      this.waiting.add({ values, resolve, reject });
    });
  }

  private async rotateAlone(values: RotationValues): Promise<RotatedRow | undefined> {
    const [row] = await this.database.run(this.statements.rotate, values);
    return row && { row, isRotated: true };
  }

  private async rotateWaiting(batch: readonly Waiting[]): Promise<void> {
    for (const { values } of batch) this.ids.delete(values.id);
    const { rotateBatch } = this.statements;
    const isBatch = rotateBatch && (batch.length > 1 || rotateBatch.isForOneToo);
    const left = isBatch ? await this.rotateAtOnce(rotateBatch, batch) : batch;
    left.forEach(({ values, resolve }) => resolve(this.rotateAlone(values)));
  }

  /** @returns the rotations that have to run alone: another transaction holds the row, or there is no row */
  private async rotateAtOnce(
    { statement, look, valuesOf }: RotationBatchStatement,
    batch: readonly Waiting[],
  ): Promise<readonly Waiting[]> {
    const run = (one: SqlStatement, of: readonly Waiting[]) =>
      this.database.runOnce(one, valuesOf(of.map(({ values }) => values)));
    let left: readonly Waiting[];
    try {
      left = settle(batch, await run(statement, batch));
    } catch (error) {
      // One rotation may have made the whole batch fail. Each of them alone fails by its own fault only.
      if (this.errors.isRefused(error)) return batch;
      // Nobody knows whether the batch was committed.
      const unavailable = new TemporarilyUnavailableError('database', { cause: error });
      batch.forEach(({ reject }) => reject(unavailable));
      return [];
    }
    return look && left.length > 0 ? settle(left, await run(look, left).catch(() => [])) : left;
  }
}

/** Answers the rotations whose rows were returned. @returns the other rotations */
function settle(waiting: readonly Waiting[], rows: readonly Row[]): readonly Waiting[] {
  const rowOf = new Map(rows.map((row) => [row['id'], row]));
  return waiting.filter(({ values, resolve }) => {
    const row = rowOf.get(values.id);
    if (row) resolve({ row, isRotated: Number(row['is_rotated']) === 1 });
    return !row;
  });
}
