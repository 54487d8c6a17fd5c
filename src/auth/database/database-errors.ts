import { TimeLimitError } from '../runtime/time-limit.js';

/** How a database's driver says what happened: each pattern is held against the code of an error. */
export interface ErrorCodes {
  /** Nothing of the statement is left, and a repeat may succeed. */
  readonly busy: RegExp;
  /** The server takes no writes until it is another's turn, or may be such a server. */
  readonly deadEnd?: RegExp;
  /** The connection was lost, or the server took none. */
  readonly lost?: RegExp;
  /** What the driver says of a lost connection without a code, held against the message. */
  readonly lostMessage?: RegExp;
  /** The disk takes no writes: the disk is full, fails or is read-only. */
  readonly full: RegExp;
  /** A table or a column isn't there. */
  readonly missingTable?: RegExp;
  /** The same where the driver has one code for all kinds of errors, held against the message. */
  readonly missingTableMessage?: RegExp;
}

/** What an error of one database means. */
export interface DatabaseErrors {
  /** The statement was rolled back for certain and may be repeated. */
  isBusy(error: unknown): boolean;
  /** The server refused the statement: it was rolled back for certain, and only a part of it may be to blame. */
  isRefused(error: unknown): boolean;
  /** The connection is of no use any more: the server behind it takes no writes. */
  isDeadEnd(error: unknown): boolean;
  /** The connection was lost, or there was none: what became of the statement isn't known. */
  isLost(error: unknown): boolean;
  /** Nothing can be written, though the database answers. */
  isFull(error: unknown): boolean;
  /** A table or column isn't there: the migrations were not run. */
  isMissingTable(error: unknown): boolean;
}

/** The system's codes of a connection that was lost, or that nobody took: the same whichever server it led to. */
const SYSTEM_LOST = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/**
 * SQLSTATEs, the same on every server that has them, by which a statement was refused before its commit, for what it is
 * or met: a trigger's missing row, data, constraint, rollback, syntax or a missing table, a trigger's own refusal, state
 * of an object. Not those of a lost connection, a server on its way down or a completion unknown (40003): nobody knows
 * then whether the statement was committed.
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
