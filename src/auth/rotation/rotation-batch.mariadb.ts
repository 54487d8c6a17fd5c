import type { Dialect } from '../database/dialect.js';
import type { WrittenTable } from '../database/sql-writes.js';
import {
  ASKED,
  askedIn,
  COMMON_TYPES,
  type RotationBatchStatement,
  type RotationValues,
} from './rotation-batch.statement.js';
import type { RotationTemplates } from './rotation.statement.js';

/**
 * JSON_TABLE's columns. Their character sets are not the database's own: an id in ASCII is compared with a column of
 * any character set by its index, and a user agent loses nothing.
 */
const TYPES: Record<(typeof ASKED)[number], string> = {
  id: 'varchar(36) CHARACTER SET ascii',
  n: 'bigint',
  now: 'bigint',
  accept_ahead: 'int',
  user_agent: 'varchar(512) CHARACTER SET utf8mb4',
  ip: 'varchar(45) CHARACTER SET ascii',
};

/**
 * An INSERT of rows that are there already, as in the dialect's `updateReturning`, joined with the parameters of each
 * rotation. The order of the join is fixed: in another order, the server would read and lock the whole table.
 */
export function rotationBatchOnMariadb(
  dialect: Dialect,
  { name: table, required }: WrittenTable,
  rotation: RotationTemplates,
  columns: string,
): RotationBatchStatement {
  const { set, where } = askedIn(rotation);
  const asked = `
    JSON_TABLE(:asked, '$[*]' COLUMNS (
      ${ASKED.map((name) => `asked_${name} ${TYPES[name]} PATH '$.${name}'`).join(', ')}
    )) AS asked
    STRAIGHT_JOIN ${table} FORCE INDEX (PRIMARY) ON id = asked_id`;
  const statement = dialect.compile(
    `INSERT INTO ${table} (${required.join(', ')})
     SELECT ${required.map((column) => `found_${column}`).join(', ')}
     FROM (
       SELECT asked.*, ${required.map((column) => `${column} AS found_${column}`).join(', ')}
       FROM ${asked}
       WHERE ${where}
       FOR UPDATE SKIP LOCKED
     ) AS found
     ON DUPLICATE KEY UPDATE ${set}
     RETURNING ${columns}, 1 AS is_rotated`,
    { asked: 'text', ...COMMON_TYPES },
  );
  const look = dialect.compile(`SELECT ${columns}, 0 AS is_rotated FROM ${asked} WHERE NOT (${where})`, {
    asked: 'text',
    ...COMMON_TYPES,
  });
  return {
    isForOneToo: false,
    statement,
    look,
    valuesOf: (batch) => ({ ...batch[0], asked: asciiJson(batch) }),
  };
}

/** JSON that is the same whatever the character set of the connection. */
function asciiJson(batch: readonly RotationValues[]): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(batch, [...ASKED]).replace(/[\u0080-\uffff]/g, escaped);
}
