import { compile, type Dialect, type ParameterType, type SqlStatement } from '../database/sql-statement.js';

/** What the store says to the database. Each is one statement, its own transaction. */
export interface SessionStatements {
  readonly create: SqlStatement;
  readonly rotate: SqlStatement;
  readonly find: SqlStatement;
  readonly revoke: SqlStatement;
  readonly revokeSubject: SqlStatement;
}

const COLUMNS =
  'id, subject, client_id, scope, claims, used, issued, floor, created_at, last_used_at, expires_at, revoked_at';

const TYPES: Record<string, ParameterType> = {
  id: 'uuid',
  except_id: 'uuid',
  subject: 'text',
  client_id: 'text',
  scope: 'text',
  claims: 'text',
  reason: 'text',
  n: 'bigint',
  now: 'bigint',
  expires_at: 'bigint',
  idle: 'bigint',
  absolute: 'bigint',
  leeway: 'bigint',
  accept_ahead: 'bigint',
};

/** The statements for one database and table. */
export function sessionStatements(
  dialect: Dialect,
  table: string,
  lostResponse: 'forgive' | 'revoke',
): SessionStatements {
  const isGood = lostResponse === 'forgive' ? '(floor < :n OR used = :n)' : 'floor < :n';

  // The rule of rotation.ts, cases 1, 3 and 4: the row is the lock, and the order of the SET list is kept for
  // databases that assign from left to right. Case 1 (the token is ahead of the row) only where the caller has read
  // the row and asks for it by :accept_ahead, since a returned row doesn't tell that case from the others.
  const rotate = `
    UPDATE ${table} SET
      floor = CASE WHEN used = :n THEN floor ELSE GREATEST(issued, :n) END,
      used = :n,
      issued = GREATEST(:now, issued + 1, :n + 1),
      last_used_at = :now,
      expires_at = LEAST(:now + :idle, created_at + :absolute)
    WHERE id = :id
      AND revoked_at IS NULL
      AND created_at > :now - :absolute
      AND CASE WHEN issued < :n THEN :n + :idle ELSE expires_at END > :now
      AND CASE WHEN issued < :n THEN :accept_ahead = 1
               ELSE ${isGood} AND NOT (used > 0 AND ABS(:now - issued) < :leeway) END
    RETURNING ${COLUMNS}`;

  const create = `
    INSERT INTO ${table} (${COLUMNS})
    VALUES (:id, :subject, :client_id, :scope, :claims, 0, :now, 0, :now, :now, :expires_at, NULL)
    RETURNING ${COLUMNS}`;

  const find = `SELECT ${COLUMNS} FROM ${table} WHERE id = :id`;

  const revoke = `
    UPDATE ${table} SET revoked_at = :now, revoked_reason = :reason
    WHERE id = :id AND revoked_at IS NULL
    RETURNING id`;

  // Expired rows too: in a restored database, a token that is ahead of its row would bring one back.
  const revokeSubject = `
    UPDATE ${table} SET revoked_at = :now, revoked_reason = :reason
    WHERE subject = :subject AND (:except_id IS NULL OR id <> :except_id) AND revoked_at IS NULL
    RETURNING expires_at`;

  return {
    create: compile(dialect, create, TYPES),
    rotate: compile(dialect, rotate, TYPES),
    find: compile(dialect, find, TYPES),
    revoke: compile(dialect, revoke, TYPES),
    revokeSubject: compile(dialect, revokeSubject, TYPES),
  };
}
