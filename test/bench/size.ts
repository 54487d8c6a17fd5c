import type { SizeResult } from './size-measurement.js';

/** What one session takes in a vacuumed file, indexes included, without what an empty file has anyway. */
export function bytesPerSession({ sessions, before, after, empty }: SizeResult): { before: number; after: number } {
  return { before: (before.vacuumed - empty) / sessions, after: (after.vacuumed - empty) / sessions };
}
