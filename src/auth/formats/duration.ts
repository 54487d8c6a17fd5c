/** A length of time: seconds as a number, or a string such as `'90'`, `'90s'`, `'15m'`, `'1h'`, `'30d'`. */
export type Duration = number | string;

/** The words that messages use for what a duration takes. */
export const DURATION_TAKES = 'whole seconds, or a number with s, m, h or d, such as 90, 90s, 15m, 1h or 30d';

const SECONDS_PER_UNIT: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 };
// A hundred years: sums of times stay far below the largest integer that a JavaScript number holds exactly.
const MAX_SECONDS = 100 * 366 * 86_400;

/**
 * Reads a duration.
 * @returns milliseconds; `undefined` where `value` is no duration, or longer than a hundred years
 * @example parseDuration('15m') // 900000
 */
export function parseDuration(value: unknown): number | undefined {
  const seconds = typeof value === 'string' ? secondsOf(value) : value;
  if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 0 || seconds > MAX_SECONDS) {
    return undefined;
  }
  return seconds * 1_000;
}

function secondsOf(text: string): number | undefined {
  const match = /^(\d{1,10})([smhd]?)$/.exec(text);
  return match ? Number(match[1]) * (SECONDS_PER_UNIT[match[2] || 's'] as number) : undefined;
}
