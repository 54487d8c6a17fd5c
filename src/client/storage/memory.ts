import type { TokenStorage } from './storage.js';

/** Keeps the tokens in a variable: they are gone with the page or the process. */
export function memoryStorage(): TokenStorage {
  let kept: string | null = null;
  return {
    get: () => kept,
    set: (text) => {
      kept = text;
    },
  };
}
