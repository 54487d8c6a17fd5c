import { TemporarilyUnavailableError } from '../auth.errors.js';
import type { RotationPolicy } from '../rotation/rotation.rule.js';
import { TIME_BUDGET } from '../runtime/time-budget.js';
import { TimeLimitError, withTimeLimit } from '../runtime/time-limit.js';

const RETRY_AFTER = 5;

/**
 * The result of `work`, or a 503 once the deadline has passed: a successor is never sent late, when the client may
 * have given up and tried again.
 * @throws TemporarilyUnavailableError after `deadline` milliseconds
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
 * What `Retry-After` says, in seconds. Where a lost response is taken for a second holder, the client must be back
 * within the leeway of the mint it may have missed, up to a deadline ago.
 */
export function retryAfterSeconds({ leeway, lostResponse }: RotationPolicy): number {
  if (lostResponse === 'forgive') return RETRY_AFTER;
  const left = Math.ceil((leeway - TIME_BUDGET.handler) / 1_000) - 1;
  const least = leeway > 1_000 ? 1 : 0;
  return Math.max(least, Math.min(RETRY_AFTER, left));
}
