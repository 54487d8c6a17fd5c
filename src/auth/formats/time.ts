/** The words that messages use for what a point in time takes. */
export const TIME_TAKES = 'a time such as 2026-01-31T09:30:00Z';
/** The same for a point in time in the past. */
export const PASSED_TIME_TAKES = 'a time that has passed, such as 2026-01-31T09:30:00Z';

// RFC 3339 §5.6, with an offset: a time without one would mean another moment on another machine.
const TIME = /^(\d{4}-\d{2}-\d{2})T(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/i;

/** Reads a point in time of RFC 3339. @returns milliseconds since the epoch, or `undefined` where the text is no such time */
export function parseTime(text: unknown): number | undefined {
  const day = typeof text === 'string' ? TIME.exec(text)?.[1] : undefined;
  if (day === undefined) return undefined;
  const time = Date.parse(text as string);
  if (Number.isNaN(time)) return undefined;
  // Date.parse takes February 30 for March 2.
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day) ? time : undefined;
}
