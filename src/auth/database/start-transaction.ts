import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../auth.errors.js';
import { retry, type RetryOptions } from '../runtime/retry.js';
import { TIME_BUDGET } from '../runtime/time-budget.js';
import { withTimeLimit } from '../runtime/time-limit.js';
import type { Connections, Dialect, StartLock } from './dialect.js';
import { whileBusy, whileLost } from './patience.js';
import type { RunStatement, SqlStatement } from './sql-statement.js';

/**
 * Runs the transactions of the start and of changed keys. They wait for a server that restarts. An error of missing
 * tables becomes a message that names the migrations; the database's other errors are thrown as they are.
 */
export class StartTransaction {
  private readonly whileBusy: RetryOptions;
  private readonly whileLost: RetryOptions;
  private isServerFit = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly dialect: Dialect,
    private readonly connections: Connections,
  ) {
    this.whileBusy = whileBusy(dialect.errors);
    this.whileLost = whileLost(dialect.errors);
  }

  /**
   * Runs `work` in a transaction that no other instance's with the same lock overlaps.
   * @throws ConfigurationError where the module's tables are missing or old, or the server's SQL doesn't suffice
   */
  exclusively<T>(lock: StartLock, work: (run: RunStatement) => Promise<T>): Promise<T> {
    return this.requireTables(() => this.connections.transact(lock, work));
  }

  /**
   * Runs a statement, to see whether its table and columns exist.
   * @throws ConfigurationError as above
   */
  async probe(statement: SqlStatement): Promise<void> {
    await this.requireTables(() => this.connections.run(statement, {}, false));
  }

  private async requireTables<T>(work: () => Promise<T>): Promise<T> {
    const workOnFitServer = async () => {
      // Once: when keys change, the pool's connections may be dead, and this query doesn't end the one that it waits on.
      if (!this.isServerFit) await this.refuseUnfitServer();
      return retry(work, this.whileBusy);
    };
    try {
      return await retry(workOnFitServer, this.whileLost);
    } catch (error) {
      if (!this.dialect.errors.isMissingTable(error)) throw error;
      throw new ConfigurationError(
        `dataSource: the tables of nest-refresh-token are missing or old (${(error as Error).message}). Add "...${this.dialect.name}Migrations" to the DataSource's "migrations", and run them before the application starts.`,
        { cause: error },
      );
    }
  }

  private async refuseUnfitServer(): Promise<void> {
    const refuse = () => this.dialect.refuseUnfitServer?.(this.dataSource, 'dataSource');
    await withTimeLimit(refuse, TIME_BUDGET.lostServer);
    this.isServerFit = true;
  }
}
