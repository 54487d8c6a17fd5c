import type { Emit } from './event-hub.js';
import { parseObject, type StoredSession } from './stored-session.js';
import type { TokenStorage } from './token-storage.js';

/** The storage, one access at a time; notices when somebody is signed out. */
export interface SessionStore {
  /** Gives `work` what is stored; nothing of this tab comes in between. */
  use<T>(work: (session: StoredSession) => T | Promise<T>): Promise<T>;
  /** Within `use`. */
  save(session: StoredSession): Promise<undefined>;
  /** Whether there is, or may be, something to refresh with. */
  canRefresh(session: StoredSession): string | boolean | undefined;
  /** Does `work` while no other tab does. */
  lock<T>(work: () => Promise<T>): Promise<T>;
}

/** @param patience how long other tabs are waited for, in milliseconds */
export function sessionStore(storage: TokenStorage, emit: Emit, patience: number): SessionStore {
  let isSignedIn: unknown;
  let last: Promise<unknown> = Promise.resolve();

  const observe = ({ ended, sign_in, refresh_token, access_token }: StoredSession): void => {
    const wasSignedIn = isSignedIn;
    isSignedIn = sign_in ?? refresh_token ?? access_token;
    if (wasSignedIn && !isSignedIn) emit('signedOut', { reason: ended ?? 'sign_out' });
  };

  const use: SessionStore['use'] = (work) => {
    const run = async () => {
      const session = parseObject(await storage.get()) as StoredSession;
      observe(session);
      return work(session);
    };
    const used = last.then(run, run);
    last = used;
    return used;
  };

  const look = () => void use(() => undefined).catch(() => undefined);
  storage.subscribe?.(look);
  look();

  return {
    use,
    save: async (session): Promise<undefined> => {
      await (session.ended && storage.remove ? storage.remove() : storage.set(JSON.stringify(session)));
      observe(session);
    },
    canRefresh: ({ ended, refresh_token }) => !ended && (storage.isCookie ?? refresh_token),
    lock: (work) => (storage.lock ? storage.lock(work, patience) : work()),
  };
}
