import { compile, type Dialect, type ParameterType, type SqlStatement } from '../database/sql-statement.js';
import { insertUnlessThere, updateReturning, type RowUpdate, type WrittenTable } from '../database/sql-writes.js';
import { rotateTogetherOnMariadb } from '../rotation/rotation-batch.mariadb.js';
import { rotateTogetherOnPostgres } from '../rotation/rotation-batch.postgres.js';
import type { SharedRotationStatement } from '../rotation/rotation-batch.statement.js';

/** What the store says to the database. Each is one statement, its own transaction. */
export interface SessionStatements {
  readonly create: SqlStatement;
  readonly adopt: SqlStatement;
  readonly rotate: SqlStatement;
  readonly rotateAs: SqlStatement;
  /** Several sessions' rotations at once; `undefined` where one by one is as fast. */
  readonly rotateTogether: SharedRotationStatement | undefined;
  readonly find: SqlStatement;
  readonly list: SqlStatement;
  readonly revoke: SqlStatement;
  readonly revokeSubject: SqlStatement;
  readonly revokeBeyond: SqlStatement;
  readonly revokeOthers: SqlStatement;
  readonly probe: SqlStatement;
  readonly rename: SqlStatement;
  readonly amend: SqlStatement;
}

/** What the statements depend on. */
export interface StatementOptions {
  readonly lostResponse: 'forgive' | 'revoke';
  readonly recordDevice: boolean;
}

const COLUMNS = `id, subject, client_id, scope, claims, used, issued, floor, created_at, last_used_at, expires_at,
  revoked_at, recovered, label, user_agent, ip`;

/** Columns without a default that take no null. */
const REQUIRED = ['id', 'subject', 'used', 'issued', 'floor', 'created_at', 'last_used_at', 'expires_at'];

/** A new session's columns and what they start with; the others have defaults. */
const NEW_ROW = {
  id: ':id',
  subject: ':subject',
  client_id: ':client_id',
  scope: ':scope',
  claims: ':claims',
  used: '0',
  issued: ':first',
  // No token before the first was ever handed out; and the row takes up its room from the start.
  floor: ':first - 1',
  created_at: ':now',
  last_used_at: ':now',
  expires_at: ':expires_at',
  label: ':label',
  user_agent: ':user_agent',
  ip: ':ip',
};

const TYPES: Record<string, ParameterType> = {
  id: 'uuid',
  except_id: 'uuid',
  after_id: 'uuid',
  subject: 'text',
  client_id: 'text',
  scope: 'text',
  claims: 'text',
  label: 'text',
  user_agent: 'text',
  ip: 'text',
  reason: 'text',
  n: 'bigint',
  now: 'bigint',
  first: 'bigint',
  expires_at: 'bigint',
  idle: 'bigint',
  absolute: 'bigint',
  not_before: 'bigint',
  leeway: 'bigint',
  accept_ahead: 'bigint',
  set_claims: 'bigint',
  set_scope: 'bigint',
  after_created_at: 'bigint',
  limit: 'bigint',
};

