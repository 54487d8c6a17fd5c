/** The middle of several measurements, and between what they lie. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError where there is nothing measured */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new RangeError('spread: got no values, takes at least one');
  const upper = sorted[Math.floor(sorted.length / 2)] as number;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] as number;
  return { median: (lower + upper) / 2, min, max };
}

/**
 * The value below which a share of the others lies (nearest rank); 0 where there are none.
 * @param sorted in ascending order
 */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

/**
 * The ratio of two things that were measured in the same rounds: round by round, so that what slows down a whole round
 * (a neighbour, the heat) slows down both sides of it.
 * @returns `undefined` where they have no round in common
 */
export function ratio(of: ReadonlyMap<number, number>, to: ReadonlyMap<number, number>): Spread | undefined {
  const ratios = [...of].flatMap(([round, value]) => {
    const base = to.get(round);
    return base === undefined ? [] : [value / base];
  });
  return ratios.length === 0 ? undefined : spread(ratios);
}

/**
 * In which order a round measures: each begins somewhere else, every other one runs backwards, so that nothing always
 * comes behind the same neighbour.
 */
export function orderOf<T>(round: number, rounds: number, all: readonly T[]): T[] {
  const start = Math.floor((round * all.length) / rounds);
  const rotated = [...all.slice(start), ...all.slice(0, start)];
  return round % 2 === 0 ? rotated : rotated.toReversed();
}
