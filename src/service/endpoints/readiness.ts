import { Inject, Injectable } from '@nestjs/common';
import type { ResolvedOptions } from '../../auth/options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../../auth/injection-tokens.js';
import { Database } from '../../auth/database/database.js';
import type { SqlStatement } from '../../auth/database/sql-statement.js';
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

/** Whether this instance should be sent requests. */
@Injectable()
export class Readiness {
  private readonly askState: SqlStatement;
  private readonly writeNothing: SqlStatement;
  private readonly writeSomething: SqlStatement;

  constructor(
    private readonly database: Database,
    private readonly draining: Draining,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {
    const { dialect } = database;
    this.askState = dialect.compile(dialect.stateQuery, {});
    const table = database.table(RefreshTokenSession);
    this.writeNothing = dialect.compile(`UPDATE ${table} SET label = NULL WHERE 1 = 0`, {});
    const secrets = database.table(RefreshTokenSecret);
    this.writeSomething = dialect.compile(`UPDATE ${secrets} SET first_seen_at = first_seen_at`, {});
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
      const [row] = await withDeadline(this.database.runOnce(this.askState), TIME_BUDGET.readinessCheck);
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

  /** @param databaseTime null where the database has this machine's clock */
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
