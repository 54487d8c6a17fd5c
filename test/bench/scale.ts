import type { DatabaseKind } from './contenders.js';

/** How much a run does. All times are seconds. */
export interface Scale {
  /** How many sessions there are where all combinations are measured. */
  readonly sessions: number;
  /** How many there are where growth is measured, and on what. */
  readonly larger: readonly number[];
  readonly largerOn: readonly DatabaseKind[];
  /** How many sessions are refreshed 100 times, to see what they take. */
  readonly sized: number;
  /** Before each measurement. */
  readonly warmUp: number;
  /** How fast the generator can go is measured that long. */
  readonly check: number;
}

/** As many connections as the targets are stated for. */
export const CONNECTIONS = 32;

export const FULL: Scale = {
  sessions: 1_000,
  larger: [100_000, 1_000_000],
  largerOn: ['SQLite', 'PostgreSQL', 'MariaDB'],
  sized: 2_000,
  warmUp: 1,
  check: 2,
};

export const QUICK: Scale = {
  sessions: 1_000,
  larger: [10_000],
  largerOn: ['SQLite'],
  sized: 50,
  warmUp: 0.2,
  check: 0.5,
};

/** When a quick run should have ended, after its start. */
const QUICK_END = 53;
const SHORTEST = 0.25;
const LONGEST = 1;

/**
 * How long each measurement of a quick run takes: what is left of its minute, shared out.
 * @param elapsed seconds since the start
 * @param measurements how many there are still to make
 */
export function quickSeconds(elapsed: number, measurements: number): number {
  const share = (QUICK_END - elapsed) / measurements - QUICK.warmUp;
  return Math.min(LONGEST, Math.max(SHORTEST, share));
}
