import { setTimeout as delay } from 'node:timers/promises';

/** How something is tried again. */
export interface RetryOptions {
  /** For how long a failure is followed by another attempt, in milliseconds from the first. */
  readonly patience: number;
  /** Whether an error may pass by itself; any other ends the attempts. */
  isPassing(error: unknown): boolean;
  /** How long to wait after a failure, in milliseconds. @param failures how many there have been, 1 after the first */
  pause(failures: number, error: unknown): number;
}

/**
 * Does `work`, again and again while it fails with what may pass by itself.
 * @returns the result of the attempt that succeeded
 * @throws whatever the last attempt threw
 * @example await retry(migrate, { patience: 10_000, isPassing: isBusy, pause: () => 100 });
 */
export async function retry<T>(work: () => Promise<T>, { patience, isPassing, pause }: RetryOptions): Promise<T> {
  const givesUpAt = performance.now() + patience;
  for (let failures = 1; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || performance.now() > givesUpAt) throw error;
      // Node's promised timer: a test that holds the global timers must not hold a start up.
      await delay(pause(failures, error));
    }
  }
}
