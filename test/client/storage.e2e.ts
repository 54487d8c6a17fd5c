import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { browserStorage, memoryStorage, type SessionOptions, type TokenStorage } from 'nest-refresh-token/client';
import { listenedSession, VirtualTime, type ListenedSession } from '../support/clients/client-session.js';
import { pageGlobalsForEachTest } from '../support/clients/page-globals.js';
import { until } from '../support/servers/process.js';
import { answer, Gate, rotating, ScriptedServer } from '../support/clients/scripted-server.js';
import { HOUR } from '../support/test-clock.js';
import { limit } from '../support/time.js';

const TOKENS = { access_token: 'access-1', refresh_token: 'refresh-1', expires_in: 3_600 };
const OVER = answer(401, { error: 'invalid_refresh_token' });

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
  server.script('/refresh_token', rotating());
  server.script('/logout', answer(204));
});
afterEach(() => server.close());

function tab(storage: TokenStorage, options: Partial<SessionOptions> & { time?: VirtualTime } = {}): ListenedSession {
  return listenedSession({ refreshUrl: `${server.url}/refresh_token`, storage, ...options });
}

/** Works that are never done two at once, or a test fails. */
function exclusiveWork() {
  let isBusy = false;
  const done: number[] = [];
  const work = (n: number) => async () => {
    if (isBusy) throw new Error('Two at once.');
    isBusy = true;
    await delay(20);
    isBusy = false;
    done.push(n);
    return n;
  };
  return { work, done };
}

const signedOut = (reason: string) => ['signedOut', { reason }];

