import { delay } from './delay.js';
import type { Emit } from './event-hub.js';
import { AHEAD } from './limits.js';
import { isBefore, parseObject, type StoredSession } from './stored-session.js';
import type { TokenStorage } from './storage/storage.js';

/** The storage, one access at a time; notices when somebody signs in or out. */
export interface SessionStore {
  /** Gives `work` what is stored; nothing of this tab comes in between. */
  use<T>(work: (session: StoredSession) => T | Promise<T>): Promise<T>;
  /** Within `use`. */
  save(session: StoredSession): Promise<undefined>;
  /**
   * Saves a sign-in or a sign-out at once.
   * @param make of what is stored what is to be
   */
  replace(make: (session: StoredSession) => StoredSession): Promise<undefined>;
  /** Waits until no tab that was refreshing meanwhile can undo that any more; never rejects. */
  settle(): Promise<unknown>;
  /** Whether there is, or may be, something to refresh with. */
  canRefresh(session: StoredSession): string | boolean | undefined;
  /** Does `work` while no other tab does. */
  lock<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * @param patience how long other tabs are waited for, in milliseconds
 * @param abandon called once somebody signs in or out, in whichever tab
 */
export function sessionStore(
  storage: TokenStorage,
  emit: Emit,
  patience: number,
  now: () => number,
  abandon: () => void,
): SessionStore {
  let known: StoredSession = {};
  let last: Promise<unknown> = Promise.resolve();

  /** Tells whose session it is, if anybody's. */
  const whose = ({ ended, sign_in, refresh_token, access_token }: StoredSession) =>
    !ended && (sign_in ?? refresh_token ?? access_token);

  const observe = (session: StoredSession): void => {
    const [was, is] = [whose(known), whose(session)];
    known = session;
    if (was !== is) abandon();
    if (was && !is) emit('signedOut', { reason: session.ended ?? 'sign_out' });
  };

  const use: SessionStore['use'] = (work) => {
    const run = async () => {
      let session: StoredSession = parseObject(await storage.get());
      // Of a sign-in before, or the end of one: another tab has written it late. Where the end is not kept, nor its
      // number, nobody can tell.
      if (!storage.remove && (session.ended ?? session.sign_in) && isBefore(session, known))
        await save((session = known));
      observe(session);
      return work(session);
    };
    const used = last.then(run, run);
    last = used;
    return used;
  };

  const save: SessionStore['save'] = async (session) => {
    await (session.ended && storage.remove ? storage.remove() : storage.set(JSON.stringify(session)));
    observe(session);
  };

  const lock: SessionStore['lock'] = (work) => (storage.lock ? storage.lock(work, patience) : work());

  const look = () => use(() => undefined).catch(() => undefined);
  storage.subscribe?.(look);
  void look();

  return {
    use,
    save,
    replace: (make) =>
      use((stored) => save({ ...make(stored), sign_in: Math.max(stored.sign_in ?? 0, now()) + 1 + Math.random() })),
    // A tab that was refreshing may have read before, and written after: whoever looks once it has ended puts that right.
    // A tab that is frozen has the lock, and writes nothing.
    settle: async () => storage.lock && Promise.race([lock(look).catch(() => undefined), delay(AHEAD)]),
    canRefresh: ({ ended, refresh_token }) => !ended && (storage.isCookie ?? refresh_token),
    lock,
  };
}
