/**
 * Where the tokens of a session are kept, as one text. Each method may be asynchronous.
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
  /**
   * Deletes the text; called once the session is over. A storage without `remove` gets a text that says why the session
   * is over (`set`), from which other tabs learn that.
   */
  remove?(): void | Promise<void>;
  /** Calls `listener` whenever another tab has written to the storage. */
  subscribe?(listener: () => void): void;
  /**
   * Runs `work` while no other tab runs its own.
   * @param patience milliseconds; after that time `work` runs without the lock, since the other tab may be frozen
   */
  lock?<T>(work: () => Promise<T>, patience: number): Promise<T>;
  /** The refresh token is in an HttpOnly cookie: the client neither stores the token nor sends it in a header. */
  readonly isCookie?: boolean;
}
