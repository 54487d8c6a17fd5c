import { TemporarilyUnavailableError } from '../auth.errors.js';
import type { RotationPolicy } from '../rotation/rotation.rule.js';
import { TIME_BUDGET } from '../runtime/time-budget.js';
import { TimeLimitError, withTimeLimit } from '../runtime/time-limit.js';

/** In seconds. */
const RETRY_AFTER = 5;

/**
 * The result of `work`, or a 503 once the deadline has passed. A successor is never sent late: by then the client may
 * have given up and tried again.
 * @param deadline milliseconds
 * @throws TemporarilyUnavailableError `deadline` where the work isn't done in time
 */
export async function withDeadline<T>(work: Promise<T>, deadline: number = TIME_BUDGET.handler): Promise<T> {
  try {
    return await withTimeLimit(() => work, deadline);
  } catch (error) {
    if (error instanceof TimeLimitError) throw new TemporarilyUnavailableError('deadline');
    throw error;
  }
}

/**
 * The value of `Retry-After`, in seconds. With `lostResponse: 'revoke'` the client must come back within the leeway of a
 * mint whose answer it missed. That mint may be as long ago as the deadline.
 */
export function retryAfterSeconds({ leeway, lostResponse }: RotationPolicy): number {
  if (lostResponse === 'forgive') return RETRY_AFTER;
  const left = Math.ceil((leeway - TIME_BUDGET.handler) / 1_000) - 1;
  const least = leeway > 1_000 ? 1 : 0;
  return Math.max(least, Math.min(RETRY_AFTER, left));
}
