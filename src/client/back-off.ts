import { SessionUnavailableError } from './errors.js';
import { LONGEST_ASKED, LONGEST_PAUSE } from './limits.js';

/** When an endpoint is to be left alone. */
export interface BackOff {
  /**
   * It has failed: from now on it is left alone.
   * @param asked its `Retry-After`
   * @param message of the errors of those who ask for it all the same, as the others
   */
  begin(
    asked: string | null | undefined,
    message: string,
    status: number | undefined,
    cause: unknown,
  ): SessionUnavailableError;
  /** It has answered. @returns the answer */
  end<T>(answer: T): T;
  /** @throws {SessionUnavailableError} while it is left alone */
  assertOver(): void;
  /**
   * Waits until it may be asked again.
   * @param error why
   * @param begun when the call began that waits
   * @throws `error` where waiting is in vain, or takes longer than the call's patience
   */
  rest(error: unknown, begun: number): Promise<void>;
}

/** Times are milliseconds. */
export function backOff(
  patience: number,
  now: () => number,
  sleep: (milliseconds: number) => Promise<void>,
  random: () => number,
): BackOff {
  /** For how long it is left alone where it doesn't ask for that, in seconds. */
  let unasked = 0;
  let failedAt = 0;
  let pause = 0;
  let failure: SessionUnavailableError;

  // Whichever way a clock was turned since, no pause gets longer.
  const left = () => Math.max(0, pause - Math.abs(now() - failedAt));

  return {
    begin: (asked, message, status, cause) => {
      failedAt = now();
      unasked = Math.min(unasked * 2 || 1, LONGEST_PAUSE);
      // RFC 9110 §10.2.3: seconds; a date, which is of another clock, counts as none. Not all clients at once.
      pause = Math.min(Math.max(Number(asked) || 0, unasked) * (1_000 + 500 * random()), LONGEST_ASKED);
      failure = new SessionUnavailableError(message, Math.ceil(pause / 1_000), status, cause);
      return failure;
    },
    end: (answer) => {
      unasked = pause = 0;
      return answer;
    },
    assertOver: () => {
      if (left()) throw failure;
    },
    rest: async (reason, begun) => {
      const { status = 500 } = reason as SessionUnavailableError;
      // Any other answer would come again, and other errors are of the storage.
      const isOutage = reason instanceof SessionUnavailableError && (status < 300 || status === 429 || status >= 500);
      if (!isOutage || Math.abs(now() - begun) + left() >= patience) throw reason;
      const waitedFor = failedAt;
      await sleep(left());
      // It is over also by a sleep that takes no time, as tests have it; one that began meanwhile isn't.
      if (failedAt === waitedFor) pause = 0;
    },
  };
}
