import type { QueryRunner } from 'typeorm';
import type { Connections, StartLock } from './dialect.js';
import { bind, type Row, type RunStatement, type SqlStatement, type SqlValue } from './sql-statement.js';
import { TurnBatch } from './turn-batch.js';

interface PreparedStatement {
  readonly readonly: boolean;
  readonly reader: boolean;
  all(...values: SqlValue[]): Row[];
  run(...values: SqlValue[]): unknown;
}

/** The part of better-sqlite3's Database that is used here. */
export interface SqliteHandle {
  readonly inTransaction: boolean;
  pragma(source: string, options?: { simple: boolean }): unknown;
  prepare(sql: string): PreparedStatement;
}

/** A statement that waits for the next commit. */
interface Waiting {
  readonly statement: SqlStatement;
  readonly values: Record<string, SqlValue>;
  readonly isDurable: boolean;
  resolve(rows: Row[]): void;
  reject(error: unknown): void;
}

/** The outcome of one statement. */
type Outcome = { readonly rows: Row[] } | { readonly error: unknown };

/** SQLite's `synchronous` as a number: each commit waits for the disk. */
const SYNCHRONOUS_FULL = 2;

/**
 * Runs SQLite's statements. A commit costs several times as much as a statement. So the writes that arrive in the same
 * turn of the event loop are one batch with one commit. Each write has its own outcome, as if it had run alone.
 *
 * A durable write survives a power loss before it is answered. In WAL mode with `synchronous = NORMAL` a commit
 * doesn't, so durable writes have a commit of their own, with FULL. Every other write (a rotation) keeps the
 * connection's setting: losing it is harmless, since the token is then ahead of the row. better-sqlite3 is synchronous,
 * so no statement of the host can run between BEGIN and COMMIT.
 */
export class SqliteConnection implements Connections {
  private readonly waiting = new TurnBatch<Waiting>((batch) => void this.runBatch(batch));
  private readonly prepared = new WeakMap<SqliteHandle, Map<string, PreparedStatement>>();

  constructor(private readonly createQueryRunner: () => QueryRunner) {}

  /** Runs one statement in the batch of this turn of the event loop. The database's own errors are thrown. */
  run(statement: SqlStatement, values: Record<string, SqlValue>, isDurable: boolean): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.waiting.add({ statement, values, isDurable, resolve, reject });
    });
  }

  /**
   * Runs `work` in a transaction of its own, whose lock is SQLite's write lock and whose commit is durable. `work` may
   * await nothing but its statements: they are all run before anything else has its turn. TypeORM's transactions don't do: a transaction that
   * SQLite has undone by itself, on a full disk, is never over for TypeORM.
   */
  async transact<T>(_lock: StartLock, work: (run: RunStatement) => Promise<T>): Promise<T> {
    const handle = await this.connect();
    refuseOpenTransaction(handle);
    const goBack = waitForDisk(handle);
    try {
      this.prepare(handle, 'BEGIN IMMEDIATE').run();
      const result = await work(async (statement, values = {}) => {
        const outcome = this.runAlone(handle, { statement, values });
        if ('error' in outcome) throw outcome.error;
        return outcome.rows;
      });
      this.prepare(handle, 'COMMIT').run();
      return result;
    } catch (error) {
      if (handle.inTransaction) this.prepare(handle, 'ROLLBACK').run();
      throw error;
    } finally {
      goBack();
    }
  }

  private async connect(): Promise<SqliteHandle> {
    return (await this.createQueryRunner().connect()) as SqliteHandle;
  }

  private async runBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const handle = await this.connect();
      refuseOpenTransaction(handle);
      this.runOn(handle, batch);
    } catch (error) {
      batch.forEach(({ reject }) => reject(error));
    }
  }

  private runOn(handle: SqliteHandle, batch: readonly Waiting[]): void {
    const durable: Waiting[] = [];
    const others: Waiting[] = [];
    for (const waiting of batch) {
      // A read needs no lock, which another process may hold.
      if (this.isWrite(handle, waiting)) (waiting.isDurable ? durable : others).push(waiting);
      else settle(waiting, this.runAlone(handle, waiting));
    }
    this.commit(handle, others);
    if (durable.length === 0) return;
    const goBack = waitForDisk(handle);
    try {
      this.commit(handle, durable);
    } finally {
      goBack();
    }
  }

  /** Runs several writes in one transaction; a single write needs none. */
  private commit(handle: SqliteHandle, writes: readonly Waiting[]): void {
    const outcomes = writes.length > 1 ? this.commitBatch(handle, writes) : undefined;
    writes.forEach((write, at) => settle(write, outcomes?.[at] ?? this.runAlone(handle, write)));
  }

  /** @returns `undefined` where one write has undone the whole transaction, as on a full disk */
  private commitBatch(handle: SqliteHandle, writes: readonly Waiting[]): Outcome[] | undefined {
    const outcomes: Outcome[] = [];
    try {
      this.prepare(handle, 'BEGIN IMMEDIATE').run();
      for (const write of writes) {
        outcomes.push(this.runAlone(handle, write));
        if (!handle.inTransaction) return undefined;
      }
      this.prepare(handle, 'COMMIT').run();
      return outcomes;
    } catch (error) {
      if (handle.inTransaction) this.prepare(handle, 'ROLLBACK').run();
      return writes.map(() => ({ error }));
    }
  }

  private isWrite(handle: SqliteHandle, { statement }: Waiting): boolean {
    try {
      return !this.prepare(handle, statement.sql).readonly;
    } catch {
      // SQLite doesn't know the statement, which fails when it is run.
      return false;
    }
  }

  private runAlone(handle: SqliteHandle, { statement, values }: Pick<Waiting, 'statement' | 'values'>): Outcome {
    try {
      const prepared = this.prepare(handle, statement.sql);
      const bound = bind(statement, values);
      if (prepared.reader) return { rows: prepared.all(...bound) };
      prepared.run(...bound);
      return { rows: [] };
    } catch (error) {
      return { error };
    }
  }

  private prepare(handle: SqliteHandle, sql: string): PreparedStatement {
    let ofHandle = this.prepared.get(handle);
    if (!ofHandle) this.prepared.set(handle, (ofHandle = new Map()));
    let prepared = ofHandle.get(sql);
    if (!prepared) ofHandle.set(sql, (prepared = handle.prepare(sql)));
    return prepared;
  }
}

/**
 * TypeORM has one connection to SQLite. While a transaction of the host is open there, the host could roll back the
 * module's writes with its own. The module waits for the end of that transaction, as it waits for another process's
 * lock.
 */
class TransactionOpenError extends Error {
  readonly code = 'SQLITE_BUSY';

  constructor() {
    super("A transaction is open on SQLite's only connection. Give the module a DataSource of its own.");
  }
}

/** @throws TransactionOpenError where the host could roll back what is written now, even the end of a session */
function refuseOpenTransaction({ inTransaction }: SqliteHandle): void {
  if (inTransaction) throw new TransactionOpenError();
}

function settle({ resolve, reject }: Waiting, outcome: Outcome): void {
  if ('error' in outcome) reject(outcome.error);
  else resolve(outcome.rows);
}

/** Has commits wait for the disk. @returns what puts the connection's own setting back, outside of a transaction */
function waitForDisk(handle: SqliteHandle): () => void {
  const before = Number(handle.pragma('synchronous', { simple: true }));
  if (before >= SYNCHRONOUS_FULL) return () => undefined;
  handle.pragma(`synchronous = ${SYNCHRONOUS_FULL}`);
  return () => void handle.pragma(`synchronous = ${before}`);
}
