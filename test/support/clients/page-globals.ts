import { afterEach, beforeEach } from '@jest/globals';

/** `localStorage`, its events and Web Locks, as the client library finds them in a page; all tabs are in one process. */
export interface PageGlobals {
  /** What `localStorage` holds. */
  readonly area: Map<string, string>;
  /** From now on there are Web Locks. */
  provideLocks(): { readonly asked: string[] };
}

/** Puts them there for every test of the suite. */
export function pageGlobalsForEachTest(): PageGlobals {
  const area = new Map<string, string>();
  const names = ['localStorage', 'addEventListener', 'navigator'] as const;
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));

  beforeEach(() => {
    area.clear();
    const events = new EventTarget();
    const localStorage = {
      getItem: (key: string) => area.get(key) ?? null,
      removeItem: (key: string) => area.delete(key),
      setItem: (key: string, text: string) => {
        area.set(key, text);
        // To a tab's own writes as well, which must do no harm.
        setImmediate(() => events.dispatchEvent(new Event('storage')));
      },
    };
    define('localStorage', localStorage);
    define('addEventListener', events.addEventListener.bind(events));
    define('navigator', {});
  });
  afterEach(() => {
    for (const [at, name] of names.entries()) {
      Reflect.deleteProperty(globalThis, name);
      const descriptor = before[at];
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
    }
  });

  return {
    area,
    provideLocks: () => {
      const locks = new Locks();
      define('navigator', { locks });
      return locks;
    },
  };
}

/** What of the Web Locks API is used: one holder a name, the others wait in a row until their signal aborts. */
class Locks {
  readonly asked: string[] = [];
  private readonly last = new Map<string, Promise<unknown>>();

  request<T>(name: string, { signal }: { signal: AbortSignal }, work: () => Promise<T>): Promise<T> {
    this.asked.push(name);
    const held = this.last.get(name) ?? Promise.resolve();
    return new Promise<T>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
      const hold = async () => {
        await held;
        if (signal.aborted) return;
        const result = work();
        resolve(result);
        await result.catch(() => undefined);
      };
      this.last.set(name, hold());
    });
  }
}

function define(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
