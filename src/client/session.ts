import { abortable } from './abort.js';
import { authorizedFetch } from './authorized-fetch.js';
import { backOff } from './back-off.js';
import { delay } from './delay.js';
import { endpoints } from './endpoints.js';
import { eventHub, type Listen } from './event-hub.js';
import { LOCK_GRACE } from './limits.js';
import { refresher, type Call } from './refresher.js';
import { storedSessionStore } from './stored-session.store.js';
import { tokenOf } from './stored-session.js';
import { memoryStorage } from './storage/memory.js';
import type { TokenStorage } from './storage/storage.js';
import { requestUrl } from './urls.js';

/** The options of `createSession`. */
export interface SessionOptions {
  /** The URL at which tokens are refreshed. In a page it may be relative. */
  refreshUrl: string;
  /** The URL at which a session is ended. Default: `logout` beside `refreshUrl`. `null`: `signOut` calls no server. */
  logoutUrl?: string | null;
  /** Where the client keeps the tokens. Default: `memoryStorage()`. */
  storage?: TokenStorage;
  /** Origins to which `session.fetch` sends the access token, besides the page's own and that of `refreshUrl`. */
  apiOrigins?: readonly string[];
  /** How long a call goes on trying while the server can't answer, in milliseconds. Default 30,000. 0: one try. */
  patience?: number;
  /** How long one try may take, in milliseconds. Default 15,000. */
  timeout?: number;
  /** Sends the requests. Default: the platform's `fetch`. */
  fetch?: typeof fetch;
  /** The time in milliseconds. The clock may be wrong, since only differences count. Default: `Date.now`. */
  now?: () => number;
  /** Waits for some milliseconds. Default: `setTimeout`. */
  sleep?: (milliseconds: number) => Promise<void>;
  /** A number from 0 to 1. Default: `Math.random`. */
  random?: () => number;
}

/** The answer of your login. `signIn` reads only these fields. */
export interface SignInTokens {
  /** Required, except with `cookieStorage`: there the cookie has the refresh token. */
  readonly refresh_token?: string;
  /** Without one, the first call refreshes. */
  readonly access_token?: string;
  /** The access token's life in seconds. Without it, the token is used until the API refuses it. */
  readonly expires_in?: number;
}

/** The session of one signed-in user. The methods work without `session.` before them, so they may be handed around. */
export interface Session {
  /**
   * A `fetch` that sends the access token. Where the API answers 401, the client refreshes the token and repeats the
   * request once. A request that has an `Authorization` header of its own is sent unchanged.
   * @throws {TypeError} for a URL of an origin that isn't in `apiOrigins`
   * @throws {SessionUnavailableError} the access token couldn't be refreshed now; the user stays signed in
   * @throws {RequestNotRepeatedError} the API answered 401, and the request's body was a stream
   * @throws the reason of the request's `signal`, once the signal aborts
   * @throws {Error} somebody has signed in during the call: a request of one user isn't sent as another user
   *
   * @example
   * const orders = await session.fetch('https://api.example.com/orders').then((response) => response.json());
   */
  readonly fetch: typeof fetch;
  /**
   * Gives an access token that is good for a while, and refreshes first where it must. `null`: nobody is signed in.
   * @param options.refused an access token that the API has refused: the call gives another one
   * @param options.signal ends the waiting of this call; the refresh goes on for the others
   * @throws {SessionUnavailableError} the token couldn't be refreshed now; the user stays signed in
   *
   * @example
   * socket.auth = { token: await session.getAccessToken() };
   */
  getAccessToken(options?: { refused?: string | undefined; signal?: AbortSignal | undefined }): Promise<string | null>;
  /**
   * Begins a session with the answer of your login. A session that was there before is replaced.
   * @throws {TypeError} the answer has no refresh token, and the storage isn't `cookieStorage`
   *
   * @example
   * const response = await fetch('/auth/login', { method: 'POST', body });
   * await session.signIn(await response.json());
   */
  signIn(tokens: SignInTokens): Promise<void>;
  /**
   * Forgets the tokens at once, in every tab, and then ends the session on the server. Never rejects.
   * @returns whether the server has confirmed the end, and the storage the deletion. After `false`, a browser may still
   * have the cookie of `cookieStorage`
   */
  signOut(): Promise<boolean>;
  /**
   * Calls `listener` at each event of this name: `refreshed`, `signedOut` or `unavailable`.
   * @returns a function that ends the listening
   *
   * @example
   * session.on('signedOut', ({ reason }) => location.assign(`/login?reason=${reason}`));
   */
  on: Listen;
}

/**
 * Keeps a user signed in: gives access tokens and refreshes them ahead of their end. The user is signed out only where
 * the server says that the session is over. Make one session for each signed-in user. Tabs that share a storage share
 * the session.
 *
 * @example
 * const session = createSession({
 *   refreshUrl: 'https://auth.example.com/refresh_token',
 *   storage: browserStorage(),
 *   apiOrigins: ['https://api.example.com'],
 * });
 */
export function createSession({
  refreshUrl,
  logoutUrl,
  storage = memoryStorage(),
  apiOrigins = [],
  patience = 30_000,
  timeout = 15_000,
  fetch: send = (input, init) => fetch(input, init),
  now = Date.now,
  sleep = delay,
  random = Math.random,
}: SessionOptions): Session {
  const { isCookie } = storage;
  const { emit, on } = eventHub();
  const server = endpoints(send, isCookie, timeout);
  const store = storedSessionStore(storage, emit, timeout + LOCK_GRACE, now, server.abandon);
  const newPause = () => backOff(patience, now, sleep, random);
  const pause = newPause();
  const getToken = refresher(store, server, pause, refreshUrl, emit, now);
  const accessToken = (call: Call = {}) => abortable(getToken(call), call.signal);

  return {
    fetch: authorizedFetch(send, accessToken, [...apiOrigins, refreshUrl]),
    getAccessToken: accessToken,
    signIn: async ({ refresh_token, access_token, expires_in }) => {
      if (!isCookie && !tokenOf(refresh_token)) throw new TypeError('no refresh_token');
      await store.replace(() => ({
        refresh_token: isCookie ? undefined : refresh_token,
        access_token: tokenOf(access_token),
        expires_in,
        obtained_at: now(),
      }));
      await store.settle();
    },
    signOut: async () => {
      const begun = now();
      // A failed logout must not hold up refreshes.
      const ownPause = newPause();
      let refreshToken: string | undefined;
      let isForgotten = true;
      try {
        await store
          .replace(({ ended = 'sign_out', refresh_token }) => {
            refreshToken = refresh_token;
            return { ended };
          })
          .catch(() => {
            // The storage failed; the session on the server can be ended all the same.
            isForgotten = false;
          });
        if (logoutUrl === null || !(isCookie ?? refreshToken)) return false;
        const url = logoutUrl ?? new URL('logout', requestUrl(refreshUrl)).href;
        for (;;) {
          try {
            await server.post(url, refreshToken, ownPause, true);
            return pause.end(isForgotten);
          } catch (error) {
            await ownPause.rest(error, begun);
          }
        }
      } catch {
        return false;
      } finally {
        await store.settle();
      }
    },
    on,
  };
}
