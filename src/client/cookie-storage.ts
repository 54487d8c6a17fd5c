import { inWebLock } from './lock.js';
import { memoryStorage, type TokenStorage } from './token-storage.js';

/**
 * For a refresh token in an HttpOnly cookie, which no script can read. Only the access token is kept here, in memory,
 * and shared with the other tabs.
 * @param name one a session
 */
export function cookieStorage(name = 'nest-refresh-token'): TokenStorage {
  const fullName = `nest-refresh-token:${name}`;
  const memory = memoryStorage();
  const { BroadcastChannel } = globalThis as { BroadcastChannel?: typeof globalThis.BroadcastChannel };
  const channel = BroadcastChannel && new BroadcastChannel(fullName);
  const subscribe = (listener: (message: MessageEvent<string>) => void): void => {
    channel?.addEventListener('message', listener);
  };
  subscribe(({ data }) => memory.set(data));
  // In Node it would keep the process up.
  (channel as { unref?(): void } | undefined)?.unref?.();
  return {
    ...memory,
    isCookie: true,
    set: (text) => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A channel has one origin, and takes none.
      channel?.postMessage(text);
      return memory.set(text);
    },
    subscribe,
    lock: (work, patience) => inWebLock(fullName, work, patience, work),
  };
}
