import { compile, type Dialect, type ParameterType, type SqlStatement } from '../database/sql-statement.js';

/** What the store says to the database. Each is one statement, its own transaction. */
export interface SessionStatements {
  readonly create: SqlStatement;
  readonly adopt: SqlStatement;
  readonly rotate: SqlStatement;
  readonly rotateAs: SqlStatement;
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
  const rotate = (more = '') => `
    UPDATE ${table} SET
      floor = CASE WHEN used = :n THEN floor ELSE GREATEST(issued, :n) END,
      recovered = CASE WHEN used = :n THEN recovered + 1 ELSE 0 END,
      used = :n,
      issued = GREATEST(:now, issued + 1, :n + 1),
      last_used_at = :now,
      expires_at = LEAST(:now + :idle, created_at + :absolute),
      ${device}${more}
    WHERE id = :id
      AND revoked_at IS NULL
      AND ${isWithinAbsoluteLife}
      AND CASE WHEN issued < :n THEN :n + :idle ELSE expires_at END > :now
      AND CASE WHEN issued < :n THEN :accept_ahead = 1
               ELSE ${isGood} AND NOT (used > 0 AND ABS(:now - issued) < :leeway) END
    RETURNING ${COLUMNS}`;

  const create = (onConflict = '') => `
    INSERT INTO ${table} (${COLUMNS})
    VALUES (:id, :subject, :client_id, :scope, :claims, 0, :first, 0, :now, :now, :expires_at,
            NULL, 0, :label, :user_agent, :ip)
    ${onConflict}
    RETURNING ${COLUMNS}`;

  // A login keeps itself and the newest of the others. Logins that race lock the rows in one order, so that one sees
  // what the other has ended; whoever was ended by another ends nobody.
  const makeRoom = (isCounted: string, limit: string) => `
    WITH counted AS (
      SELECT id, created_at FROM ${table} WHERE subject = :subject AND ${isCounted}
      ORDER BY id ${dialect === 'postgres' ? 'FOR UPDATE' : ''}
    )
    UPDATE ${table} SET revoked_at = :now, revoked_reason = :reason
    WHERE id IN (SELECT id FROM counted)
      AND id NOT IN (SELECT id FROM counted
                     ORDER BY CASE WHEN id = :id THEN 0 ELSE 1 END, created_at DESC, id DESC LIMIT ${limit})
      AND EXISTS (SELECT 1 FROM counted WHERE id = :id)
    RETURNING ${COLUMNS}`;

  return {
    create: statement(create()),
    adopt: statement(create('ON CONFLICT (id) DO NOTHING')),
    rotate: statement(rotate()),
    rotateAs: statement(rotate(`, ${amendments}`)),
    probe: statement(`SELECT ${COLUMNS} FROM ${table} LIMIT 0`),
    find: statement(`SELECT ${COLUMNS} FROM ${table} WHERE id = :id`),
    list: statement(`
      SELECT ${COLUMNS} FROM ${table}
      WHERE subject = :subject AND ${isLive}
        AND (created_at < :after_created_at OR (created_at = :after_created_at AND id < :after_id))
      ORDER BY created_at DESC, id DESC
      LIMIT :limit`),
    revoke: statement(`
      UPDATE ${table} SET revoked_at = :now, revoked_reason = :reason
      WHERE id = :id AND (:subject IS NULL OR subject = :subject) AND revoked_at IS NULL
      RETURNING ${COLUMNS}`),
    // Expired rows too: in a restored database, a token that is ahead of its row would bring one back.
    revokeSubject: statement(`
      UPDATE ${table} SET revoked_at = :now, revoked_reason = :reason
      WHERE subject = :subject AND (:except_id IS NULL OR id <> :except_id) AND revoked_at IS NULL
      RETURNING ${COLUMNS}`),
    revokeBeyond: statement(makeRoom(isLive, ':limit')),
    // Expired rows too, as above.
    revokeOthers: statement(makeRoom('revoked_at IS NULL', '1')),
    rename: statement(`
      UPDATE ${table} SET label = :label
      WHERE id = :id AND (:subject IS NULL OR subject = :subject) AND ${isLive}
      RETURNING ${COLUMNS}`),
    amend: statement(`
      UPDATE ${table} SET ${amendments}
      WHERE subject = :subject AND revoked_at IS NULL
      RETURNING ${COLUMNS}`),
  };
}
