import type { Measured } from './contenders.js';
import type { LoadResult } from './load.js';

/** One measurement of one contender. */
export interface Round extends LoadResult {
  readonly round: number;
  /** The most memory its process has had by then, in bytes; `null` where the system doesn't tell. */
  readonly peakMemory: number | null;
}

/** All measurements of one contender. */
export interface Measurement {
  readonly measured: Measured;
  readonly rounds: readonly Round[];
}

/** What couldn't be measured, and why. */
export interface NotAvailable {
  readonly name: string;
  readonly reason: string;
}

/** How many sessions a database had. */
export interface RowCount {
  readonly database: string;
  readonly before: number;
  readonly after: number;
}

/** How fast the generator goes where the server does next to nothing. */
export interface TopSpeed {
  readonly responder: string;
  readonly perSecond: number;
  /** Which share of its processor the generator used. */
  readonly generatorShare: number;
}

/** The share of a processor that the generator used. */
export function generatorShare({ generatorProcessorTime, seconds }: LoadResult): number {
  return generatorProcessorTime / seconds;
}
