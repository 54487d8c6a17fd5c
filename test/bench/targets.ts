import { ADAPTERS, DATABASE_KINDS, nameOf } from './contenders.js';
import { DENOMINATOR, relativeSpeed, type Findings } from './report.js';
import { bytesPerSession } from './size.js';
import type { Spread } from './statistics.js';

export type Verdict = 'met' | 'not met' | 'not measured';

/** One thing that was to be reached, and what became of it. */
export interface Target {
  readonly what: string;
  readonly bound: 'at least' | 'at most';
  readonly limit: number;
  readonly unit: '×' | '%' | 'rows' | 'bytes' | 'MiB';
  /** `null` where this run has not measured it. */
  readonly measured: Spread | null;
  readonly verdict: Verdict;
}

const FEW = 1_000;
const MANY = 1_000_000;
const MEBIBYTE = 1_048_576;

/** A file grows by whole pages: of fewer sessions it says too little. */
const SESSIONS_THAT_SAY_ENOUGH = 1_000;

/** All targets, with what a run says of them. */
export function targetsOf({ figures, size: measuredSize }: Pick<Findings, 'figures' | 'size'>): Target[] {
  const size = measuredSize && measuredSize.sessions >= SESSIONS_THAT_SAY_ENOUGH ? measuredSize : null;
  const speed = (what: string, limit: number, of: string, to: string) =>
    target(what, 'at least', limit, '×', relativeSpeed(figures, of, to));
  const peak = (name: string) => figures.find((figure) => figure.name === name)?.peakMemory ?? undefined;

  return [
    speed('Express + SQLite, of bare Express', 0.6, nameOf('Express', 'SQLite', FEW, 'none'), DENOMINATOR),
    speed('Fastify + SQLite, of bare Express', 1.15, nameOf('Fastify', 'SQLite', FEW, 'none'), DENOMINATOR),
    ...ADAPTERS.map((adapter) =>
      speed(
        `${adapter}: PostgreSQL, of SQLite`,
        0.6,
        nameOf(adapter, 'PostgreSQL', FEW, 'none'),
        nameOf(adapter, 'SQLite', FEW, 'none'),
      ),
    ),
    ...ADAPTERS.flatMap((adapter) =>
      DATABASE_KINDS.map((database) =>
        speed(
          `${adapter} + ${database}: 1 M sessions, of 1 k`,
          0.9,
          nameOf(adapter, database, MANY, 'none'),
          nameOf(adapter, database, FEW, 'none'),
        ),
      ),
    ),
    target(
      'rows after 100 refreshes a session',
      'at most',
      0,
      'rows',
      size && single(size.after.rows - size.before.rows),
    ),
    target('bytes after 100 refreshes a session, vacuumed', 'at most', 5, '%', size && single(growth(size))),
    target('bytes a session on SQLite', 'at most', 350, 'bytes', size && single(bytesPerSession(size).before)),
    ...ADAPTERS.flatMap((adapter) =>
      DATABASE_KINDS.map((database) => {
        const bytes = peak(nameOf(adapter, database, MANY, 'none'));
        const what = `${adapter} + ${database}: peak memory with 1 M sessions`;
        return target(what, 'at most', 160, 'MiB', bytes === undefined ? null : single(bytes / MEBIBYTE));
      }),
    ),
  ];
}

function target(
  what: string,
  bound: Target['bound'],
  limit: number,
  unit: Target['unit'],
  measured: Spread | null | undefined,
): Target {
  if (!measured) return { what, bound, limit, unit, measured: null, verdict: 'not measured' };
  const isMet = bound === 'at least' ? measured.median >= limit : measured.median <= limit;
  return { what, bound, limit, unit, measured, verdict: isMet ? 'met' : 'not met' };
}

function growth(size: NonNullable<Findings['size']>): number {
  const { before, after } = bytesPerSession(size);
  return ((after - before) / before) * 100;
}

function single(value: number): Spread {
  return { median: value, min: value, max: value };
}
