import { compile } from '../database/sql-statement.js';
import type { WrittenTable } from '../database/sql-writes.js';
import {
  ASKED,
  renamed,
  SHARED,
  type RotationTemplates,
  type SharedRotationStatement,
} from './shared-rotation.statement.js';

/** As the columns are, but for the id, which is compared with a column. */
const COLUMN_TYPES: Record<(typeof ASKED)[number], string> = {
  id: 'varchar(36) COLLATE utf8mb4_nopad_bin',
  n: 'bigint',
  now: 'bigint',
  accept_ahead: 'int',
  user_agent: 'varchar(512)',
  ip: 'varchar(45)',
};

/** The column in which the update of a row finds what its rotation brings. */
const CARRIERS: Record<string, string> = { n: 'used', now: 'issued', user_agent: 'user_agent', ip: 'ip' };

/**
 * An INSERT of rows that are there already, as in `updateReturning`: what would be inserted carries what each rotation
 * brings. The order of the join is given, since another one would read the whole table, and lock it.
 */
export function rotateTogetherOnMariadb(
  { name: table, required }: WrittenTable,
  rotation: RotationTemplates,
  columns: string,
): SharedRotationStatement {
  const set = renamed(rotation.set, (name) => `VALUES(${CARRIERS[name]})`);
  const where = renamed(rotation.where, (name) => `asked_${name}`);
  const carried = Object.entries(CARRIERS);
  const kept = required.filter((column) => !carried.some(([, carrier]) => carrier === column));
  const asked = `
    JSON_TABLE(:asked, '$[*]' COLUMNS (
      ${ASKED.map((name) => `asked_${name} ${COLUMN_TYPES[name]} PATH '$.${name}'`).join(', ')}
    )) AS asked
    STRAIGHT_JOIN ${table} FORCE INDEX (PRIMARY) ON id = asked_id`;
  const statement = compile(
    'mariadb',
    `INSERT INTO ${table} (${[...kept, ...carried.map(([, carrier]) => carrier)].join(', ')})
     SELECT ${[...kept.map((column) => `found_${column}`), ...carried.map(([name]) => `asked_${name}`)].join(', ')}
     FROM (
       SELECT asked.*, ${kept.map((column) => `${column} AS found_${column}`).join(', ')}
       FROM ${asked}
       WHERE ${where}
       FOR UPDATE SKIP LOCKED
     ) AS found
     ON DUPLICATE KEY UPDATE ${set}
     RETURNING ${columns}, true AS is_rotated`,
    { asked: 'text', ...SHARED },
  );
  const look = compile(
    'mariadb',
    `SELECT ${columns}, false AS is_rotated FROM ${asked} LOCK IN SHARE MODE SKIP LOCKED`,
    { asked: 'text' },
  );
  return {
    isForOneToo: false,
    statement,
    look,
    valuesOf: (together) => ({ ...together[0], asked: JSON.stringify(together, [...ASKED]) }),
  };
}