describe('browserStorage', () => {
  const page = pageGlobalsForEachTest();
  const KEY = 'nest-refresh-token';
  const LEASE = 'nest-refresh-token:lock';

  /** Three tabs, of one session that all know of. */
  async function tabs(time = new VirtualTime()): Promise<[ListenedSession, ListenedSession, ListenedSession]> {
    const three = [1, 2, 3].map(() => tab(browserStorage(), { time })) as [
      ListenedSession,
      ListenedSession,
      ListenedSession,
    ];
    await three[0].signIn(TOKENS);
    for (const each of three) expect(await each.getAccessToken()).toBe('access-1');
    return three;
  }

  it('keeps one text under its key', async () => {
    const session = tab(browserStorage('shop'));
    await session.signIn(TOKENS);
    expect([...page.area.keys()]).toEqual(['shop']);
    expect(JSON.parse(page.area.get('shop') ?? '')).toEqual({
      ...TOKENS,
      obtained_at: session.time.now(),
      sign_in: expect.any(Number),
    });
    expect(await tab(browserStorage()).getAccessToken()).toBeNull();
    expect(await tab(browserStorage('shop'), { time: session.time }).getAccessToken()).toBe('access-1');
  });

  it('shows a refresh to the other tabs, which then need none', async () => {
    const [one, other] = await tabs();
    one.time.clock.advance(HOUR);
    expect(await one.getAccessToken()).toBe('access-2');
    expect(await other.getAccessToken()).toBe('access-2');
    expect(await other.getAccessToken({ refused: 'access-1' })).toBe('access-2');
    expect(server.tokens('/refresh_token')).toEqual(['refresh-1']);
    expect(other.told).toEqual([]);
  });

  it('shows a sign-out to all tabs: each tells it once', async () => {
    const all = await tabs();
    expect(await all[1].signOut()).toBe(true);
    await until('all have told', () => (all.every(({ told }) => told.length > 0) ? true : undefined));
    for (const each of all) {
      expect(await each.getAccessToken()).toBeNull();
      expect(each.told).toEqual([signedOut('sign_out')]);
    }
    expect(server.seen('/logout')).toHaveLength(1);
    expect(JSON.parse(page.area.get(KEY) ?? '')).toEqual({ ended: 'sign_out', sign_in: expect.any(Number) });
  });

  it('shows an end to all tabs, with the reason of the one that met it, and asks the server once', async () => {
    server.script('/refresh_token', OVER);
    const all = await tabs();
    expect(await all[2].getAccessToken({ refused: 'access-1' })).toBeNull();
    await until('all have told', () => (all.every(({ told }) => told.length > 0) ? true : undefined));
    await all[0].signOut();
    for (const each of all) {
      expect(await each.getAccessToken({ refused: 'access-1' })).toBeNull();
      expect(each.told).toEqual([signedOut('invalid_refresh_token')]);
    }
    expect(server.seen('/refresh_token')).toHaveLength(1);
    expect(JSON.parse(page.area.get(KEY) ?? '')).toEqual({
      ended: 'invalid_refresh_token',
      sign_in: expect.any(Number),
    });
  });

  it('that is cleared by somebody else signs out', async () => {
    const [one] = await tabs();
    page.area.delete(KEY);
    expect(await one.getAccessToken()).toBeNull();
    expect(one.told).toEqual([signedOut('sign_out')]);
  });

  it('tells nothing to a tab that is opened after the end, and lets it sign in for all', async () => {
    const [one] = await tabs();
    await one.signOut();
    const late = tab(browserStorage(), { time: one.time });
    expect(await late.getAccessToken()).toBeNull();
    expect(late.told).toEqual([]);
    await late.signIn({ ...TOKENS, access_token: 'access-of-bob' });
    expect(await one.getAccessToken()).toBe('access-of-bob');
    expect(one.told).toEqual([signedOut('sign_out')]);
  });

  it('tells a tab that has not asked for anything yet', async () => {
    const [one] = await tabs();
    const idle = tab(browserStorage());
    await one.signOut();
    await until('it has told', () => (idle.told.length > 0 ? true : undefined));
    expect(idle.told).toEqual([signedOut('sign_out')]);
  });

  describe('without Web Locks', () => {
    it('lets one tab work at a time, each once', async () => {
      const { work, done } = exclusiveWork();
      const all = Array.from({ length: 6 }, (_, n) => browserStorage().lock?.(work(n), 20_000));
      expect(await Promise.all(all)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(done.toSorted()).toEqual([0, 1, 2, 3, 4, 5]);
      expect([...page.area.keys()]).toEqual([]);
    });

    it('hands on what the work throws, and leaves no lease', async () => {
      const failing = browserStorage().lock?.(() => Promise.reject(new Error('No.')), 1_000);
      await expect(failing).rejects.toThrow('No.');
      expect([...page.area.keys()]).toEqual([]);
    });

    it('waits for a tab that is frozen no longer than its patience, and leaves that tab its lease', async () => {
      const frozen = String(Date.now() - 10);
      page.area.set(LEASE, frozen);
      const begun = Date.now();
      let kept: string | undefined;
      const work = async () => {
        kept = page.area.get(LEASE);
        // Somebody else has come by.
        page.area.set(LEASE, '1');
        return 'done';
      };
      expect(await browserStorage().lock?.(work, 300)).toBe('done');
      expect(Date.now() - begun).toBeGreaterThanOrEqual(280);
      expect(Date.now() - begun).toBeLessThan(limit(1_000));
      expect(kept).toBeDefined();
      expect(page.area.get(LEASE)).toBe('1');
    });

    it('goes on without where others hold it all the time', async () => {
      const others = setInterval(() => page.area.set(LEASE, String(Date.now())), 1);
      try {
        expect(await browserStorage().lock?.(async () => 'done', 200)).toBe('done');
      } finally {
        clearInterval(others);
      }
    });

    it.each([
      ['is over', () => String(Date.now() - 10_001)],
      ['begins in years: a clock was turned back', () => String(Date.now() + 1e11)],
      ['is none', () => 'x'],
    ])('takes no notice of a lease that %s', async (_, lease) => {
      page.area.set(LEASE, lease());
      const begun = Date.now();
      await browserStorage().lock?.(async () => undefined, 10_000);
      expect(Date.now() - begun).toBeLessThan(limit(700));
    });
  });

  describe('with Web Locks', () => {
    it('lets one tab work at a time, by a lock of its name, and leaves no lease', async () => {
      const locks = page.provideLocks();
      const { work, done } = exclusiveWork();
      const all = Array.from({ length: 6 }, (_, n) => browserStorage('shop').lock?.(work(n), 2_000));
      expect(await Promise.all(all)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(done).toHaveLength(6);
      expect(new Set(locks.asked)).toEqual(new Set(['shop']));
      expect([...page.area.keys()]).toEqual([]);
    });

    it('hands on what the work throws, and doesn’t do it twice', async () => {
      page.provideLocks();
      let times = 0;
      const failing = browserStorage().lock?.(() => {
        times += 1;
        return Promise.reject(new Error('No.'));
      }, 1_000);
      await expect(failing).rejects.toThrow('No.');
      expect(times).toBe(1);
    });

    it('waits for a tab that is frozen no longer than its patience', async () => {
      page.provideLocks();
      const gate = new Gate();
      const frozen = browserStorage().lock?.(gate.before(() => undefined) as () => Promise<void>, 200);
      expect(await browserStorage().lock?.(async () => 'done', 200)).toBe('done');
      gate.release();
      await frozen;
    });

    it('lets what the last tab wrote arrive, before it reads', async () => {
      page.provideLocks();
      const [one] = await tabs();
      const call = one.getAccessToken({ refused: 'access-1' });
      setTimeout(
        () => page.area.set(KEY, JSON.stringify({ ...TOKENS, access_token: 'access-9', obtained_at: one.time.now() })),
        5,
      );
      expect(await call).toBe('access-9');
      expect(server.requests).toEqual([]);
    });
  });
});

it('browserStorage where there is no page says so', async () => {
  const session = tab(browserStorage());
  await expect(session.getAccessToken()).rejects.toThrow('localStorage is not defined');
  await expect(session.signIn(TOKENS)).rejects.toThrow('localStorage is not defined');
});

describe('a storage of the host’s own', () => {
  /** A keychain that takes its time. */
  function keychain() {
    const memory = memoryStorage();
    return {
      get: async () => {
        const text = memory.get();
        await delay(10);
        return text;
      },
      set: async (text: string) => {
        await delay(5);
        await memory.set(text);
      },
    } satisfies TokenStorage;
  }

  it('may be slow: what was read before a sign-in doesn’t sign out', async () => {
    const session = tab(keychain());
    const early = session.getAccessToken();
    await session.signIn(TOKENS);
    expect(await early).toBeNull();
    expect(await session.getAccessToken()).toBe('access-1');
    expect(session.told).toEqual([]);
  });

  it('may be slow: an answer that is being saved doesn’t undo a sign-out', async () => {
    const storage = keychain();
    let saving: Promise<boolean> | undefined;
    const session = tab({
      ...storage,
      set: (text) => {
        if (text.includes('access-2')) saving ??= session.signOut();
        return storage.set(text);
      },
    });
    await session.signIn(TOKENS);
    await session.getAccessToken({ refused: 'access-1' });
    expect(await saving).toBe(true);
    expect(await session.getAccessToken()).toBeNull();
    expect(server.tokens('/logout')).toEqual(['refresh-2']);
  });

  it('that fails once is asked again the next time', async () => {
    const storage = memoryStorage();
    const session = tab(storage);
    await session.signIn(TOKENS);
    const { get } = storage;
    storage.get = () => Promise.reject(new Error('The keychain is locked.'));
    await expect(session.getAccessToken()).rejects.toThrow('The keychain is locked.');
    storage.get = get;
    expect(await session.getAccessToken()).toBe('access-1');
    expect(session.told).toEqual([]);
  });
});