/** The statements for one database and table. */
export function sessionStatements(
  dialect: Dialect,
  table: string,
  { lostResponse, recordDevice }: StatementOptions,
): SessionStatements {
  const statement = (template: string) => compile(dialect, template, TYPES);
  const written: WrittenTable = { name: table, key: 'id', required: REQUIRED };
  const update = (parts: Omit<RowUpdate, 'returning'>) =>
    statement(updateReturning(dialect, written, { ...parts, returning: COLUMNS }));

  const isWithinAbsoluteLife = 'created_at > :now - :absolute AND created_at >= :not_before';
  const isLive = `revoked_at IS NULL AND expires_at > :now AND ${isWithinAbsoluteLife}`;
  const isGood = lostResponse === 'forgive' ? '(floor < :n OR used = :n)' : 'floor < :n';
  // Where devices aren't recorded, what was recorded before goes at the next rotation.
  const device = recordDevice
    ? 'user_agent = COALESCE(:user_agent, user_agent), ip = COALESCE(:ip, ip)'
    : 'user_agent = NULL, ip = NULL';
  const amendments = `
    claims = CASE WHEN :set_claims = 1 THEN :claims ELSE claims END,
    scope = CASE WHEN :set_scope = 1 THEN :scope ELSE scope END`;

  // The rule of rotation.ts, cases 1, 3 and 4: the row is the lock, and the order of the SET list is kept for
  // databases that assign from left to right. Case 1 (the token is ahead of the row) only where the caller has read
  // the row and asks for it by :accept_ahead, since a returned row doesn't tell that case from the others.
  const rotation = {
    set: `
        floor = CASE WHEN used = :n THEN floor ELSE GREATEST(issued, :n) END,
        recovered = CASE WHEN used = :n THEN recovered + 1 ELSE 0 END,
        used = :n,
        issued = GREATEST(:now, issued + 1, :n + 1),
        last_used_at = :now,
        expires_at = LEAST(:now + :idle, created_at + :absolute),
        ${device}`,
    where: `revoked_at IS NULL
        AND ${isWithinAbsoluteLife}
        AND CASE WHEN issued < :n THEN :n + :idle ELSE expires_at END > :now
        AND CASE WHEN issued < :n THEN :accept_ahead = 1
                 ELSE ${isGood} AND NOT (used > 0 AND ABS(:now - issued) < :leeway) END`,
  };
  const rotate = (more = '') => update({ set: rotation.set + more, where: `id = :id AND ${rotation.where}` });

  const end = 'revoked_at = :now, revoked_reason = :reason';

  // A login keeps itself and the newest of the others. Logins that race lock the rows in one order, so that one sees
  // what the other has ended; whoever was ended by another ends nobody.
  const makeRoom = (isCounted: string, limit: string) =>
    update({
      with: `
        ranked AS (
          SELECT id AS ranked_id,
                 ROW_NUMBER() OVER (ORDER BY CASE WHEN id = :id THEN 0 ELSE 1 END, created_at DESC, id DESC) AS place,
                 MAX(CASE WHEN id = :id THEN 1 ELSE 0 END) OVER () AS counts_new
          FROM (
            SELECT id, created_at FROM ${table} WHERE subject = :subject AND ${isCounted}
            ORDER BY id ${dialect === 'sqlite' ? '' : 'FOR UPDATE'}
          ) AS counted
        )`,
      set: end,
      where: `id IN (SELECT ranked_id FROM ranked WHERE place > ${limit} AND counts_new = 1)`,
    });

  const togetherOn = {
    sqlite: undefined,
    cockroach: undefined,
    postgres: rotateTogetherOnPostgres,
    mariadb: rotateTogetherOnMariadb,
  };

  return {
    create: statement(`
      INSERT INTO ${table} (${Object.keys(NEW_ROW).join(', ')}) VALUES (${Object.values(NEW_ROW).join(', ')})
      RETURNING ${COLUMNS}`),
    adopt: statement(insertUnlessThere(dialect, written, NEW_ROW, COLUMNS)),
    rotate: rotate(),
    rotateAs: rotate(`, ${amendments}`),
    rotateTogether: togetherOn[dialect]?.(written, rotation, COLUMNS),
    probe: statement(`SELECT ${COLUMNS} FROM ${table} LIMIT 0`),
    find: statement(`SELECT ${COLUMNS} FROM ${table} WHERE id = :id`),
    list: statement(`
      SELECT ${COLUMNS} FROM ${table}
      WHERE subject = :subject AND ${isLive}
        AND (created_at < :after_created_at OR (created_at = :after_created_at AND id < :after_id))
      ORDER BY created_at DESC, id DESC
      LIMIT :limit`),
    revoke: update({
      set: end,
      where: 'id = :id AND (:subject IS NULL OR subject = :subject) AND revoked_at IS NULL',
    }),
    // Expired rows too: in a restored database, a token that is ahead of its row would bring one back.
    revokeSubject: update({
      set: end,
      where: 'subject = :subject AND (:except_id IS NULL OR id <> :except_id) AND revoked_at IS NULL',
    }),
    revokeBeyond: makeRoom(isLive, ':limit'),
    // Expired rows too, as above.
    revokeOthers: makeRoom('revoked_at IS NULL', '1'),
    rename: update({
      set: 'label = :label',
      where: `id = :id AND (:subject IS NULL OR subject = :subject) AND ${isLive}`,
    }),
    amend: update({ set: amendments, where: 'subject = :subject AND revoked_at IS NULL' }),
  };
}
