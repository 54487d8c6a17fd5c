import { TIME_BUDGET } from '../runtime/time-budget.js';
import type { RetryOptions } from '../runtime/retry.js';
import type { DatabaseErrors } from './database-errors.js';

/** The first pause between two attempts, and the longest, in milliseconds. */
const BUSY_PAUSE = 20;
const LONGEST_PAUSE = 200;
/** The shortest pause before another connection is made, in milliseconds. */
const RECONNECT_PAUSE = 200;
/** The pause between two attempts of a start whose server restarts, in milliseconds. */
const LOST_PAUSE = 500;

/** Repeats a statement while the database is busy. A driver's own busy timeout would block the event loop. */
export function whileBusy({ isBusy, isDeadEnd }: DatabaseErrors): RetryOptions {
  return {
    patience: TIME_BUDGET.lockedDatabase,
    isPassing: isBusy,
    pause(failures, error) {
      // Longer each time: thousands may be waiting for one lock.
      const longer = Math.min(BUSY_PAUSE * failures, LONGEST_PAUSE);
      return isDeadEnd(error) ? Math.max(longer, RECONNECT_PAUSE) : longer;
    },
  };
}

/** Repeats a start while the server restarts. */
export function whileLost({ isLost }: DatabaseErrors): RetryOptions {
  return { patience: TIME_BUDGET.lostServer, isPassing: isLost, pause: () => LOST_PAUSE };
}
