import { abortable } from './abort.js';
import { authorizedFetch } from './authorized-fetch.js';
import { backOff } from './back-off.js';
import { delay } from './delay.js';
import { endpoints } from './endpoints.js';
import { eventHub, type Listen } from './event-hub.js';
import { LOCK_GRACE } from './limits.js';
import { refresher, type Call } from './refresher.js';
import { sessionStore } from './stored-session.store.js';
import { tokenOf } from './stored-session.js';
import { memoryStorage, type TokenStorage } from './storage/storage.js';
import { requestUrl } from './urls.js';

export interface SessionOptions {
  /** Where tokens are refreshed: an absolute URL, or in a page a relative one. */
  refreshUrl: string;
  /** Where the session is ended. Default: `logout` beside `refreshUrl`; `null`: `signOut` tells no server. */
  logoutUrl?: string | null;
  /** Where the tokens are kept. Default: `memoryStorage()`. */
  storage?: TokenStorage;
  /** Origins whose requests carry the access token, besides the page's own and that of `refreshUrl`. */
  apiOrigins?: readonly string[];
  /** For how long a call goes on trying while the server can't answer, in milliseconds. Default 30,000; 0: one try. */
  patience?: number;
  /** How long one try may take, in milliseconds. Default 15,000. */
  timeout?: number;
  /** Default: the platform's. */
  fetch?: typeof fetch;
  /** The time in milliseconds; it may be wrong, only differences are used. Default: `Date.now`. */
  now?: () => number;
  /** Waits for some milliseconds. Default: `setTimeout`. */
  sleep?: (milliseconds: number) => Promise<void>;
  /** A number from 0 to 1. Default: `Math.random`. */
  random?: () => number;
}

/** What a login answers with. Only these fields are read. */
export interface SignInTokens {
  /** Required, except with `cookieStorage`, where it is in the cookie. */
  readonly refresh_token?: string;
  /** Where there is none, the first call gets one. */
  readonly access_token?: string;
  /** The access token's life in seconds; where there is none, it lasts until it is refused. */
  readonly expires_in?: number;
}

/** The tokens of one signed-in user. All methods are bound: they may be handed around. */
export interface Session {
  /**
   * The platform's `fetch`, with the access token. A request that is answered 401 is repeated once, with a new access
   * token. Takes what `fetch` takes; a request with an `Authorization` header of its own is left alone.
   * @throws {TypeError} for a URL of an origin that isn't in `apiOrigins`
   * @throws {SessionUnavailableError} the access token couldn't be refreshed now; nobody is signed out
   * @throws {RequestNotRepeatedError} the body was a stream, and would have to be sent again
   * @throws the reason of its signal, once that aborts
   * @throws {Error} somebody has signed in while it waited: what one user asked for isn't sent as another
   *
   * @example
   * const orders = await session.fetch('https://api.example.com/orders').then((response) => response.json());
   */
  readonly fetch: typeof fetch;
  /**
   * An access token that is good for a while, refreshed where there is need; `null`: nobody is signed in.
   * @param options.refused an access token that the API has refused: it isn't given again
   * @param options.signal ends the waiting; a refresh that others wait for goes on
   * @throws {SessionUnavailableError} it couldn't be refreshed now; nobody is signed out
   *
   * @example
   * socket.auth = { token: await session.getAccessToken() };
   */
  getAccessToken(options?: { refused?: string | undefined; signal?: AbortSignal | undefined }): Promise<string | null>;
  /**
   * Begins a session with the answer of your login, as it is.
   * @throws {TypeError} there is no refresh token in it
   *
   * @example
   * const response = await fetch('/auth/login', { method: 'POST', body });
   * await session.signIn(await response.json());
   */
  signIn(tokens: SignInTokens): Promise<void>;
  /**
   * Forgets the tokens at once, in every tab, and then ends the session on the server. Never rejects.
   * @returns whether the server has confirmed. `false` with `cookieStorage`: the cookie may still be there
   */
  signOut(): Promise<boolean>;
  /**
   * Listens to an event: `refreshed`, `signedOut` or `unavailable`.
   * @returns what ends the listening
   *
   * @example
   * session.on('signedOut', ({ reason }) => location.assign(`/login?reason=${reason}`));
   */
  on: Listen;
}

/**
 * Keeps a user signed in: hands out access tokens, refreshes them ahead of their end, and signs out only when the
 * server says that the session is over. One a signed-in user; tabs that share a storage share the session.
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
  const store = sessionStore(storage, emit, timeout + LOCK_GRACE, now, server.abandon);
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
      // A logout that fails says nothing about refreshes.
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
            // The server can be told all the same.
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
