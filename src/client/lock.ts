import { delay } from './delay.js';
import { WRITE_DELAY } from './limits.js';
import type { TokenStorage } from './storage/storage.js';

type Lock = NonNullable<TokenStorage['lock']>;

/**
 * Makes the `lock` of a storage: the Web Lock of this name, or a lease in `localStorage` where the platform has no Web
 * Locks (older browsers, insecure origins).
 */
export const lockOf =
  (name: string): Lock =>
  async (work, patience) => {
    let isHeld = false;
    const waiting = new AbortController();
    // An abort has no effect once the lock is held.
    const timer = setTimeout(() => waiting.abort(), patience);
    try {
      return await navigator.locks.request(name, { signal: waiting.signal }, async () => {
        isHeld = true;
        // The last holder's write may reach this tab later than the lock does.
        await delay(WRITE_DELAY);
        return work();
      });
    } catch (error) {
      if (isHeld) throw error;
      return inLease(`${name}:lock`, work, patience);
    } finally {
      clearTimeout(timer);
    }
  };

/**
 * Runs `work` while `localStorage` has this tab's lease: the time at which the lease began, plus a random fraction,
 * since another tab's may begin in the same millisecond. Without `localStorage`, `work` runs without a lease.
 */
async function inLease<T>(name: string, work: () => Promise<T>, patience: number): Promise<T> {
  const until = Date.now() + patience;
  let lease: string | undefined;
  const isMine = () => localStorage.getItem(name) === lease;
  try {
    do {
      // A clock that was turned must not make another tab's lease last longer.
      if (!(Math.abs(Date.now() - Number(localStorage.getItem(name))) < patience)) {
        lease = `${Date.now() + Math.random()}`;
        localStorage.setItem(name, lease);
      }
      // Another tab may have written at the same time: the last write has the lease.
      await delay(WRITE_DELAY);
    } while (!isMine() && Date.now() < until);
  } catch {
    // `localStorage` is missing, full or forbidden.
  }
  try {
    return await work();
  } finally {
    if (lease && isMine()) localStorage.removeItem(name);
  }
}
