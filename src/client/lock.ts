import { delay } from './delay.js';
import { SETTLE } from './limits.js';

/**
 * Does `work` in the Web Lock of that name.
 * @param patience milliseconds; after that the holder counts as frozen
 * @param otherwise what is done without the lock
 */
export async function inWebLock<T>(
  name: string,
  work: () => Promise<T>,
  patience: number,
  otherwise: () => Promise<T>,
): Promise<T> {
  let isHeld = false;
  const waiting = new AbortController();
  try {
    const done = navigator.locks.request(name, { signal: waiting.signal }, async () => {
      isHeld = true;
      // Locks and storages reach a tab by different ways: what the last holder wrote may come after the lock.
      await delay(SETTLE);
      return work();
    });
    // Once the lock is held, this has no effect.
    setTimeout(() => waiting.abort(), patience);
    return await done;
  } catch (error) {
    // Neither browsers of old nor insecure origins have Web Locks.
    if (!isHeld) return otherwise();
    throw error;
  }
}

/**
 * Does `work` in a lease: its end, with a fraction that tells it from others, in `localStorage`.
 * @param patience milliseconds; after that the holder counts as frozen
 */
export async function inLease<T>(name: string, work: () => Promise<T>, patience: number): Promise<T> {
  const until = Date.now() + patience;
  let lease: string | undefined;
  const isMine = () => localStorage.getItem(name) === lease;
  do {
    const left = Number(localStorage.getItem(name)) - Date.now();
    // One that would last longer is of a clock that was turned back since.
    if (!(left > 0 && left <= patience + 1)) {
      lease = `${Date.now() + patience + Math.random()}`;
      localStorage.setItem(name, lease);
    }
    // Another tab may have written in the same moment: whoever was last has it.
    await delay(SETTLE);
  } while (!isMine() && Date.now() < until);
  try {
    return await work();
  } finally {
    if (isMine()) localStorage.removeItem(name);
  }
}
