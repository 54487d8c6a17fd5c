import { describe, expect, it } from '@jest/globals';
import { isBusy, isDeadEnd, isMissingTable, isRefused } from './database-errors.js';

/** As TypeORM wraps what a driver throws. */
function thrown(code: string, sqlState?: string): Error {
  return Object.assign(new Error('from the driver'), { driverError: Object.assign(new Error(), { code, sqlState }) });
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

  it.each([
    ['23505', undefined],
    ['P0001', undefined],
    ['40P01', undefined],
    ['ER_SIGNAL_EXCEPTION', '45000'],
    ['ER_SIGNAL_NOT_FOUND', '02000'],
    ['ER_NO_SUCH_TABLE', '42S02'],
    ['ER_DATA_TOO_LONG', '22001'],
    ['ER_LOCK_DEADLOCK', '40001'],
    ['ER_LOCK_WAIT_TIMEOUT', 'HY000'],
  ])('%s (%s) leaves nothing of the statement', (code, sqlState) => {
    expect(isRefused(thrown(code, sqlState))).toBe(true);
  });

  it.each([
    ['40003', undefined],
    ['57P01', undefined],
    ['ECONNRESET', undefined],
    ['PROTOCOL_CONNECTION_LOST', undefined],
    ['ER_SERVER_SHUTDOWN', '08S01'],
    ['ER_DISK_FULL', 'HY000'],
  ])('%s (%s) tells nothing of what became of the statement', (code, sqlState) => {
    expect(isRefused(thrown(code, sqlState))).toBe(false);
  });

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
