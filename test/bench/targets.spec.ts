import { describe, expect, it } from '@jest/globals';
import { findings, measurement, round } from './findings.fixture.js';
import type { Measurement } from './measurement.js';
import type { SizeResult } from './size-measurement.js';
import { targetsOf } from './targets.js';

const MEBIBYTE = 1_048_576;

function verdictOf(what: string, measurements: readonly Measurement[], size: SizeResult | null = null) {
  const targets = targetsOf(findings(measurements, { size })).filter((target) => target.what === what);
  expect(targets).toHaveLength(1);
  return targets[0]?.verdict;
}

/** A file of 1,000 sessions, in bytes without what an empty file takes. */
function sizeOf(before: number, after: number, rowsAfter = 1_000): SizeResult {
  return {
    sessions: 1_000,
    refreshes: 100,
    before: { asWritten: before + 4_000, vacuumed: before + 1_000, rows: 1_000 },
    after: { asWritten: after + 4_000, vacuumed: after + 1_000, rows: rowsAfter },
    empty: 1_000,
  };
}

describe('targetsOf', () => {
  it('has a verdict for no target that was not measured', () => {
    const targets = targetsOf(findings([]));
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.every(({ verdict, measured }) => verdict === 'not measured' && measured === null)).toBe(true);
  });

  it.each([
    ['Express + SQLite, of bare Express', 'express/sqlite/leeway-0/1k', 'express/bare', 600],
    ['Fastify + SQLite, of bare Express', 'fastify/sqlite/leeway-0/1k', 'express/bare', 1_150],
    ['Express: PostgreSQL, of SQLite', 'express/postgresql/leeway-0/1k', 'express/sqlite/leeway-0/1k', 600],
    ['Fastify: PostgreSQL, of SQLite', 'fastify/postgresql/leeway-0/1k', 'fastify/sqlite/leeway-0/1k', 600],
    ['Express + SQLite: 1 M sessions, of 1 k', 'express/sqlite/leeway-0/1m', 'express/sqlite/leeway-0/1k', 900],
    ['Fastify + MariaDB: 1 M sessions, of 1 k', 'fastify/mariadb/leeway-0/1m', 'fastify/mariadb/leeway-0/1k', 900],
  ])('%s: met from its limit on', (what, of, to, limit) => {
    const verdict = (speed: number) => verdictOf(what, [measurement(of, round(speed)), measurement(to, round(1_000))]);
    expect([verdict(limit - 1), verdict(limit), verdict(limit + 1)]).toEqual(['not met', 'met', 'met']);
  });

  it.each([
    [[500, 610, 620], 'met'],
    [[500, 590, 700], 'not met'],
  ])('judges the median of the rounds: of %p, it is %s', (speeds, verdict) => {
    const service = measurement('express/sqlite/leeway-0/1k', ...speeds.map((speed) => round(speed)));
    const base = measurement('express/bare', ...speeds.map(() => round(1_000)));
    expect(verdictOf('Express + SQLite, of bare Express', [service, base])).toBe(verdict);
  });

  it.each([
    [350, 'met'],
    [351, 'not met'],
  ])('a session of %p bytes, without what an empty file takes: %s', (bytes, verdict) => {
    expect(verdictOf('bytes a session on SQLite', [], sizeOf(bytes * 1_000, bytes * 1_000))).toBe(verdict);
  });

  it.each([
    [30_000, 'met'],
    [31_500, 'met'],
    [31_501, 'not met'],
  ])('30,000 bytes that have become %p: %s', (after, verdict) => {
    expect(verdictOf('bytes after 100 refreshes a session, vacuumed', [], sizeOf(30_000, after))).toBe(verdict);
  });

  it.each([
    [1_000, 'met'],
    [1_001, 'not met'],
  ])('1,000 rows that have become %p: %s', (after, verdict) => {
    expect(verdictOf('rows after 100 refreshes a session', [], sizeOf(1, 1, after))).toBe(verdict);
  });

  it('has no verdict on a file of few sessions', () => {
    const size = { ...sizeOf(1, 1), sessions: 999 };
    expect(verdictOf('bytes a session on SQLite', [], size)).toBe('not measured');
  });

  it.each([
    [160 * MEBIBYTE, 'met'],
    [160 * MEBIBYTE + 4_096, 'not met'],
  ])('%p bytes of memory: %s', (peakMemory, verdict) => {
    const measured = measurement('express/sqlite/leeway-0/1m', round(1_000, { peakMemory }));
    expect(verdictOf('Express + SQLite: peak memory with 1 M sessions', [measured])).toBe(verdict);
  });
});
