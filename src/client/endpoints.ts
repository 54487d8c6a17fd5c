import type { BackOff } from './back-off.js';
import { parseObject, tokenOf } from './stored-session.js';

/** The server's endpoints, which take a refresh token, or the cookie. */
export interface Endpoints {
  /**
   * @param pause told whether the answer was of use
   * @returns the answer; `null`: the session is over
   * @throws {SessionUnavailableError} for any other answer, or none
   */
  post(
    url: string,
    refreshToken: string | undefined,
    pause: BackOff,
    isLogout?: boolean,
  ): Promise<Record<string, unknown> | null>;
  /** Nobody waits any more for the refresh that is on its way: its session is over. */
  abandon(): void;
}

/** @param timeout of one request, in milliseconds */
export function endpoints(send: typeof fetch, isCookie: boolean | undefined, timeout: number): Endpoints {
  let refreshing: AbortController | undefined;
  return {
    post: async (url, refreshToken, pause, isLogout = false) => {
      const controller = new AbortController();
      if (!isLogout) refreshing = controller;
      const timer = setTimeout(() => controller.abort(), timeout);
      let response: Response | undefined;
      let cause: unknown;
      try {
        response = await send(url, {
          method: 'POST',
          headers: isCookie ? {} : { Authorization: `Bearer ${refreshToken}` },
          credentials: isCookie ? 'include' : 'omit',
          cache: 'no-store',
          redirect: 'error',
          // A logout outlives the page: people sign out and go.
          keepalive: isLogout,
          signal: controller.signal,
        });
        const body = parseObject(await response.text());
        const { access_token, error } = body;
        const isOver = error === 'invalid_refresh_token' || (isCookie && error === 'missing_token');
        if (response.status === 401 && isOver) return pause.end(null);
        // Half an answer is none.
        if (response.ok && (isLogout || tokenOf(access_token))) return pause.end(body);
      } catch (error) {
        cause = error;
        response = undefined;
      } finally {
        clearTimeout(timer);
      }
      const status = response?.status;
      throw pause.begin(response?.headers.get('Retry-After'), `${url}: ${status ?? cause}`, status, cause);
    },
    abandon: () => refreshing?.abort(),
  };
}
