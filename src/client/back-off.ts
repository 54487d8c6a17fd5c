import { SessionUnavailableError } from './errors.js';
import { LONGEST_RETRY_AFTER, LONGEST_PAUSE } from './limits.js';

/** Holds requests back after a failure, until a pause has passed. */
export interface BackOff {
  /**
   * Begins a pause after a failed request.
   * @param asked the `Retry-After` of the answer
   * @param message of the error
   * @param status of the answer; `undefined` where no answer came
   * @param cause of the failure where no answer came
   * @returns the error to throw; `assertOver` throws the same one during the pause
   */
  begin(
    asked: string | null | undefined,
    message: string,
    status: number | undefined,
    cause: unknown,
  ): SessionUnavailableError;
  /** Ends the pause after a good answer. @returns `answer` */
  end<T>(answer: T): T;
  /** @throws {SessionUnavailableError} during the pause */
  assertOver(): void;
  /**
   * Waits for the end of the pause.
   * @param error the error that stopped the call
   * @param begun when the call began, in milliseconds
   * @throws `error` where another try would fail too, or would come after the call's patience
   */
  rest(error: unknown, begun: number): Promise<void>;
}

/** @param patience how long a call goes on trying, in milliseconds */
export function backOff(
  patience: number,
  now: () => number,
  sleep: (milliseconds: number) => Promise<void>,
  random: () => number,
): BackOff {
  /** The pause after a failure without a `Retry-After`, in seconds. */
  let unasked = 0;
  let failedAt = 0;
  let pause = 0;
  let failure: SessionUnavailableError;

  // A clock that was turned, in either direction, must not make the pause longer.
  const left = () => Math.max(0, pause - Math.abs(now() - failedAt));

  return {
    begin: (asked, message, status, cause) => {
      failedAt = now();
      unasked = Math.min(unasked * 2 || 1, LONGEST_PAUSE);
      // RFC 9110 §10.2.3: a date is of the server's clock, so only seconds count. The random part spreads the clients.
      pause = Math.min(Math.max(Number(asked) || 0, unasked) * (1_000 + 500 * random()), LONGEST_RETRY_AFTER);
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
      // Another answer would be the same at the next try. An error of another class comes from the storage.
      const isOutage = reason instanceof SessionUnavailableError && (status < 300 || status === 429 || status >= 500);
      if (!isOutage || Math.abs(now() - begun) + left() >= patience) throw reason;
      const waitedFor = failedAt;
      await sleep(left());
      // A test's `sleep` may take no time: the pause is over all the same, unless another began during the sleep.
      if (failedAt === waitedFor) pause = 0;
    },
  };
}
