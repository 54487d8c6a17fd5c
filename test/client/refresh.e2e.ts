import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { memoryStorage, type TokenStorage } from 'nest-refresh-token/client';
import {
  arrivedAt,
  OVER,
  signedInAt,
  storedIn,
  TOKENS,
  VirtualTime,
  type ListenedSession,
} from '../support/clients/client-session.js';
import { answer, Gate, rotating, ScriptedServer, silence } from '../support/clients/scripted-server.js';
import { DAY, HOUR, SECOND, TestClock } from '../support/test-clock.js';

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
  server.script('/refresh_token', rotating());
});
afterEach(() => server.close());

const signedIn = (options?: Parameters<typeof signedInAt>[1], tokens?: object) => signedInAt(server, options, tokens);
const sent = () => server.tokens('/refresh_token');
const arrived = (path: string, count: number) => arrivedAt(server, path, count);

describe('an access token', () => {
  it.each([
    ['an hour', 3_600, 3_570],
    ['two minutes', 120, 90],
    ['a minute', 60, 45],
    ['ten seconds', 10, 7.5],
  ])('that lives %s is fresh until its last 30 s, or quarter', async (_, expires_in, fresh) => {
    const session = await signedIn({}, { ...TOKENS, expires_in });
    session.time.clock.advance(fresh * SECOND - 1);
    expect(await session.getAccessToken()).toBe('access-1');
    expect(sent()).toEqual([]);
    session.time.clock.advance(1);
    expect(await session.getAccessToken()).toBe('access-2');
    expect(sent()).toEqual(['refresh-1']);
  });

  it.each([-20 * 365 * DAY, 20 * 365 * DAY])('is judged by differences: the clock may be %d ms off', async (off) => {
    const session = await signedIn({ time: new VirtualTime(new TestClock(Date.now() + off)) });
    expect(await session.getAccessToken()).toBe('access-1');
    session.time.clock.advance(HOUR);
    expect(await session.getAccessToken()).toBe('access-2');
    expect(await session.getAccessToken()).toBe('access-2');
    expect(sent()).toEqual(['refresh-1']);
  });

  it.each([
    ['back', -1],
    ['forward', 10 * DAY],
  ])('is refreshed when the clock was turned %s', async (_, turn) => {
    const session = await signedIn();
    session.time.clock.advance(turn);
    expect(await session.getAccessToken()).toBe('access-2');
  });

  it('has lived since it was asked for, not since its answer came', async () => {
    const session = await signedIn({}, { ...TOKENS, expires_in: 0.001 });
    session.time.clock.advance(SECOND);
    server.script(
      '/refresh_token',
      (response, request) => {
        session.time.clock.advance(10 * SECOND);
        return rotating({ expires_in: 60 })(response, request);
      },
      rotating({}, 3),
    );
    expect(await session.getAccessToken()).toBe('access-2');
    session.time.clock.advance(35 * SECOND - 1);
    expect(await session.getAccessToken()).toBe('access-2');
    session.time.clock.advance(1);
    expect(await session.getAccessToken()).toBe('access-3');
  });

  it('whose life the server doesn’t tell lasts until it is refused', async () => {
    const session = await signedIn({}, { access_token: 'access-1', refresh_token: 'refresh-1' });
    session.time.clock.advance(365 * DAY);
    expect(await session.getAccessToken()).toBe('access-1');
    server.script('/refresh_token', answer(200, { access_token: 'access-2', refresh_token: 'refresh-2' }));
    expect(await session.getAccessToken({ refused: 'access-1' })).toBe('access-2');
    session.time.clock.advance(365 * DAY);
    expect(await session.getAccessToken()).toBe('access-2');
    expect(session.told).toEqual([['refreshed', { expiresIn: Infinity }]]);
  });

  it('that is over as it comes is handed out all the same, once', async () => {
    server.script('/refresh_token', rotating({ expires_in: -1 }));
    const session = await signedIn({}, { refresh_token: 'refresh-1' });
    expect(await session.getAccessToken()).toBe('access-2');
    expect(await session.getAccessToken()).toBe('access-3');
    expect(sent()).toEqual(['refresh-1', 'refresh-2']);
  });

  it('is asked for at once where the login handed out none', async () => {
    const session = await signedIn({}, { refresh_token: 'refresh-1' });
    expect(await session.getAccessToken()).toBe('access-2');
  });
});

