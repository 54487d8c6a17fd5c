import { TemporarilyUnavailableError } from '../auth.errors.js';
import type { Database } from '../database/database.js';
import { isRefused } from '../database/database-errors.js';
import type { Row, SqlStatement, SqlValue } from '../database/sql-statement.js';
import type { SessionStatements } from './session.statements.js';
import { ASKED_NAMES } from './shared-rotation.statement.js';

/** The parameters of a rotation, by their names in the statement. */
export type RotationValues = Readonly<Record<string, string | number | null>> & { readonly id: string };

/** A rotation that waits for the others of its turn. */
interface Waiting {
  readonly values: RotationValues;
  resolve(row: Row | undefined | Promise<Row | undefined>): void;
  reject(error: unknown): void;
}

/** How many share a statement at most. */
const MOST = 256;

/**
 * Runs the rotations that arrive in the same turn of the event loop as one statement, where the database has one for
 * that. Each has its own outcome: what can't be done together is done alone.
 */
export class SharedRotation {
  private waiting = new Map<string, Waiting>();

  constructor(
    private readonly database: Database,
    private readonly statements: Pick<SessionStatements, 'rotate' | 'rotateTogether'>,
  ) {}

  /**
   * The session's row after its rotation; `undefined` where the rule doesn't let it rotate.
   * @throws TemporarilyUnavailableError where the database can't answer
   */
  rotate(values: RotationValues): Promise<Row | undefined> {
    const { rotateTogether } = this.statements;
    // Of several for one session, the others go by themselves.
    if (!rotateTogether || this.waiting.has(values.id)) return this.rotateAlone(values);
    return new Promise((resolve, reject) => {
      this.waiting.set(values.id, { values, resolve, reject });
      if (this.waiting.size === 1) setImmediate(() => void this.rotateWaiting(rotateTogether));
      if (this.waiting.size === MOST) void this.rotateWaiting(rotateTogether);
    });
  }

  private async rotateAlone(values: RotationValues): Promise<Row | undefined> {
    const [row] = await this.database.run(this.statements.rotate, values);
    return row;
  }

  private async rotateWaiting(statement: SqlStatement): Promise<void> {
    const together = [...this.waiting.values()];
    this.waiting = new Map();
    const outcomes = together.length > 1 ? await this.rotateTogether(statement, together) : new Map<string, Row>();
    for (const waiting of together) {
      const { id } = waiting.values;
      if (outcomes instanceof Error) waiting.reject(outcomes);
      // Without an outcome, somebody else holds the row, or there is none.
      else waiting.resolve(outcomes.has(id) ? outcomes.get(id) : this.rotateAlone(waiting.values));
    }
  }

  /** What became of each, as far as it was done together; an error where nobody knows. */
  private async rotateTogether(
    statement: SqlStatement,
    together: readonly Waiting[],
  ): Promise<Map<string, Row | undefined> | TemporarilyUnavailableError> {
    try {
      const rows = await this.database.runOnce(statement, valuesOf(together));
      return new Map(rows.map((row) => [row['held_id'] as string, row['id'] === null ? undefined : row]));
    } catch (error) {
      // One of them may be to blame, and alone it fails alone.
      return isRefused(error) ? new Map() : new TemporarilyUnavailableError('database', { cause: error });
    }
  }
}

/** The parameters of all, with a list of what each brings. */
function valuesOf(together: readonly Waiting[]): Record<string, SqlValue> {
  const lists = ASKED_NAMES.map((name) => [name, together.map(({ values }) => values[name] ?? null)]);
  return { ...together[0]?.values, ...Object.fromEntries(lists) };
}
