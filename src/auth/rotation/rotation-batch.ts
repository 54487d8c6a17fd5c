import { TemporarilyUnavailableError } from '../auth.errors.js';
import { Gathering } from '../database/turn-batch.js';
import type { Database } from '../database/database.js';
import { isRefused } from '../database/database-errors.js';
import type { Row, SqlStatement } from '../database/sql-statement.js';
import type { RotationValues, SharedRotationStatement } from './rotation-batch.statement.js';

/** The statements that a batch runs. */
export interface RotationStatements {
  /** Rotates one session. */
  readonly rotate: SqlStatement;
  /** Rotates several; `undefined` where one by one is as fast. */
  readonly rotateTogether: SharedRotationStatement | undefined;
}

/** A session's row, after its rotation or as it is where the rule doesn't rotate it. */
export interface RotatedRow {
  readonly row: Row;
  readonly isRotated: boolean;
}

/** A rotation that waits for the others of its turn. */
interface Waiting {
  readonly values: RotationValues;
  resolve(outcome: RotatedRow | undefined | Promise<RotatedRow | undefined>): void;
  reject(error: unknown): void;
}

/**
 * Runs the rotations that arrive in the same turn of the event loop as one statement, where the database has one for
 * that. Each has its own outcome: what can't be done together is done alone.
 */
export class SharedRotation {
  private readonly waiting = new Gathering<Waiting>((together) => void this.rotateWaiting(together));
  /** The sessions of those that wait. */
  private readonly ids = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly statements: RotationStatements,
  ) {}

  /**
   * What became of a session's row; `undefined` where it wasn't rotated, and hasn't been looked at.
   * @throws TemporarilyUnavailableError where the database can't answer
   */
  rotate(values: RotationValues): Promise<RotatedRow | undefined> {
    // Of several for one session, the others go by themselves.
    if (!this.statements.rotateTogether || this.ids.has(values.id)) return this.rotateAlone(values);
    return new Promise((resolve, reject) => {
      this.ids.add(values.id);
      this.waiting.add({ values, resolve, reject });
    });
  }

  private async rotateAlone(values: RotationValues): Promise<RotatedRow | undefined> {
    const [row] = await this.database.run(this.statements.rotate, values);
    return row && { row, isRotated: true };
  }

  private async rotateWaiting(together: readonly Waiting[]): Promise<void> {
    for (const { values } of together) this.ids.delete(values.id);
    const { rotateTogether } = this.statements;
    const isShared = rotateTogether && (together.length > 1 || rotateTogether.isForOneToo);
    const left = isShared ? await this.rotateShared(rotateTogether, together) : together;
    left.forEach(({ values, resolve }) => resolve(this.rotateAlone(values)));
  }

  /** @returns those that have to be rotated alone: somebody else holds their row, or there is none */
  private async rotateShared(
    { statement, look, valuesOf }: SharedRotationStatement,
    together: readonly Waiting[],
  ): Promise<readonly Waiting[]> {
    const run = (one: SqlStatement, of: readonly Waiting[]) =>
      this.database.runOnce(one, valuesOf(of.map(({ values }) => values)));
    let left: readonly Waiting[];
    try {
      left = settle(together, await run(statement, together));
    } catch (error) {
      // One of them may be to blame, and alone it fails alone.
      if (isRefused(error)) return together;
      // Nobody knows what became of them.
      const unavailable = new TemporarilyUnavailableError('database', { cause: error });
      together.forEach(({ reject }) => reject(unavailable));
      return [];
    }
    return look && left.length > 0 ? settle(left, await run(look, left).catch(() => [])) : left;
  }
}

/** Answers those whose rows were handed over. @returns the others */
function settle(waiting: readonly Waiting[], rows: readonly Row[]): readonly Waiting[] {
  const rowOf = new Map(rows.map((row) => [row['id'], row]));
  return waiting.filter(({ values, resolve }) => {
    const row = rowOf.get(values.id);
    if (row) resolve({ row, isRotated: Number(row['is_rotated']) === 1 });
    return !row;
  });
}
