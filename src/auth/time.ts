/** What a point in time takes, for messages. */
export const TIME_TAKES = 'a time that has passed, such as 2026-01-31T09:30:00Z';

// RFC 3339 §5.6, with its offset: a time without one is another time on another machine.
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/i;

/** Reads a point in time of RFC 3339. @returns milliseconds since the epoch, or `undefined` where it is none */
export function parseTime(text: unknown): number | undefined {
  if (typeof text !== 'string' || !TIME.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
