import { TemporarilyUnavailableError } from '../auth.errors.js';
import { Gathering } from '../database/gathering.js';
import type { Database } from '../database/database.js';
import { isRefused } from '../database/database-errors.js';
import type { Row } from '../database/sql-statement.js';
import type { SessionStatements } from './session.statements.js';
import type { RotationValues, SharedRotationStatement } from './shared-rotation.statement.js';

/** A session's row, after its rotation or as the rule doesn't let it rotate. */
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
    private readonly statements: Pick<SessionStatements, 'rotate' | 'rotateTogether'>,
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
    const outcomes = isShared ? await this.rotateAll(rotateTogether, together) : new Map();
    for (const waiting of together) {
      if (outcomes instanceof Error) waiting.reject(outcomes);
      // Without an outcome, somebody else holds the row, or there is none.
      else waiting.resolve(outcomes.get(waiting.values.id) ?? this.rotateAlone(waiting.values));
    }
  }

  /** What became of each, as far as it was done together; an error where nobody knows. */
  private async rotateAll(
    { statement, look, valuesOf }: SharedRotationStatement,
    together: readonly Waiting[],
  ): Promise<Map<string, RotatedRow> | TemporarilyUnavailableError> {
    const all = together.map(({ values }) => values);
    try {
      const outcomes = outcomesIn(await this.database.runOnce(statement, valuesOf(all)));
      const left = all.filter(({ id }) => !outcomes.has(id));
      if (!look || left.length === 0) return outcomes;
      // What has been rotated is told, whatever becomes of this.
      const seen = await this.database.run(look, valuesOf(left)).catch(() => []);
      return new Map([...outcomes, ...outcomesIn(seen)]);
    } catch (error) {
      // One of them may be to blame, and alone it fails alone.
      return isRefused(error) ? new Map() : new TemporarilyUnavailableError('database', { cause: error });
    }
  }
}

function outcomesIn(rows: readonly Row[]): Map<string, RotatedRow> {
  return new Map(rows.map((row) => [row['id'] as string, { row, isRotated: Boolean(row['is_rotated']) }]));
}
