import { Inject, Injectable } from '@nestjs/common';
import type { ResolvedOptions } from '../../auth/options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../../auth/injection-tokens.js';
import { Database } from '../../auth/database/database.js';
import { compile, type Dialect, type SqlStatement } from '../../auth/database/sql-statement.js';
import { RefreshTokenSecret } from '../../auth/key-ring/token-secret.entity.js';
import { TIME_BUDGET } from '../../auth/runtime/time-budget.js';
import { withDeadline } from '../../auth/http/request-deadline.js';
import { RefreshTokenSession } from '../../auth/session/session.entity.js';
import { Draining } from '../http/draining.js';

/** What keeps the instance from serving, check by check; each is `ok` or a short text that says what is wrong. */
export interface ReadinessReport {
  readonly status: 'ok' | 'unavailable';
  readonly checks: { readonly shutdown: string; readonly database: string; readonly clock: string };
}

/** How far the clocks may be apart where there is no leeway to take a third of, in milliseconds. */
const TOLERANCE_WITHOUT_LEEWAY = 2_000;

/** What tells the time of a database in milliseconds, and whether it takes no writes. SQLite has no clock of its own. */
const STATE: Record<Dialect, string> = {
  sqlite: "SELECT NULL AS now, 'off' AS read_only FROM sqlite_schema LIMIT 1",
  postgres: `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint) AS now,
                    current_setting('transaction_read_only') AS read_only`,
  // A node that is cut off from its cluster fails even that, where it is to wait for the others (`wsrep_sync_wait`).
  mariadb: `SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED) AS now,
                   CASE WHEN @@global.read_only THEN 'on' ELSE 'off' END AS read_only`,
  cockroach: `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint) AS now,
                     current_setting('default_transaction_read_only') AS read_only`,
};

/** Whether this instance should be sent requests. */
@Injectable()
export class Readiness {
  private readonly askTheTime: SqlStatement;
  private readonly writeNothing: SqlStatement;
  private readonly writeSomething: SqlStatement;

  constructor(
    private readonly database: Database,
    private readonly draining: Draining,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {
    this.askTheTime = compile(database.dialect, STATE[database.dialect], {});
    const table = database.table(RefreshTokenSession);
    this.writeNothing = compile(database.dialect, `UPDATE ${table} SET label = NULL WHERE 1 = 0`, {});
    const secrets = database.table(RefreshTokenSecret);
    this.writeSomething = compile(database.dialect, `UPDATE ${secrets} SET first_seen_at = first_seen_at`, {});
  }

  async check(): Promise<ReadinessReport> {
    const shutdown = this.draining.isDraining ? 'shutting down' : 'ok';
    const checks = { shutdown, ...(await this.checkDatabase()) };
    const isReady = Object.values(checks).every((result) => result === 'ok');
    return { status: isReady ? 'ok' : 'unavailable', checks };
  }

  private async checkDatabase(): Promise<{ database: string; clock: string }> {
    try {
      // The system's clock, not the injected one: it is the machine that may be off.
      const before = Date.now();
      const [row] = await withDeadline(this.database.runOnce(this.askTheTime), TIME_BUDGET.readinessCheck);
      const clock = this.compare(before, Date.now(), row?.['now']);
      // A standby, or a primary that was demoted: it answers, and can commit nothing.
      if (await this.isFull()) return { database: 'full', clock };
      const isReadOnly = row?.['read_only'] === 'on';
      // A write has the store give up the connection: an instance that isn't ready is sent nothing else that would.
      if (isReadOnly)
        await withDeadline(this.database.run(this.writeNothing), TIME_BUDGET.readinessCheck).catch(() => undefined);
      return { database: isReadOnly ? 'read-only' : 'ok', clock };
    } catch {
      return { database: 'no answer', clock: 'unknown' };
    }
  }

  /** An instance that isn't ready is sent nothing to write: it has to see by itself when there is room again. */
  private async isFull(): Promise<boolean> {
    if (!this.database.isFull) return false;
    await withDeadline(this.database.runDurably(this.writeSomething, {}), TIME_BUDGET.readinessCheck).catch(
      () => undefined,
    );
    return this.database.isFull;
  }

  /** SQLite has no clock of its own. */
  private compare(before: number, after: number, databaseTime: unknown): string {
    if (databaseTime === null || databaseTime === undefined) return 'ok';
    const theirs = Number(databaseTime);
    const apart = theirs < before ? before - theirs : Math.max(0, theirs - after);
    const { leeway } = this.options.rotation;
    const tolerance = leeway > 0 ? leeway / 3 : TOLERANCE_WITHOUT_LEEWAY;
    return apart <= tolerance
      ? 'ok'
      : `${apart} ms off the database's, at most ${Math.floor(tolerance)} ms are allowed`;
  }
}
