import { lockOf } from '../lock.js';
import { memoryStorage } from './memory.js';
import type { TokenStorage } from './storage.js';

/**
 * For a refresh token in an HttpOnly cookie, which no script can read. This storage keeps the access token only, in
 * memory. In a browser, the tabs of one origin share it.
 * @param name of the channel between the tabs; each session has its own
 * @example createSession({ refreshUrl: '/refresh_token', storage: cookieStorage() })
 */
export function cookieStorage(name = 'nest-refresh-token'): TokenStorage {
  const memory = { ...memoryStorage(), isCookie: true };
  const { document, BroadcastChannel } = globalThis as Partial<typeof globalThis>;
  // On a server, sessions of the same name belong to different users: nothing may be shared.
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
