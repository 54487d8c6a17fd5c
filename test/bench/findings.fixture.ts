import { contenders, type Measured } from './contenders.js';
import type { Measurement, Round } from './measurement.js';
import { figuresOf, type Findings } from './report.js';

const ALL = contenders({
  sessions: 1_000,
  larger: [100_000, 1_000_000],
  largerOn: ['SQLite', 'PostgreSQL', 'MariaDB'],
  only: [],
});

/** The contender of a name. */
export function named(name: string): Measured {
  const measured = ALL.find((one) => one.name === name);
  if (!measured) throw new Error(`There is no contender ${name}`);
  return measured;
}

/** A round of one second. */
export function round(answers: number, more: Partial<Round> = {}): Round {
  return {
    round: 0,
    answers,
    seconds: 1,
    p50: 4,
    p99: 9,
    rotated: answers,
    serverProcessorTime: 0.5,
    generatorProcessorTime: 0.25,
    failures: {},
    peakMemory: 100 * 1_048_576,
    ...more,
  };
}

/** A measurement of one round after the other. */
export function measurement(name: string, ...rounds: Round[]): Measurement {
  return { measured: named(name), rounds: rounds.map((one, position) => ({ ...one, round: position })) };
}

/** What a full run on a small machine has found. */
export function findings(measurements: readonly Measurement[], more: Partial<Findings> = {}): Findings {
  return {
    startedAt: '2026-01-31T09:30:00.000Z',
    took: 800,
    options: { rounds: 3, seconds: 4, connections: 32, isQuick: false, isProfiled: false, only: [] },
    machine: {
      processor: 'Example 9000',
      processors: 2,
      memory: 8 * 1_024 ** 3,
      kernel: 'Linux 6.1',
      node: 'v20.19.0',
      fileSystem: 'ext4',
      databases: [{ version: 'SQLite 3.50', settings: {} }],
      placement: 'server on processor 0, generator on processor 1, database servers where the system puts them',
      loadBefore: 0.1,
    },
    topSpeeds: [{ responder: 'net-responder', perSecond: 60_000, generatorShare: 0.8 }],
    figures: figuresOf(measurements),
    notAvailable: [],
    rows: [],
    size: null,
    wrongAnswers: [],
    ...more,
  };
}
