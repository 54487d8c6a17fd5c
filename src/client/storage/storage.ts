/**
 * Where a session's tokens are kept: one text. Any of it may be asynchronous.
 *
 * @example
 * const keychain: TokenStorage = {
 *   get: () => SecureStore.getItemAsync('session'),
 *   set: (text) => SecureStore.setItemAsync('session', text),
 *   remove: () => SecureStore.deleteItemAsync('session'),
 * };
 */
export interface TokenStorage {
  get(): string | null | Promise<string | null>;
  set(text: string): void | Promise<void>;
  /** Called once the session is over; where there is none, `set` is, with why: so that other tabs learn it. */
  remove?(): void | Promise<void>;
  /** Calls `listener` whenever another tab has written. */
  subscribe?(listener: () => void): void;
  /**
   * Does `work` while no other tab does.
   * @param patience milliseconds; whoever has waited so long does the work anyway, since the other tab may be frozen
   */
  lock?<T>(work: () => Promise<T>, patience: number): Promise<T>;
  /** The refresh token is in an HttpOnly cookie: it is neither kept here nor sent in a header. */
  readonly isCookie?: boolean;
}

/** Keeps the tokens for as long as the page or the process lives. */
export function memoryStorage(): TokenStorage {
  let kept: string | null = null;
  return {
    get: () => kept,
    set: (text) => {
      kept = text;
    },
  };
}
