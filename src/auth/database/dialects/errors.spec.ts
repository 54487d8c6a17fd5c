import { describe, expect, it } from '@jest/globals';
import { TimeLimitError } from '../../runtime/time-limit.js';
import type { DatabaseErrors } from '../database-errors.js';
import { mariadb } from './mariadb.js';
import { postgres } from './postgres.js';
import { sqlite } from './sqlite.js';

const DIALECTS = { sqlite, postgres, mariadb };

/** A dialect's name, a driver's code, and the SQLSTATE where the driver has one beside the code. */
type Thrown = [name: keyof typeof DIALECTS, code: string, sqlState?: string | undefined];

function errorsOf(name: keyof typeof DIALECTS): DatabaseErrors {
  return DIALECTS[name].errors;
}

/** As TypeORM wraps what a driver throws. */
function thrown(code: string, sqlState?: string): Error {
  return Object.assign(new Error('from the driver'), { driverError: Object.assign(new Error(), { code, sqlState }) });
}

describe('an error of a database', () => {
  it.each<Thrown>([
    ['sqlite', 'SQLITE_BUSY'],
    ['sqlite', 'SQLITE_BUSY_SNAPSHOT'],
    ['sqlite', 'SQLITE_LOCKED'],
    ['postgres', '40001'],
    ['postgres', '40P01'],
    ['mariadb', 'ER_LOCK_DEADLOCK'],
    ['mariadb', 'ER_CHECKREAD'],
    ['mariadb', 'ER_DUP_ENTRY'],
  ])('%s: %s may be repeated, on the same connection', (name, code) => {
    expect(errorsOf(name).isBusy(thrown(code))).toBe(true);
    expect(errorsOf(name).isDeadEnd(thrown(code))).toBe(false);
  });

  it.each<Thrown>([
    ['postgres', '25006'],
    ['mariadb', 'ER_OPTION_PREVENTS_STATEMENT'],
    ['mariadb', 'ER_READ_ONLY_MODE'],
    ['mariadb', 'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION'],
    ['mariadb', 'ER_SERVER_SHUTDOWN'],
  ])('%s: %s ends the connection, and nothing is repeated', (name, code) => {
    expect(errorsOf(name).isDeadEnd(thrown(code))).toBe(true);
    expect(errorsOf(name).isBusy(thrown(code))).toBe(false);
  });

  it.each(['ER_LOCK_WAIT_TIMEOUT', 'ER_UNKNOWN_COM_ERROR'])(
    'mariadb: %s may be repeated, on another connection: it may lead to another node',
    (code) => {
      expect(mariadb.errors.isBusy(thrown(code))).toBe(true);
      expect(mariadb.errors.isDeadEnd(thrown(code))).toBe(true);
    },
  );

  // What became of the statement is not known, or it would fail again.
  it.each<Thrown>([
    ['sqlite', 'SQLITE_FULL'],
    ['sqlite', 'SQLITE_IOERR'],
    ['postgres', 'ECONNRESET'],
    ['postgres', '57P01'],
    ['postgres', '23505'],
    ['mariadb', 'ECONNRESET'],
    ['mariadb', 'PROTOCOL_CONNECTION_LOST'],
    ['mariadb', 'ER_DISK_FULL'],
  ])('%s: %s is not repeated', (name, code) => {
    expect(errorsOf(name).isBusy(thrown(code))).toBe(false);
  });

  it.each<Thrown>([
    ['postgres', '23505', undefined],
    ['postgres', 'P0001', undefined],
    ['postgres', '40P01', undefined],
    ['mariadb', 'ER_SIGNAL_EXCEPTION', '45000'],
    ['mariadb', 'ER_SIGNAL_NOT_FOUND', '02000'],
    ['mariadb', 'ER_NO_SUCH_TABLE', '42S02'],
    ['mariadb', 'ER_DATA_TOO_LONG', '22001'],
    ['mariadb', 'ER_LOCK_DEADLOCK', '40001'],
    ['mariadb', 'ER_LOCK_WAIT_TIMEOUT', 'HY000'],
  ])('%s: %s (%s) leaves nothing of the statement', (name, code, sqlState) => {
    expect(errorsOf(name).isRefused(thrown(code, sqlState))).toBe(true);
  });

  it.each<Thrown>([
    ['postgres', '40003', undefined],
    ['postgres', '57P01', undefined],
    ['postgres', 'ECONNRESET', undefined],
    ['mariadb', 'ECONNRESET', undefined],
    ['mariadb', 'PROTOCOL_CONNECTION_LOST', undefined],
    ['mariadb', 'ER_SERVER_SHUTDOWN', '08S01'],
    ['mariadb', 'ER_DISK_FULL', 'HY000'],
  ])('%s: %s (%s) tells nothing of what became of the statement', (name, code, sqlState) => {
    expect(errorsOf(name).isRefused(thrown(code, sqlState))).toBe(false);
  });

  it.each<Thrown>([
    ['postgres', '08006'],
    ['postgres', '57P01'],
    ['mariadb', 'PROTOCOL_CONNECTION_LOST'],
    ['mariadb', 'ER_SERVER_SHUTDOWN'],
    ...(['postgres', 'mariadb'] as const).flatMap((server) =>
      ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND'].map((code): Thrown => [server, code]),
    ),
  ])('%s: %s means that the connection is lost', (name, code) => {
    expect(errorsOf(name).isLost(thrown(code))).toBe(true);
  });

  it.each([
    ['pg without a code', new Error('Connection terminated unexpectedly')],
    ['no answer in time', new TimeLimitError(1)],
  ])('postgres: %s means that the connection is lost', (_, error) => {
    expect(postgres.errors.isLost(error)).toBe(true);
  });

  it.each<Thrown>([
    ['sqlite', 'SQLITE_FULL'],
    ['sqlite', 'SQLITE_IOERR_WRITE'],
    ['sqlite', 'SQLITE_READONLY'],
    ['postgres', '53100'],
    ['mariadb', 'ER_DISK_FULL'],
    ['mariadb', 'ER_RECORD_FILE_FULL'],
  ])('%s: %s means that the disk takes no writes', (name, code) => {
    expect(errorsOf(name).isFull(thrown(code))).toBe(true);
    expect(errorsOf(name).isLost(thrown(code))).toBe(false);
  });

  it.each<Thrown>([
    ['postgres', '42P01'],
    ['postgres', '42703'],
    ['mariadb', 'ER_NO_SUCH_TABLE'],
    ['mariadb', 'ER_BAD_FIELD_ERROR'],
  ])('%s: %s means that migrations are missing', (name, code) => {
    expect(errorsOf(name).isMissingTable(thrown(code))).toBe(true);
  });

  it('sqlite: its message tells that migrations are missing', () => {
    const error = Object.assign(new Error('no such table: t'), { code: 'SQLITE_ERROR' });
    expect(sqlite.errors.isMissingTable(error)).toBe(true);
  });

  it.each<Thrown>([
    ['mariadb', 'ER_PARSE_ERROR'],
    ['postgres', '42601'],
    ['mariadb', 'ER_LOCK_DEADLOCK'],
  ])('%s: %s does not', (name, code) => {
    expect(errorsOf(name).isMissingTable(thrown(code))).toBe(false);
  });

  it('means nothing to another database', () => {
    expect(postgres.errors.isBusy(thrown('ER_LOCK_DEADLOCK', '40001'))).toBe(false);
    expect(mariadb.errors.isBusy(thrown('40001'))).toBe(false);
    expect(sqlite.errors.isFull(thrown('53100'))).toBe(false);
  });
});
