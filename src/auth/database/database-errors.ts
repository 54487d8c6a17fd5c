import { TimeLimitError } from '../runtime/time-limit.js';

/** Codes of errors after which nothing of the statement is left, and a repeat may succeed. */
const BUSY = new RegExp(
  [
    // SQLite: another process writes.
    '^(SQLITE_BUSY|SQLITE_LOCKED)',
    // PostgreSQL, CockroachDB: a serialization failure, a deadlock.
    '^(40001|40P01)$',
    // MariaDB: a deadlock, which is also what a cluster calls a conflict with another node; a row that has changed
    // since the snapshot; a row that came in between (`insertUnlessThere`).
    '^(ER_LOCK_DEADLOCK|ER_CHECKREAD|ER_DUP_ENTRY)$',
    // A lock that was waited for too long; or the node isn't part of its cluster, which goes by either name, the first
    // where the statement was to wait for the other nodes (`wsrep_sync_wait`).
    '^(ER_LOCK_WAIT_TIMEOUT|ER_UNKNOWN_COM_ERROR)$',
  ].join('|'),
);

/** Codes of errors by a server that can't be written to until it is another's turn, or may be one. */
const DEAD_END = new RegExp(
  [
    // PostgreSQL: it was demoted to a standby.
    '^25006$',
    // MariaDB: it was demoted; it shuts down; it isn't part of its cluster.
    '^(ER_OPTION_PREVENTS_STATEMENT|ER_READ_ONLY_MODE|ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION)$',
    '^(ER_SERVER_SHUTDOWN|ER_LOCK_WAIT_TIMEOUT|ER_UNKNOWN_COM_ERROR)$',
  ].join('|'),
);

/** Codes of a connection that was lost, or that nobody took: of PostgreSQL, of mysql2, and of the system. */
const LOST = new RegExp(
  [
    '^(08[0-9A-Z]{3}|57P0[123]|PROTOCOL_CONNECTION_LOST|ER_SERVER_SHUTDOWN)$',
    '^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$',
  ].join('|'),
);
/** What pg says without a code. */
const LOST_MESSAGE = /Connection terminated|timeout exceeded when trying to connect/;

/** Codes of a disk that takes no writes: it is full, it fails, it is read-only. */
const FULL = /^(SQLITE_FULL|SQLITE_IOERR|SQLITE_READONLY|53100$|ER_DISK_FULL$|ER_RECORD_FILE_FULL$)/;

/** Codes of a table or a column that isn't there, of PostgreSQL and of MariaDB. */
const MISSING_TABLE = /^(42P01|42703|ER_NO_SUCH_TABLE|ER_BAD_FIELD_ERROR)$/;

/**
 * SQLSTATEs by which a statement was refused, before its commit, for what it is or met: a trigger's missing row, data,
 * constraint, rollback, syntax or a missing table, a trigger's own refusal, state of an object. Not those of a lost
 * connection, a server on its way down or a completion unknown (40003): nobody knows then whether it was committed.
 */
const REFUSED = /^(?!40003)(02|22|23|40|42|45|55|P0)[0-9A-Z]{3}$/;

/** The statement was rolled back for certain and may be repeated. */
export function isBusy(error: unknown): boolean {
  return BUSY.test(codeOf(error));
}

/** The server refused the statement: it was rolled back for certain, and only a part of it may be to blame. */
export function isRefused(error: unknown): boolean {
  return isBusy(error) || REFUSED.test(stateOf(error));
}

/** The connection is of no use any more: the server behind it takes no writes. */
export function isDeadEnd(error: unknown): boolean {
  return DEAD_END.test(codeOf(error));
}

/** The connection was lost, or there was none: what became of the statement isn't known. */
export function isLost(error: unknown): boolean {
  if (error instanceof TimeLimitError || LOST.test(codeOf(error))) return true;
  return LOST_MESSAGE.test(messageOf(error));
}

/** Nothing can be written, though the database answers. */
export function isFull(error: unknown): boolean {
  return FULL.test(codeOf(error));
}

/** Whether a statement failed because its table or column isn't there: the migrations were not run. */
export function isMissingTable(error: unknown): boolean {
  // SQLite has one code for all of its kind.
  return MISSING_TABLE.test(codeOf(error)) || /no such table|no such column|has no column/.test(messageOf(error));
}

/** A native driver's errors may be of another realm: no `instanceof`. */
function messageOf(error: unknown): string {
  return String((error as { message?: unknown } | undefined)?.message);
}

/** The SQLSTATE of a server's error: pg has it as the code. */
function stateOf(error: unknown): string {
  const { sqlState, driverError } = error as { sqlState?: unknown; driverError?: { sqlState?: unknown } };
  return String(driverError?.sqlState ?? sqlState ?? codeOf(error));
}

/** The driver's code of an error, under TypeORM's wrapping or bare. */
function codeOf(error: unknown): string {
  const { code, driverError } = error as { code?: unknown; driverError?: { code?: unknown } };
  return String(driverError?.code ?? code);
}
