import { sizeName, type Measured } from './contenders.js';
import type { Machine } from './machine.js';
import {
  generatorShare,
  type Measurement,
  type NotAvailable,
  type Round,
  type RowCount,
  type TopSpeed,
} from './measurement.js';
import type { SizeResult } from './size-measurement.js';
import { ratio, spread, type Spread } from './statistics.js';

/** The empty handler that everything is compared with. */
export const DENOMINATOR = 'express/bare';

/** What is known of one contender: medians over the rounds, and between what they lie. */
export interface Figures {
  readonly name: string;
  readonly measured: Measured;
  readonly perSecond: Spread;
  /** Milliseconds. */
  readonly p50: Spread;
  readonly p99: Spread;
  /** The server's processor time for one answer, in microseconds; `null` where the system doesn't tell. */
  readonly processorTime: Spread | null;
  /** The most memory that the server has had, in bytes; `null` where the system doesn't tell. */
  readonly peakMemory: number | null;
  /** The share of answers that brought a new token. */
  readonly rotated: Spread;
  /** The share of its processor that the generator used. */
  readonly generator: Spread;
  /** Answers a second, of those of bare Express in the same round; `null` where that wasn't measured. */
  readonly toExpress: Spread | null;
  /** The same for the bare handler of its own adapter. */
  readonly toOwn: Spread | null;
  readonly rounds: readonly Round[];
}

/** What a run was asked for. */
export interface RunOptions {
  readonly rounds: number;
  /** Seconds of each measurement; `null` where the time was shared out. */
  readonly seconds: number | null;
  readonly connections: number;
  readonly isQuick: boolean;
  readonly isProfiled: boolean;
  readonly only: readonly string[];
}

/** All that a run has found. */
export interface Findings {
  readonly startedAt: string;
  /** Seconds. */
  readonly took: number;
  readonly options: RunOptions;
  readonly machine: Machine;
  readonly topSpeeds: readonly TopSpeed[];
  readonly figures: readonly Figures[];
  readonly notAvailable: readonly NotAvailable[];
  readonly rows: readonly RowCount[];
  readonly size: SizeResult | null;
  /** Where there is one, the run has failed. */
  readonly wrongAnswers: readonly string[];
}

/** What the measurements say; one without a single answer says nothing. */
export function figuresOf(measurements: readonly Measurement[]): Figures[] {
  const answered = measurements
    .map(({ measured, rounds }) => ({ measured, rounds: rounds.filter(({ answers }) => answers > 0) }))
    .filter(({ rounds }) => rounds.length > 0);
  const speeds = new Map(answered.map(({ measured, rounds }) => [measured.name, byRound(rounds)]));
  return answered.map((measurement) => {
    const { name, adapter } = measurement.measured;
    const relativeTo = (other: string) => ratio(speeds.get(name) ?? new Map(), speeds.get(other) ?? new Map()) ?? null;
    return {
      ...ownFigures(measurement),
      toExpress: relativeTo(DENOMINATOR),
      toOwn: relativeTo(`${adapter.toLowerCase()}/bare`),
    };
  });
}

function ownFigures({ measured, rounds }: Measurement): Omit<Figures, 'toExpress' | 'toOwn'> {
  const over = (figure: (round: Round) => number) => spread(rounds.map(figure));
  const times = rounds.flatMap(({ serverProcessorTime, answers }) =>
    serverProcessorTime === null ? [] : [(serverProcessorTime / answers) * 1e6],
  );
  const memory = rounds.flatMap(({ peakMemory }) => (peakMemory === null ? [] : [peakMemory]));
  return {
    name: measured.name,
    measured,
    perSecond: over(speedOf),
    p50: over(({ p50 }) => p50),
    p99: over(({ p99 }) => p99),
    processorTime: times.length === 0 ? null : spread(times),
    peakMemory: memory.length === 0 ? null : Math.max(...memory),
    rotated: over(({ rotated, answers }) => rotated / answers),
    generator: over(generatorShare),
    rounds,
  };
}

/** The speed of one contender relative to another's, over the rounds that both have. */
export function relativeSpeed(figures: readonly Figures[], of: string, to: string): Spread | undefined {
  const [one, other] = [of, to].map((name) => figures.find((figure) => figure.name === name));
  return one && other && ratio(byRound(one.rounds), byRound(other.rounds));
}

/** Every answer that was not what it has to be, a line for each reason. */
export function wrongAnswersOf(measurements: readonly Measurement[]): string[] {
  return measurements.flatMap(({ measured: { name }, rounds }) =>
    rounds.flatMap(({ round, failures }) =>
      Object.entries(failures).map(([reason, count]) => `${name}, round ${round + 1}: ${count} times ${reason}`),
    ),
  );
}

/**
 * Why a run has failed, a line for each kind of reason; without any, it has not.
 * @param needsAll whether it has where something is not available
 */
export function faultsOf(
  { wrongAnswers, rows, size, notAvailable }: Pick<Findings, 'wrongAnswers' | 'rows' | 'size' | 'notAvailable'>,
  { needsAll }: { needsAll: boolean },
): string[] {
  const sized = size ? [{ before: size.before.rows, after: size.after.rows }] : [];
  return [
    ...(wrongAnswers.length > 0 ? ['There were wrong answers.'] : []),
    ...([...rows, ...sized].some(({ before, after }) => before !== after) ? ['There are more or fewer rows.'] : []),
    ...(needsAll && notAvailable.length > 0 ? ['REQUIRE_DATABASES=1, and something is not available.'] : []),
  ];
}

/** What a contender is called in a table. */
export function labelOf(measured: Measured): string {
  if (measured.kind === 'baseline')
    return `${measured.name.endsWith('nest') ? 'Nest on ' : ''}${measured.adapter}, empty handler`;
  const leeway = measured.leeway === 'none' ? 'leeway 0' : 'default leeway';
  return `${measured.adapter} + ${measured.database}, ${leeway}, ${sizeName(measured.sessions)} sessions`;
}

function byRound(rounds: readonly Round[]): Map<number, number> {
  return new Map(rounds.map((round) => [round.round, speedOf(round)]));
}

function speedOf({ answers, seconds }: Round): number {
  return answers / seconds;
}
