import type { Dialect } from '../database/dialect.js';
import type { ParameterTypes, SqlStatement } from '../database/sql-statement.js';
import type { RowUpdate, WrittenTable } from '../database/sql-writes.js';
import { rotationBatchStatement } from '../rotation/rotation-batch.dialects.js';
import type { RotationBatchStatement } from '../rotation/rotation-batch.statement.js';
import { IS_LIVE, rotationTemplates, type RotationStatementOptions } from '../rotation/rotation.statement.js';

/** The statements of the store. Each is its own transaction. */
export interface SessionStatements {
  readonly create: SqlStatement;
  readonly adopt: SqlStatement;
  readonly rotate: SqlStatement;
  readonly rotateAs: SqlStatement;
  /** Several sessions' rotations at once; `undefined` where one by one is as fast. */
  readonly rotateBatch: RotationBatchStatement | undefined;
  readonly find: SqlStatement;
  readonly list: SqlStatement;
  readonly end: SqlStatement;
  readonly endAll: SqlStatement;
  readonly endBeyond: SqlStatement;
  readonly endOthers: SqlStatement;
  readonly probe: SqlStatement;
  readonly rename: SqlStatement;
  readonly amend: SqlStatement;
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

const TYPES: ParameterTypes = {
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
  options: RotationStatementOptions,
): SessionStatements {
  const statement = (template: string) => dialect.compile(template, TYPES);
  const written: WrittenTable = { name: table, key: 'id', required: REQUIRED };
  const update = (parts: Omit<RowUpdate, 'returning'>) =>
    statement(dialect.updateReturning(written, { ...parts, returning: COLUMNS }));

  const amendments = `
    claims = CASE WHEN :set_claims = 1 THEN :claims ELSE claims END,
    scope = CASE WHEN :set_scope = 1 THEN :scope ELSE scope END`;

  const rotation = rotationTemplates(options);
  const rotate = (more = '') => update({ set: rotation.set + more, where: `id = :id AND ${rotation.where}` });

  const ENDED = 'revoked_at = :now, revoked_reason = :reason';

  // A login keeps its own session and the newest of the others. Logins that race lock the rows in one order, so that
  // one sees what the other has ended; a login whose session another one has ended ends nobody's.
  const makeRoom = (isCounted: string, limit: string) =>
    update({
      with: `
        ranked AS (
          SELECT id AS ranked_id,
                 ROW_NUMBER() OVER (ORDER BY CASE WHEN id = :id THEN 0 ELSE 1 END, created_at DESC, id DESC) AS place,
                 MAX(CASE WHEN id = :id THEN 1 ELSE 0 END) OVER () AS counts_new
          FROM (
            SELECT id, created_at FROM ${table} WHERE subject = :subject AND ${isCounted}
            ORDER BY id ${dialect.rowLock}
          ) AS counted
        )`,
      set: ENDED,
      where: `id IN (SELECT ranked_id FROM ranked WHERE place > ${limit} AND counts_new = 1)`,
    });

  return {
    create: statement(`
      INSERT INTO ${table} (${Object.keys(NEW_ROW).join(', ')}) VALUES (${Object.values(NEW_ROW).join(', ')})
      RETURNING ${COLUMNS}`),
    adopt: statement(dialect.insertUnlessThere(written, NEW_ROW, COLUMNS)),
    rotate: rotate(),
    rotateAs: rotate(`, ${amendments}`),
    rotateBatch: rotationBatchStatement(dialect, written, rotation, COLUMNS),
    probe: statement(`SELECT ${COLUMNS} FROM ${table} LIMIT 0`),
    find: statement(`SELECT ${COLUMNS} FROM ${table} WHERE id = :id`),
    list: statement(`
      SELECT ${COLUMNS} FROM ${table}
      WHERE subject = :subject AND ${IS_LIVE}
        AND (created_at < :after_created_at OR (created_at = :after_created_at AND id < :after_id))
      ORDER BY created_at DESC, id DESC
      LIMIT :limit`),
    end: update({
      set: ENDED,
      where: 'id = :id AND (:subject IS NULL OR subject = :subject) AND revoked_at IS NULL',
    }),
    // Expired rows too: in a restored database, a token that is ahead of its row would bring one back.
    endAll: update({
      set: ENDED,
      where: 'subject = :subject AND (:except_id IS NULL OR id <> :except_id) AND revoked_at IS NULL',
    }),
    endBeyond: makeRoom(IS_LIVE, ':limit'),
    // Expired rows too, as above.
    endOthers: makeRoom('revoked_at IS NULL', '1'),
    rename: update({
      set: 'label = :label',
      where: `id = :id AND (:subject IS NULL OR subject = :subject) AND ${IS_LIVE}`,
    }),
    amend: update({ set: amendments, where: 'subject = :subject AND revoked_at IS NULL' }),
  };
}
