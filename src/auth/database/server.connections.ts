import type { QueryRunner } from 'typeorm';
import { TIME_BUDGET } from '../runtime/time-budget.js';
import { TimeLimitError, withTimeLimit } from '../runtime/time-limit.js';
import type { Connections, StartLock } from './dialect.js';
import type { Row, RunStatement, SqlStatement, SqlValue } from './sql-statement.js';

/** How statements are run on one kind of server. */
export interface Server {
  query(runner: QueryRunner, statement: SqlStatement, values: Record<string, SqlValue>): Promise<Row[]>;
  /** Keeps a transaction apart from every other instance's that takes the same lock, until the transaction ends. */
  takeStartLock(runner: QueryRunner, lock: StartLock): Promise<void>;
  /** Whether the server behind a connection takes no writes any more. */
  isDeadEnd(error: unknown): boolean;
}

/**
 * A driver's connection, which ends at once by mysql2's `destroy` or pg's `end`. mysql2's `end` waits for the server.
 */
interface Connection {
  destroy?(): void;
  end(): Promise<void> | void;
}

/**
 * Runs work on connections to a server's primary. Getting a connection and the work each have a time limit, whatever
 * limits the host's pool has. A connection that doesn't answer is ended, since the pool would hand it out again.
 */
export class ServerConnections implements Connections {
  constructor(
    private readonly createQueryRunner: () => QueryRunner,
    private readonly server: Server,
  ) {}

  /** A server's commit is as durable as the server's settings make it. */
  run(statement: SqlStatement, values: Record<string, SqlValue>): Promise<Row[]> {
    return this.use((runner) => this.server.query(runner, statement, values));
  }

  transact<T>(lock: StartLock, work: (run: RunStatement) => Promise<T>): Promise<T> {
    return this.use(async (runner) => {
      try {
        // Whatever isolation the host has set: a read after the lock must see what others wrote under the lock.
        await runner.startTransaction('READ COMMITTED');
        await this.server.takeStartLock(runner, lock);
        const result = await work((statement, values = {}) => this.server.query(runner, statement, values));
        await runner.commitTransaction();
        return result;
      } catch (error) {
        if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
        throw error;
      }
    });
  }

  private async use<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const runner = this.createQueryRunner();
    const connecting = runner.connect() as Promise<Connection>;
    try {
      await withTimeLimit(() => connecting, TIME_BUDGET.connection);
    } catch (error) {
      void connecting.then(() => runner.release()).catch(() => undefined);
      throw error;
    }
    try {
      return await withTimeLimit(() => work(runner), TIME_BUDGET.statement);
    } catch (error) {
      if (error instanceof TimeLimitError || this.server.isDeadEnd(error)) await hangUp(connecting);
      throw error;
    } finally {
      await runner.release();
    }
  }
}

async function hangUp(connecting: Promise<Connection>): Promise<void> {
  const connection = await connecting;
  if (connection.destroy) connection.destroy();
  else void Promise.resolve(connection.end()).catch(() => undefined);
}
