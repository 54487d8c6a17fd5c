import type { BackOff } from './back-off.js';
import { parseObject, tokenOf } from './stored-session.js';

/** Calls the endpoints that take the refresh token: refresh and logout. */
export interface Endpoints {
  /**
   * @param refreshToken for the header; `undefined` where the cookie has it
   * @param pause begins where the request fails, ends where it succeeds
   * @returns the body of the answer; `null`: the session is over
   * @throws {SessionUnavailableError} for any other answer, or none
   */
  post(
    url: string,
    refreshToken: string | undefined,
    pause: BackOff,
    isLogout?: boolean,
  ): Promise<Record<string, unknown> | null>;
  /** Aborts the refresh request that is on its way: its session was replaced or ended. */
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
          // The browser sends a logout even where the user closes the page at once.
          keepalive: isLogout,
          signal: controller.signal,
        });
        const body = parseObject(await response.text());
        const { access_token, error } = body;
        const isOver = error === 'invalid_refresh_token' || (isCookie && error === 'missing_token');
        if (response.status === 401 && isOver) return pause.end(null);
        // A refresh without an access token in its answer counts as failed.
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
