import type { Dialect } from '../../database/dialect.js';
import type { ParameterTypes, SqlStatement } from '../../database/sql-statement.js';

/** The statements of a purge. Each is its own transaction. */
export interface PurgeStatements {
  /** Reads the next rows by id, and tells which of them are past. */
  readonly look: SqlStatement;
  /** Deletes those from one id to another that are past. */
  readonly purge: SqlStatement;
}

const TYPES: ParameterTypes = {
  after: 'uuid',
  first: 'uuid',
  last: 'uuid',
  limit: 'bigint',
  now: 'bigint',
  retention: 'bigint',
  system_now: 'bigint',
  tolerance: 'bigint',
};

/** The statements for one database and table. */
export function purgeStatements(dialect: Dialect, table: string): PurgeStatements {
  const statement = (template: string) => dialect.compile(template, TYPES);

  // By the row alone: neither a retention shorter than the idle life nor a brake that may be released again
  // (`session.notBefore`) takes a session that could go on. The first token of an adopted session is number 1, so the
  // last use counts, too.
  const isPast = `GREATEST(issued, last_used_at) <= :now - :retention
      AND (revoked_at IS NOT NULL OR expires_at <= :now)`;

  // An instance whose clock is ahead would take live sessions for past ones.
  const isClockGood = dialect.time === undefined ? '' : `AND :system_now <= ${dialect.time} + :tolerance`;

  return {
    look: statement(`
      SELECT id, CASE WHEN ${isPast} THEN 1 ELSE 0 END AS is_past
      FROM ${table} WHERE id > :after ORDER BY id LIMIT :limit`),
    // Each row is judged anew: a session that has come back to life since the look stays.
    purge: statement(`
      DELETE FROM ${table}
      WHERE id >= :first AND id <= :last
      AND ${isPast}
      ${isClockGood}
      RETURNING id`),
  };
}
