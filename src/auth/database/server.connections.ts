import type { QueryRunner } from 'typeorm';
import { TIME_BUDGET } from '../runtime/time-budget.js';
import { TimeLimitError, withTimeLimit } from '../runtime/time-limit.js';
import { isDeadEnd } from './database-errors.js';

/** What ends a driver's connection at once: `destroy` of mysql2, whose `end` waits for the server; `end` of pg. */
interface Connection {
  destroy?(): void;
  end(): Promise<void> | void;
}

/**
 * Runs work on connections to a server's primary, each part of it within a limit, whatever limits the host's pool has.
 * A connection that doesn't answer is ended: the pool would hand it out again.
 */
export class ServerConnections {
  constructor(private readonly createQueryRunner: () => QueryRunner) {}

  async use<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
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
      if (error instanceof TimeLimitError || isDeadEnd(error)) await hangUp(connecting);
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
