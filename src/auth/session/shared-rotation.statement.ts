import { compile, type ParameterType, type SqlStatement } from '../database/sql-statement.js';

/** What each rotation brings; the other parameters are the same for all. */
const ASKED: Record<string, ParameterType> = {
  id: 'uuid[]',
  n: 'bigint[]',
  now: 'bigint[]',
  accept_ahead: 'bigint[]',
  user_agent: 'text[]',
  ip: 'text[]',
};

const SHARED: Record<string, ParameterType> = {
  idle: 'bigint',
  absolute: 'bigint',
  not_before: 'bigint',
  leeway: 'bigint',
};

/** The names of what each rotation brings, and the parameter that has all of them. */
export const ASKED_NAMES = Object.keys(ASKED);

/**
 * The rotations of several sessions as one statement of PostgreSQL, each judged by its own row. A row that somebody
 * else holds is left out (SKIP LOCKED): it neither holds up the others nor can there be a deadlock. A rotation may be
 * lost, so the commit doesn't wait for the disk, and not for a standby either.
 * @param rotation the templates of a single one
 * @returns rows with `held_id` for each session that was looked at, and its columns where it was rotated
 */
export function rotateTogether(
  table: string,
  rotation: { readonly set: string; readonly where: string },
  columns: string,
): SqlStatement {
  const ofEach = new RegExp(`:(${ASKED_NAMES.join('|')})\\b`, 'g');
  const set = rotation.set.replace(ofEach, 'asked_$1');
  const where = rotation.where.replace(ofEach, 'asked_$1');
  return compile(
    'postgres',
    `WITH asked AS (
       SELECT each.*
       FROM unnest(${ASKED_NAMES.map((name) => `:${name}`).join(', ')})
              AS each(${ASKED_NAMES.map((name) => `asked_${name}`).join(', ')}),
            (SELECT set_config('synchronous_commit', 'off', true) AS set_to) AS durability
       WHERE set_to = 'off'
     ),
     held AS (
       SELECT id AS held_id FROM ${table} WHERE id IN (SELECT asked_id FROM asked)
       ORDER BY id FOR UPDATE SKIP LOCKED
     ),
     rotated AS (
       UPDATE ${table} SET ${set}
       FROM asked JOIN held ON held_id = asked_id
       WHERE id = held_id AND ${where}
       RETURNING ${columns}
     )
     SELECT held_id, rotated.* FROM held LEFT JOIN rotated ON id = held_id`,
    { ...ASKED, ...SHARED },
  );
}
