import { describe, expect, it } from '@jest/globals';
import { isBusy, isDeadEnd, isMissingTable } from './database-errors.js';

/** As TypeORM wraps what a driver throws. */
function thrown(code: string): Error {
  return Object.assign(new Error('from the driver'), { driverError: Object.assign(new Error(), { code }) });
}

describe('an error of a database', () => {
  it.each([
    'SQLITE_BUSY',
    'SQLITE_BUSY_SNAPSHOT',
    'SQLITE_LOCKED',
    '40001',
    '40P01',
    'ER_LOCK_DEADLOCK',
    'ER_CHECKREAD',
    'ER_DUP_ENTRY',
  ])('%s may be repeated, on the same connection', (code) => {
    expect(isBusy(thrown(code))).toBe(true);
    expect(isDeadEnd(thrown(code))).toBe(false);
  });

  it.each([
    '25006',
    'ER_OPTION_PREVENTS_STATEMENT',
    'ER_READ_ONLY_MODE',
    'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
    'ER_SERVER_SHUTDOWN',
  ])('%s ends the connection, and nothing is repeated', (code) => {
    expect(isDeadEnd(thrown(code))).toBe(true);
    expect(isBusy(thrown(code))).toBe(false);
  });

  it.each(['ER_LOCK_WAIT_TIMEOUT', 'ER_UNKNOWN_COM_ERROR'])(
    '%s may be repeated, on another connection: it may lead to another node',
    (code) => {
      expect(isBusy(thrown(code))).toBe(true);
      expect(isDeadEnd(thrown(code))).toBe(true);
    },
  );

  // What became of the statement is not known, or it would fail again.
  it.each(['ECONNRESET', 'PROTOCOL_CONNECTION_LOST', '57P01', 'SQLITE_FULL', 'SQLITE_IOERR', 'ER_DISK_FULL', '23505'])(
    '%s is not repeated',
    (code) => {
      expect(isBusy(thrown(code))).toBe(false);
    },
  );

  it.each(['42P01', '42703', 'ER_NO_SUCH_TABLE', 'ER_BAD_FIELD_ERROR'])(
    '%s means that migrations are missing',
    (code) => {
      expect(isMissingTable(thrown(code))).toBe(true);
    },
  );

  it.each(['ER_PARSE_ERROR', '42601', 'ER_LOCK_DEADLOCK'])('%s does not', (code) => {
    expect(isMissingTable(thrown(code))).toBe(false);
  });
});
