import type { Dialect } from '../database/dialect.js';
import type { ParameterType } from '../database/sql-statement.js';
import type { WrittenTable } from '../database/sql-writes.js';
import { ASKED, askedIn, COMMON_TYPES, type RotationBatchStatement } from './rotation-batch.statement.js';
import type { RotationTemplates } from './rotation.statement.js';

const TYPES: Record<(typeof ASKED)[number], ParameterType> = {
  id: 'uuid[]',
  n: 'bigint[]',
  now: 'bigint[]',
  accept_ahead: 'bigint[]',
  user_agent: 'text[]',
  ip: 'text[]',
};

/**
 * Losing a rotation is harmless, so the commit waits neither for the disk nor for a standby, which may be away. The
 * commit of the single statement would wait for both.
 */
export function rotationBatchOnPostgres(
  dialect: Dialect,
  { name: table }: WrittenTable,
  rotation: RotationTemplates,
  columns: string,
): RotationBatchStatement {
  const { set, where } = askedIn(rotation);
  const statement = dialect.compile(
    `WITH asked AS (
       SELECT each.*
       FROM unnest(${ASKED.map((name) => `:${name}`).join(', ')})
              AS each(${ASKED.map((name) => `asked_${name}`).join(', ')}),
            (SELECT set_config('synchronous_commit', 'off', true) AS set_to) AS durability
       WHERE set_to = 'off'
     ),
     held AS (
       SELECT id AS held_id FROM ${table} AS found JOIN asked ON id = asked_id
       WHERE ${where}
       ORDER BY id FOR NO KEY UPDATE OF found SKIP LOCKED
     ),
     rotated AS (
       UPDATE ${table} SET ${set}
       FROM asked JOIN held ON held_id = asked_id
       WHERE id = held_id AND ${where}
       RETURNING ${columns}
     )
     SELECT ${columns}, 1 AS is_rotated FROM rotated
     UNION ALL
     SELECT ${columns}, 0 FROM ${table} JOIN asked ON id = asked_id WHERE NOT (${where})`,
    { ...TYPES, ...COMMON_TYPES },
  );
  return {
    isForOneToo: true,
    statement,
    valuesOf(batch) {
      const lists = ASKED.map((name) => [name, batch.map((values) => values[name] ?? null)]);
      return { ...batch[0], ...Object.fromEntries(lists) };
    },
  };
}
