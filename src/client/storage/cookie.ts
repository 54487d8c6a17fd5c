import { lockOf } from '../lock.js';
import { memoryStorage, type TokenStorage } from './storage.js';

/**
 * For a refresh token in an HttpOnly cookie, which no script can read. Only the access token is kept here, in memory,
 * and in a page shared with its other tabs.
 * @param name one a session
 */
export function cookieStorage(name = 'nest-refresh-token'): TokenStorage {
  const memory = { ...memoryStorage(), isCookie: true };
  const { document, BroadcastChannel } = globalThis as Partial<typeof globalThis>;
  // On a server, others of this name are other users.
  if (!document || !BroadcastChannel) return memory;

  const channel = new BroadcastChannel(name);
  return {
    ...memory,
    set: (text) => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A channel has one origin, and takes none.
      channel.postMessage(text);
      return memory.set(text);
    },
    subscribe: (listener) => {
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- A storage has one session.
      channel.onmessage = ({ data }: MessageEvent<string>) => {
        void memory.set(data);
        listener();
      };
    },
    lock: lockOf(name),
  };
}
