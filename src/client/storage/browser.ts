import { lockOf } from '../lock.js';
import type { TokenStorage } from './storage.js';

/**
 * Keeps the tokens in `localStorage`: all tabs share one session, and it outlives them.
 * Any script of the page can read them: where that isn't wanted, use `cookieStorage`.
 * @param key of `localStorage`, one a session
 */
export function browserStorage(key = 'nest-refresh-token'): TokenStorage {
  return {
    get: () => localStorage.getItem(key),
    set: (text) => localStorage.setItem(key, text),
    // Where a page is rendered on a server, there are no events.
    subscribe: (listener) => globalThis.addEventListener?.('storage', listener),
    lock: lockOf(key),
  };
}
