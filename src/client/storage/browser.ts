import { lockOf } from '../lock.js';
import type { TokenStorage } from './storage.js';

/**
 * Keeps the tokens in `localStorage`: all tabs share one session, which is still there after the last tab was closed.
 * Any script of the page can read the tokens. A script can't read a refresh token that `cookieStorage` leaves in its
 * cookie.
 * @param key of the entry in `localStorage`; each session has its own
 * @example createSession({ refreshUrl: '/refresh_token', storage: browserStorage() })
 */
export function browserStorage(key = 'nest-refresh-token'): TokenStorage {
  return {
    get: () => localStorage.getItem(key),
    set: (text) => localStorage.setItem(key, text),
    // On a server that renders the page, there is no `addEventListener`.
    subscribe: (listener) => globalThis.addEventListener?.('storage', listener),
    lock: lockOf(key),
  };
}
