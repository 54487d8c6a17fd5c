import { delay } from './delay.js';
import type { Emit } from './event-hub.js';
import { AHEAD_WAIT } from './limits.js';
import { isBefore, parseObject, type StoredSession } from './stored-session.js';
import type { TokenStorage } from './storage/storage.js';

/** Reads and writes the stored session, one access at a time, and notices sign-ins and sign-outs. */
export interface StoredSessionStore {
  /** Runs `work` with the stored session. No other access of this tab runs meanwhile. */
  use<T>(work: (session: StoredSession) => T | Promise<T>): Promise<T>;
  /** Writes the session; to be called within `use` only. */
  save(session: StoredSession): Promise<undefined>;
  /**
   * Writes a sign-in or a sign-out at once, without the lock.
   * @param make makes the new session from the stored one
   */
  replace(make: (session: StoredSession) => StoredSession): Promise<undefined>;
  /** Waits until no tab that was refreshing during `replace` can overwrite its session any more. Never rejects. */
  settle(): Promise<unknown>;
  /** Whether the session has a refresh token, or may have one in the cookie. */
  canRefresh(session: StoredSession): string | boolean | undefined;
  /** Runs `work` while no other tab runs its own. */
  lock<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * @param patience how long the lock waits for other tabs, in milliseconds
 * @param now the time in milliseconds
 * @param abandon called at every sign-in and sign-out, in whichever tab
 */
export function storedSessionStore(
  storage: TokenStorage,
  emit: Emit,
  patience: number,
  now: () => number,
  abandon: () => void,
): StoredSessionStore {
  let known: StoredSession = {};
  let last: Promise<unknown> = Promise.resolve();

  /** A value that differs from one sign-in to the next; falsy where nobody is signed in. */
  const whose = ({ ended, sign_in, refresh_token, access_token }: StoredSession) =>
    !ended && (sign_in ?? refresh_token ?? access_token);

  const observe = (session: StoredSession): void => {
    const [was, is] = [whose(known), whose(session)];
    known = session;
    if (was !== is) abandon();
    if (was && !is) emit('signedOut', { reason: session.ended ?? 'sign_out' });
  };

  const use: StoredSessionStore['use'] = (work) => {
    const run = async () => {
      let session: StoredSession = parseObject(await storage.get());
      // Another tab has written an earlier sign-in or sign-out late: the known one is written again. A storage with
      // `remove` keeps no number of a sign-out to compare with.
      if (!storage.remove && (session.ended ?? session.sign_in) && isBefore(session, known))
        await save((session = known));
      observe(session);
      return work(session);
    };
    const used = last.then(run, run);
    last = used;
    return used;
  };

  const save: StoredSessionStore['save'] = async (session) => {
    await (session.ended && storage.remove ? storage.remove() : storage.set(JSON.stringify(session)));
    observe(session);
  };

  const lock: StoredSessionStore['lock'] = (work) => (storage.lock ? storage.lock(work, patience) : work());

  const look = () => use(() => undefined).catch(() => undefined);
  storage.subscribe?.(look);
  void look();

  return {
    use,
    save,
    replace: (make) =>
      use((stored) => save({ ...make(stored), sign_in: Math.max(stored.sign_in ?? 0, now()) + 1 + Math.random() })),
    // A tab that was refreshing may have read before `replace` and written after it. Looking under the lock, once that
    // tab is done, repairs that. A frozen tab keeps the lock and writes nothing, so the wait ends after AHEAD_WAIT.
    settle: async () => storage.lock && Promise.race([lock(look).catch(() => undefined), delay(AHEAD_WAIT)]),
    canRefresh: ({ ended, refresh_token }) => !ended && (storage.isCookie ?? refresh_token),
    lock,
  };
}
