import { TimeLimitError } from '../runtime/time-limit.js';

/** The codes by which a database's driver tells errors apart. Each pattern is matched against the code of an error. */
export interface ErrorCodes {
  /** The statement was rolled back, and a repeat may succeed. */
  readonly busy: RegExp;
  /**
   * The server behind the connection takes no writes, or may be such a server: another connection may lead elsewhere.
   */
  readonly deadEnd?: RegExp;
  /** The connection was lost, or the server took none. */
  readonly lost?: RegExp;
  /** A lost connection, where the driver gives no code: matched against the message. */
  readonly lostMessage?: RegExp;
  /** The disk takes no writes: the disk is full, fails or is read-only. */
  readonly full: RegExp;
  /** A table or a column isn't there. */
  readonly missingTable?: RegExp;
  /** The same, where the driver has one code for all kinds of errors: matched against the message. */
  readonly missingTableMessage?: RegExp;
}

/** Tells what an error of one database means. */
export interface DatabaseErrors {
  /** The statement was rolled back for certain and may be repeated. */
  isBusy(error: unknown): boolean;
  /** The server refused the statement: it was rolled back for certain, and only a part of it may be to blame. */
  isRefused(error: unknown): boolean;
  /** The connection is of no use any more: the server behind it takes no writes. */
  isDeadEnd(error: unknown): boolean;
  /** The connection was lost, or there was none: nobody knows whether the statement was committed. */
  isLost(error: unknown): boolean;
  /** The database answers, but its disk takes no writes. */
  isFull(error: unknown): boolean;
  /** A table or column isn't there: the migrations were not run. */
  isMissingTable(error: unknown): boolean;
}

/** The operating system's codes of a connection that was lost or refused. They are the same for every server. */
const SYSTEM_LOST = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/**
 * The SQLSTATEs of a statement that the server refused before its commit: a trigger's missing row (02), data (22), a
 * constraint (23), a rollback (40), syntax or a missing table (42), a trigger's own refusal (45, P0), the state of an
 * object (55). A lost connection, a server that shuts down and an unknown completion (40003) are not among them: nobody
 * knows then whether the statement was committed.
 */
const REFUSED = /^(?!40003)(02|22|23|40|42|45|55|P0)[0-9A-Z]{3}$/;

/** Tells what an error means, by the codes of one database. */
export function databaseErrors(codes: ErrorCodes): DatabaseErrors {
  const isBusy = (error: unknown) => codes.busy.test(codeOf(error));
  return {
    isBusy,
    isRefused: (error) => isBusy(error) || REFUSED.test(stateOf(error)),
    isDeadEnd: (error) => has(codes.deadEnd, codeOf(error)),
    isLost: (error) =>
      error instanceof TimeLimitError ||
      SYSTEM_LOST.test(codeOf(error)) ||
      has(codes.lost, codeOf(error)) ||
      has(codes.lostMessage, messageOf(error)),
    isFull: (error) => codes.full.test(codeOf(error)),
    isMissingTable: (error) =>
      has(codes.missingTable, codeOf(error)) || has(codes.missingTableMessage, messageOf(error)),
  };
}

function has(pattern: RegExp | undefined, text: string): boolean {
  return pattern?.test(text) ?? false;
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