describe('a refresh', () => {
  it('sends the refresh token in the header, and nothing else', async () => {
    let init: RequestInit | undefined;
    const session = await signedIn({
      fetch: (input, given) => {
        init = given;
        return fetch(input, given);
      },
    });
    await session.getAccessToken({ refused: 'access-1' });
    const [request] = server.seen('/refresh_token');
    expect(request).toMatchObject({ method: 'POST', body: '', headers: { authorization: 'Bearer refresh-1' } });
    expect(request?.headers.cookie).toBeUndefined();
    expect(init).toMatchObject({ cache: 'no-store', redirect: 'error', credentials: 'omit', keepalive: false });
  });

  it('is saved before anybody has its access token', async () => {
    const storage = memoryStorage();
    const session = await signedIn({ storage });
    session.time.clock.advance(HOUR);
    const at = session.time.now();
    expect(await session.getAccessToken()).toBe('access-2');
    expect(storedIn(storage)).toEqual({
      access_token: 'access-2',
      refresh_token: 'refresh-2',
      expires_in: 3_600,
      obtained_at: at,
    });
  });

  it('that can’t be saved isn’t used', async () => {
    const storage = memoryStorage();
    const session = await signedIn({ storage });
    storage.set = () => {
      throw new Error('The disk is full.');
    };
    await expect(session.getAccessToken({ refused: 'access-1' })).rejects.toThrow('The disk is full.');
    expect(session.told).toEqual([]);
  });

  it('is one for all who need it, whatever was refused to them', async () => {
    const gate = new Gate();
    server.script('/refresh_token', gate.before(rotating()));
    const session = await signedIn();
    session.time.clock.advance(2 * HOUR);
    const calls = [
      session.getAccessToken(),
      session.getAccessToken({ refused: 'access-1' }),
      session.getAccessToken({ refused: 'access-0' }),
    ];
    await arrived('/refresh_token', 1);
    calls.push(session.getAccessToken(), session.getAccessToken({ refused: 'access-1' }));
    gate.release();
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 5 }, () => 'access-2'));
    expect(sent()).toEqual(['refresh-1']);
  });

  it('isn’t needed for a token that was refused long ago', async () => {
    const session = await signedIn();
    expect(await session.getAccessToken({ refused: 'access-0' })).toBe('access-1');
    expect(sent()).toEqual([]);
  });

  it('comes anew where its very token is refused', async () => {
    const session = await signedIn();
    expect(await session.getAccessToken({ refused: 'access-1' })).toBe('access-2');
    expect(await session.getAccessToken({ refused: 'access-2' })).toBe('access-3');
    expect(sent()).toEqual(['refresh-1', 'refresh-2']);
  });

  it('that began before a token was refused doesn’t hand that token out', async () => {
    const gate = new Gate();
    server.script('/refresh_token', gate.before(answer(200, { ...TOKENS, refresh_token: 'refresh-2' })), rotating());
    const session = await signedIn();
    const first = session.getAccessToken({ refused: 'access-0' });
    session.time.clock.advance(HOUR);
    const calls = [session.getAccessToken(), session.getAccessToken({ refused: 'access-1' })];
    gate.release();
    expect(await first).toBe('access-1');
    // A server that hands out the same access token again.
    expect(await Promise.all(calls)).toEqual(['access-1', 'access-2']);
  });

  it('keeps the refresh token where the server doesn’t rotate', async () => {
    server.script('/refresh_token', answer(200, { access_token: 'access-2', expires_in: 60, refresh_token: null }));
    const session = await signedIn();
    await session.getAccessToken({ refused: 'access-1' });
    await session.getAccessToken({ refused: 'access-2' }).catch(() => undefined);
    expect(sent().slice(0, 2)).toEqual(['refresh-1', 'refresh-1']);
  });

  it('sends what is in the storage right then', async () => {
    const storage = memoryStorage();
    const session = await signedIn({ storage });
    storage.set(JSON.stringify({ refresh_token: 'refresh-of-another-tab' }));
    await session.getAccessToken();
    expect(sent()).toEqual(['refresh-of-another-tab']);
  });

  it('isn’t sent where another tab has refreshed while this one waited for the lock', async () => {
    const storage = memoryStorage();
    const time = new VirtualTime();
    const lock: TokenStorage['lock'] = (work) => {
      storage.set(
        JSON.stringify({
          access_token: 'access-9',
          refresh_token: 'refresh-9',
          expires_in: 60,
          obtained_at: time.now(),
        }),
      );
      return work();
    };
    const session = await signedIn({ storage: { ...storage, lock }, time });
    expect(await session.getAccessToken({ refused: 'access-1' })).toBe('access-9');
    expect(sent()).toEqual([]);
    expect(session.told).toEqual([]);
  });

  it('lets the lock of the storage wait no longer than an answer and 5 s', async () => {
    const asked: number[] = [];
    const lock: TokenStorage['lock'] = (work, patience) => {
      asked.push(patience);
      return work();
    };
    const session = await signedIn({ storage: { ...memoryStorage(), lock }, timeout: 3_000 });
    await session.getAccessToken({ refused: 'access-1' });
    // Once for the sign-in, and once for the refresh.
    expect(asked).toEqual([8_000, 8_000]);
  });
});

