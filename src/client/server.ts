import { abortable } from './abort.js';
import { SessionUnavailableError } from './errors.js';
import { LONGEST_ASKED, LONGEST_PAUSE } from './limits.js';
import { parseObject, tokenOf } from './stored-session.js';

/** The server's two endpoints, and when it is to be left alone. */
export interface Server {
  /**
   * Sends a refresh token, or the cookie.
   * @returns the answer; `null`: the session is over
   * @throws {SessionUnavailableError} for any other answer, or none
   */
  post(url: string, refreshToken: string | undefined, isLogout?: boolean): Promise<Record<string, unknown> | null>;
  /** @throws {SessionUnavailableError} while the server is to be left alone */
  assertUp(): void;
  /**
   * Waits until the server may be asked again.
   * @param error why
   * @param begun when the call began that waits
   * @throws `error` where waiting is in vain, or takes longer than the call's patience
   */
  rest(error: unknown, begun: number): Promise<void>;
  /** Nobody waits any more for the last refresh: its session is over. */
  abandon(): void;
}

/** All times are milliseconds. */
export function server(
  send: typeof fetch,
  isCookie: boolean | undefined,
  patience: number,
  timeout: number,
  now: () => number,
  sleep: (milliseconds: number) => Promise<void>,
  random: () => number,
): Server {
  let refreshing: AbortController | undefined;
  /** What the server would be left alone for without its asking, in seconds. */
  let backOff = 0;
  let failedAt = 0;
  let pause = 0;
  let unavailable: () => SessionUnavailableError;

  // Whichever way a clock was turned since, no pause gets longer.
  const pauseLeft = () => Math.max(0, pause - Math.abs(now() - failedAt));

  return {
    post: async (url, refreshToken, isLogout) => {
      const controller = new AbortController();
      const { signal } = controller;
      if (!isLogout) refreshing = controller;
      let status: number | undefined;
      let asked: string | null | undefined;
      let cause: unknown;
      const exchange = async () => {
        const response = await send(url, {
          method: 'POST',
          headers: isCookie ? {} : { Authorization: `Bearer ${refreshToken}` },
          credentials: isCookie ? 'include' : 'omit',
          cache: 'no-store',
          redirect: 'error',
          // A logout outlives the page: people sign out and go.
          keepalive: Boolean(isLogout),
          signal,
        });
        const body = parseObject(await response.text());
        const { access_token, error } = body;
        ({ status } = response);
        asked = response.headers.get('Retry-After');
        const isOver = error === 'invalid_refresh_token' || (isCookie && error === 'missing_token');
        if (status === 401 && isOver) return null;
        // Half an answer is none.
        return response.ok && (isLogout || tokenOf(access_token)) ? body : undefined;
      };
      const timer = setTimeout(() => controller.abort(), timeout);
      const answer = await abortable(exchange(), signal).catch((error: unknown) => {
        cause = error;
      });
      clearTimeout(timer);
      if (answer !== undefined) {
        backOff = pause = 0;
        return answer;
      }

      // One that was abandoned says nothing about the server.
      if (isLogout || refreshing) {
        failedAt = now();
        backOff = Math.min(backOff * 2 || 1, LONGEST_PAUSE);
        // RFC 9110 §10.2.3: seconds, or a date.
        const seconds = Number(asked) || (Date.parse(asked as string) - failedAt) / 1_000 || 0;
        // Not all clients at once.
        pause = Math.max(Math.min(seconds, LONGEST_ASKED), backOff) * (1_000 + 500 * random());
      }
      unavailable = () =>
        new SessionUnavailableError(`${url}: ${status ?? cause}`, Math.ceil(pauseLeft() / 1_000), status, cause);
      throw unavailable();
    },
    assertUp: () => {
      if (pauseLeft() > 0) throw unavailable();
    },
    rest: async (error, begun) => {
      const { status = 500 } = error as SessionUnavailableError;
      // Any other answer would come again, and other errors are of the storage.
      const isOutage = error instanceof SessionUnavailableError && (status < 300 || status === 429 || status >= 500);
      if (!isOutage || Math.abs(now() - begun) + pauseLeft() >= patience) throw error;
      await sleep(pauseLeft());
      // Also by a sleep that takes no time, as tests have it.
      pause = 0;
    },
    abandon: () => {
      refreshing?.abort();
      refreshing = undefined;
    },
  };
}
