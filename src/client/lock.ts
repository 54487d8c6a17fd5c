import { delay } from './delay.js';
import { SETTLE } from './limits.js';
import type { TokenStorage } from './storage/storage.js';

type Lock = NonNullable<TokenStorage['lock']>;

/**
 * The lock of a storage: the Web Lock of that name; a lease where there are none, as in browsers of old and on insecure
 * origins.
 */
export const lockOf =
  (name: string): Lock =>
  async (work, patience) => {
    let isHeld = false;
    const waiting = new AbortController();
    // Once the lock is held, this has no effect.
    const timer = setTimeout(() => waiting.abort(), patience);
    try {
      return await navigator.locks.request(name, { signal: waiting.signal }, async () => {
        isHeld = true;
        // Locks and storages reach a tab by different ways: what the last holder wrote may come after the lock.
        await delay(SETTLE);
        return work();
      });
    } catch (error) {
      if (isHeld) throw error;
      return inLease(`${name}:lock`, work, patience);
    } finally {
      clearTimeout(timer);
    }
  };

/** A lease: when it began, with a fraction that tells it from others, in `localStorage`; without that, just `work`. */
async function inLease<T>(name: string, work: () => Promise<T>, patience: number): Promise<T> {
  const until = Date.now() + patience;
  let lease: string | undefined;
  const isMine = () => localStorage.getItem(name) === lease;
  try {
    do {
      // However a clock was turned since, none lasts longer.
      if (!(Math.abs(Date.now() - Number(localStorage.getItem(name))) < patience)) {
        lease = `${Date.now() + Math.random()}`;
        localStorage.setItem(name, lease);
      }
      // Another tab may have written in the same moment: whoever was last has it.
      await delay(SETTLE);
    } while (!isMine() && Date.now() < until);
  } catch {
    // None, or one that is full or forbidden.
  }
  try {
    return await work();
  } finally {
    if (lease && isMine()) localStorage.removeItem(name);
  }
}