describe('what happens while a refresh is on its way', () => {
  let gate: Gate;
  const storage = memoryStorage();
  let session: ListenedSession;
  let call: Promise<string | null>;

  beforeEach(async () => {
    gate = new Gate();
    server.script('/refresh_token', gate.before(rotating()), rotating({}, 5));
    server.script('/logout', answer(204));
    session = await signedIn({ storage, patience: 0 });
    call = session.getAccessToken({ refused: 'access-1' });
    await arrived('/refresh_token', 1);
  });

  it('another tab saves newer tokens: those are kept and used, the answer isn’t', async () => {
    const newer = {
      access_token: 'access-9',
      refresh_token: 'refresh-9',
      expires_in: 60,
      obtained_at: session.time.now(),
    };
    storage.set(JSON.stringify(newer));
    gate.release();
    expect(await call).toBe('access-9');
    expect(storedIn(storage)).toEqual(newer);
    expect(session.told).toEqual([]);
  });

  it('signing out: the answer is discarded, and nobody waits for it', async () => {
    const over = session.signOut();
    expect(await call).toBeNull();
    gate.release();
    expect(await over).toBe(true);
    expect(server.tokens('/logout')).toEqual(['refresh-1']);
    expect(storedIn(storage)).toEqual({ ended: 'sign_out' });
    expect(session.told).toEqual([['signedOut', { reason: 'sign_out' }]]);
  });

  it('signing out in another tab: the answer is discarded', async () => {
    storage.set(JSON.stringify({ ended: 'sign_out', sign_in: Number.MAX_SAFE_INTEGER }));
    gate.release();
    expect(await call).toBeNull();
    expect(storedIn(storage)).toEqual({ ended: 'sign_out' });
  });

  it('signing in: the new one wins, and the server is not left alone for it', async () => {
    await session.signIn({ refresh_token: 'refresh-of-bob' });
    expect(await call).toBe('access-5');
    gate.release();
    expect(sent()).toEqual(['refresh-1', 'refresh-of-bob']);
    expect(storedIn(storage)).toMatchObject({ access_token: 'access-5' });
    expect(session.told).toEqual([['refreshed', { expiresIn: 3_600 }]]);
  });
});

describe('a listener', () => {
  it('that has stopped hears nothing more, and the others do', async () => {
    const session = await signedIn();
    const heard: string[] = [];
    const listener = () => void heard.push('refreshed');
    const stop = session.on('refreshed', listener);
    session.on('refreshed', listener);
    await session.getAccessToken({ refused: 'access-1' });
    expect(heard).toHaveLength(2);
    stop();
    stop();
    await session.getAccessToken({ refused: 'access-2' });
    expect(heard).toHaveLength(3);
  });

  it('never sees a token', async () => {
    server.script('/refresh_token', answer(503), rotating(), OVER);
    const session = await signedIn();
    await session.getAccessToken({ refused: 'access-1' });
    await session.getAccessToken({ refused: 'access-2' });
    expect(session.told.map(([event]) => event)).toEqual(['unavailable', 'refreshed', 'signedOut']);
    expect(JSON.stringify(session.told)).not.toMatch(/access-|refresh-/);
  });
});

describe('a call that is aborted', () => {
  it('before it begins sends nothing', async () => {
    server.script('/refresh_token', silence);
    const session = await signedIn();
    session.time.clock.advance(HOUR);
    const reason = new Error('Never mind.');
    await expect(session.getAccessToken({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.requests).toEqual([]);
  });

  it('while it waits rejects at once, and the refresh that others wait for goes on', async () => {
    const gate = new Gate();
    server.script('/refresh_token', gate.before(rotating()));
    const session = await signedIn();
    session.time.clock.advance(HOUR);
    const controller = new AbortController();
    const aborted = session.getAccessToken({ signal: controller.signal });
    const other = session.getAccessToken();
    await arrived('/refresh_token', 1);
    const reason = new Error('Never mind.');
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    gate.release();
    expect(await other).toBe('access-2');
    expect(sent()).toEqual(['refresh-1']);
  });

  it('or not: a signal that lives long is left without listeners', async () => {
    const { signal } = new AbortController();
    const session = await signedIn();
    await session.getAccessToken({ signal });
    await session.getAccessToken({ refused: 'access-1', signal });
    await new Promise(setImmediate);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('tries no more', async () => {
    let tries = 0;
    const controller = new AbortController();
    const session = await signedIn({
      fetch: async () => {
        tries += 1;
        return new Response('', { status: 503 });
      },
      sleep: async () => controller.abort(),
    });
    const call = session.getAccessToken({ refused: 'access-1', signal: controller.signal });
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    // All that a next try would wait for has come to pass.
    await new Promise(setImmediate);
    expect(tries).toBe(1);
  });
});
