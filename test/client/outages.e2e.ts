import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { memoryStorage, SessionUnavailableError, type SessionOptions } from 'nest-refresh-token/client';
import { listenedSession, VirtualTime, type ListenedSession } from '../support/clients/client-session.js';
import { until } from '../support/servers/process.js';
import {
  answer,
  drop,
  Gate,
  half,
  rotating,
  ScriptedServer,
  silence,
  type Script,
} from '../support/clients/scripted-server.js';
import { DAY, HOUR, MINUTE, SECOND } from '../support/test-clock.js';
import { limit } from '../support/time.js';

const TOKENS = { access_token: 'access-1', refresh_token: 'refresh-1', expires_in: 3_600 };

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(() => server.close());

async function signedIn(options: Partial<SessionOptions> & { time?: VirtualTime } = {}): Promise<ListenedSession> {
  const session = listenedSession({ refreshUrl: `${server.url}/refresh_token`, ...options });
  await session.signIn(TOKENS);
  return session;
}

/** What a call rejects with. */
const failure = async (call: Promise<unknown>): Promise<SessionUnavailableError> => {
  const error = await call.then(
    () => new Error('It has not failed.'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SessionUnavailableError);
  return error as SessionUnavailableError;
};

const asked = () => server.seen('/refresh_token').length;
const unavailable = (retryAfter: number, status?: number) => ['unavailable', { retryAfter, status }] as const;

describe('a refresh that is answered', () => {
  it.each<[string, Script, number | undefined]>([
    ['429', answer(429, { error: 'too_many_requests' }), 429],
    ['500', answer(500, { error: 'server_error' }), 500],
    ['502, a proxy’s page', answer(502, '<html>'), 502],
    ['503', answer(503, { error: 'temporarily_unavailable' }), 503],
    ['504', answer(504), 504],
    ['200, a page of the hotel', answer(200, '<html>Welcome!</html>'), 200],
    ['200, without an access token', answer(200, { refresh_token: 'refresh-2' }), 200],
    ['200, with an access token that is no text', answer(200, { access_token: 2 }), 200],
    ['200, with one that no header takes', answer(200, { access_token: 'access\n2' }), 200],
    ['204', answer(204), 204],
    ['half', half, undefined],
    ['by a cut', drop, undefined],
    ['by a redirect', answer(302, '', { Location: '/elsewhere' }), undefined],
  ])('%s is tried again, and nobody is signed out', async (_, script, status) => {
    server.script('/refresh_token', script, rotating());
    server.script('/elsewhere', rotating());
    const session = await signedIn();

    expect(await session.getAccessToken({ refused: 'access-1' })).toBe('access-2');

    expect(server.tokens('/refresh_token')).toEqual(['refresh-1', 'refresh-1']);
    expect(server.seen('/elsewhere')).toEqual([]);
    expect(session.time.slept).toEqual([SECOND]);
    expect(session.told).toEqual([unavailable(1, status), ['refreshed', { expiresIn: 3_600 }]]);
  });

  it.each<[string, Script, number]>([
    ['400 invalid_request', answer(400, { error: 'invalid_request' }), 400],
    ['400 invalid_grant, of another endpoint', answer(400, { error: 'invalid_grant' }), 400],
    ['401 missing_token', answer(401, { error: 'missing_token' }), 401],
    ['401 of a proxy', answer(401, '<html>'), 401],
    ['401 invalid_token', answer(401, { error: 'invalid_token' }), 401],
    ['403', answer(403, { error: 'invalid_refresh_token' }), 403],
    ['404', answer(404), 404],
    ['410', answer(410), 410],
  ])('%s isn’t tried again, and nobody is signed out', async (_, script, status) => {
    const storage = memoryStorage();
    server.script('/refresh_token', script, rotating());
    const session = await signedIn({ storage });
    const before = storage.get();

    const error = await failure(session.getAccessToken({ refused: 'access-1' }));

    expect(error).toMatchObject({
      name: 'SessionUnavailableError',
      message: `${server.url}/refresh_token: ${status}`,
      status,
      retryAfter: 1,
    });
    expect(session.time.slept).toEqual([]);
    expect(asked()).toBe(1);
    expect(storage.get()).toBe(before);
    expect(session.told).toEqual([unavailable(1, status)]);

    session.time.clock.advance(SECOND);
    expect(await session.getAccessToken({ refused: 'access-1' })).toBe('access-2');
  });

  it('nowhere, since its URL can’t be resolved, rejects at once: that is no outage', async () => {
    const session = listenedSession({ refreshUrl: '/refresh_token' });
    await session.signIn({ refresh_token: 'refresh-1' });
    await expect(session.getAccessToken()).rejects.toMatchObject({ name: 'TypeError' });
    expect(session.time.slept).toEqual([]);
    expect(session.told).toEqual([]);
  });

  it('not at all rejects with why, and shows no token', async () => {
    server.script('/refresh_token', drop);
    const session = await signedIn({ patience: 0 });
    const error = await failure(session.getAccessToken({ refused: 'access-1' }));
    expect(error.message).toBe(`${server.url}/refresh_token: TypeError: fetch failed`);
    expect(error.cause).toMatchObject({ name: 'TypeError' });
    expect(error.status).toBeUndefined();
    expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toMatch(/access-1|refresh-1/);
  });

  it('too late is tried again', async () => {
    server.script('/refresh_token', silence, rotating());
    const session = await signedIn({ timeout: 50 });
    expect(await session.getAccessToken({ refused: 'access-1' })).toBe('access-2');
    expect(session.told.map(([event]) => event)).toEqual(['unavailable', 'refreshed']);
  });

  it('by half of it, and then nothing, is tried again', async () => {
    server.script(
      '/refresh_token',
      (response) => void response.writeHead(200, { 'Content-Length': '100' }).write('{"access_token":'),
      rotating(),
    );
    const session = await signedIn({ timeout: 100 });
    expect(await session.getAccessToken({ refused: 'access-1' })).toBe('access-2');
  });
});

describe('the time between tries', () => {
  it('doubles up to 30 s, until patience is used up', async () => {
    server.script('/refresh_token', answer(503));
    const session = await signedIn({ patience: 5 * MINUTE });
    const begun = session.time.now();
    const error = await failure(session.getAccessToken({ refused: 'access-1' }));
    expect(session.time.slept).toEqual([1, 2, 4, 8, 16, ...Array.from({ length: 8 }, () => 30)].map((s) => s * SECOND));
    // The next would end at 301 s.
    expect(session.time.now() - begun).toBe(271 * SECOND);
    expect(error).toMatchObject({ retryAfter: 30, status: 503 });
  });

  it.each([
    ['30 s where nothing is said', undefined, [1, 2, 4, 8]],
    ['none: one try', 0, []],
    ['a wait that would end with it isn’t begun', 3_000, [1]],
    ['a wait that ends before it is', 3_001, [1, 2]],
  ])('ends with the patience: %s', async (_, patience, slept) => {
    server.script('/refresh_token', answer(503));
    const session = await signedIn(patience === undefined ? {} : { patience });
    await failure(session.getAccessToken({ refused: 'access-1' }));
    expect(session.time.slept).toEqual(slept.map((seconds) => seconds * SECOND));
    expect(asked()).toBe(slept.length + 1);
  });

  it('begins anew after a success', async () => {
    server.script('/refresh_token', answer(503), answer(503), rotating(), answer(503), rotating({}, 3));
    const session = await signedIn();
    await session.getAccessToken({ refused: 'access-1' });
    await session.getAccessToken({ refused: 'access-2' });
    expect(session.time.slept).toEqual([SECOND, 2 * SECOND, SECOND]);
  });

  it.each([
    ['0', 1],
    ['7', 7],
    ['-5', 1],
    ['soon', 1],
    // A date is of another clock: it counts as none.
    ['Wed, 21 Oct 2015 07:28:00 GMT', 1],
    [new Date(Date.now() + HOUR).toUTCString(), 1],
  ])('is never shorter than Retry-After: %s', async (value, seconds) => {
    server.script('/refresh_token', answer(503, '', { 'Retry-After': value }), rotating());
    const session = await signedIn();
    await session.getAccessToken({ refused: 'access-1' });
    expect(session.time.slept).toEqual([seconds * SECOND]);
    expect(session.told[0]).toEqual(unavailable(seconds, 503));
  });

  it('is an hour and no more where a server, or a wrong clock, asks for years', async () => {
    server.script('/refresh_token', answer(503, '', { 'Retry-After': '999999999' }), rotating());
    const session = await signedIn({ patience: 2 * HOUR });
    expect(await session.getAccessToken({ refused: 'access-1' })).toBe('access-2');
    expect(session.time.slept).toEqual([HOUR]);
  });

  it('is an hour at most, however it is spread', async () => {
    server.script('/refresh_token', answer(503, '', { 'Retry-After': '3600' }), rotating());
    const session = await signedIn({ patience: 2 * HOUR, random: () => 0.99 });
    expect(await session.getAccessToken({ refused: 'access-1' })).toBe('access-2');
    expect(session.time.slept).toEqual([HOUR]);
    expect(session.told[0]).toEqual(unavailable(3_600, 503));
  });

  it('is spread: up to half as long again', async () => {
    server.script('/refresh_token', answer(503, '', { 'Retry-After': '10' }), rotating());
    const session = await signedIn({ random: () => 0.99 });
    await session.getAccessToken({ refused: 'access-1' });
    expect(session.time.slept).toEqual([14_950]);
    expect(session.told[0]).toEqual(unavailable(15, 503));
  });

  it('gets no longer, and patience no greater, by a clock that is turned', async () => {
    server.script('/refresh_token', answer(503), rotating());
    const session = await signedIn({ patience: 0 });
    await failure(session.getAccessToken({ refused: 'access-1' }));
    session.time.clock.advance(-365 * DAY);
    expect(await session.getAccessToken({ refused: 'access-1' })).toBe('access-2');

    server.script('/refresh_token', answer(503));
    const time = new VirtualTime();
    const turned = await signedIn({
      time,
      sleep: async (milliseconds) => {
        await time.sleep(milliseconds);
        time.clock.advance(-DAY);
      },
    });
    await failure(turned.getAccessToken({ refused: 'access-1' }));
    expect(time.slept).toHaveLength(1);
  });

  it('is bounded by tries where sleep takes no time', async () => {
    server.script('/refresh_token', answer(503));
    const session = await signedIn({ sleep: async () => undefined });
    await failure(session.getAccessToken({ refused: 'access-1' }));
    expect(asked()).toBe(6);
  });
});

describe('while the server is to be left alone', () => {
  it('new calls don’t ask it: those with patience wait, the others reject', async () => {
    server.script('/refresh_token', answer(503, '', { 'Retry-After': '60' }), rotating());
    const session = await signedIn();
    await failure(session.getAccessToken({ refused: 'access-1' }));
    session.time.clock.advance(20 * SECOND);
    const error = await failure(session.getAccessToken({ refused: 'access-1' }));
    expect(error).toMatchObject({ status: 503, retryAfter: 60 });
    expect(asked()).toBe(1);

    session.time.clock.advance(15 * SECOND);
    expect(await session.getAccessToken({ refused: 'access-1' })).toBe('access-2');
    expect(session.time.slept).toEqual([25 * SECOND]);
    expect(session.told).toEqual([unavailable(60, 503), ['refreshed', { expiresIn: 3_600 }]]);
  });

  it('a hundred calls that wait make one request a try', async () => {
    server.script('/refresh_token', answer(503), answer(503), rotating());
    let wake: (() => void)[] = [];
    const time = new VirtualTime();
    const session = await signedIn({ time, sleep: () => new Promise((done) => wake.push(done)) });
    const calls = Array.from({ length: 100 }, () => session.getAccessToken({ refused: 'access-1' }));
    for (const pause of [1, 2]) {
      await until('all wait', () => (wake.length === 100 ? true : undefined));
      expect(asked()).toBe(pause);
      time.clock.advance(pause * SECOND);
      const waiting = wake;
      wake = [];
      waiting.forEach((done) => done());
    }
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['access-2']));
    expect(asked()).toBe(3);
  });

  it('calls that wake one after the other ask it once, and leave it alone as it then asks again', async () => {
    server.script('/refresh_token', answer(503, '', { 'Retry-After': '2' }), answer(503, '', { 'Retry-After': '20' }));
    const wake: (() => void)[] = [];
    const time = new VirtualTime();
    const session = await signedIn({ time, sleep: () => new Promise((done) => wake.push(done)) });
    const calls = Array.from({ length: 20 }, () => failure(session.getAccessToken({ refused: 'access-1' })));
    await until('all wait', () => (wake.length === 20 ? true : undefined));
    time.clock.advance(2 * SECOND);
    for (const [n, done] of wake.splice(0).entries()) {
      done();
      await until(`call ${n} waits again`, () => (wake.length > n ? true : undefined));
    }
    expect(asked()).toBe(2);
    time.clock.advance(30 * SECOND);
    wake.forEach((done) => done());
    await Promise.all(calls);
    expect(asked()).toBeLessThanOrEqual(4);
  });

  it('it is asked again as soon as it has answered, be it a sign-out', async () => {
    server.script('/refresh_token', answer(503, '', { 'Retry-After': '60' }), rotating());
    server.script('/logout', answer(204));
    const session = await signedIn();
    await failure(session.getAccessToken({ refused: 'access-1' }));
    expect(await session.signOut()).toBe(true);
    await session.signIn({ refresh_token: 'refresh-of-bob' });
    expect(await session.getAccessToken()).toBe('access-2');
    expect(session.time.slept).toEqual([]);
  });

  it('a sign-out that fails keeps nobody from refreshing', async () => {
    server.script('/refresh_token', rotating());
    server.script('/logout', answer(429, '', { 'Retry-After': '3600' }));
    const session = await signedIn();
    expect(await session.signOut()).toBe(false);
    await session.signIn({ refresh_token: 'refresh-of-bob' });
    expect(await session.getAccessToken()).toBe('access-2');
    expect(session.time.slept).toEqual([]);
    expect(session.told.map(([event]) => event)).toEqual(['signedOut', 'refreshed']);
  });

  it('somebody who signs in with fresh tokens isn’t kept waiting', async () => {
    server.script('/refresh_token', answer(503, '', { 'Retry-After': '60' }));
    const session = await signedIn();
    await failure(session.getAccessToken({ refused: 'access-1' }));
    await session.signIn({ ...TOKENS, access_token: 'access-of-bob' });
    expect(await session.getAccessToken()).toBe('access-of-bob');
  });
});

describe('a refresh ahead of time', () => {
  /** So much before the end of the access token; its last 30 s have begun. */
  async function nearItsEnd(options: Partial<SessionOptions> = {}): Promise<ListenedSession> {
    const session = await signedIn(options);
    session.time.clock.advance(HOUR - 10 * SECOND);
    return session;
  }

  it.each<[string, Script]>([
    ['can’t be made', answer(503, '', { 'Retry-After': '3' })],
    ['is refused for another reason', answer(403)],
    ['gets no answer', drop],
  ])('that %s: the access token that still lives is used, at once', async (_, script) => {
    server.script('/refresh_token', script, rotating());
    const session = await nearItsEnd();
    expect(await session.getAccessToken()).toBe('access-1');
    expect(await session.getAccessToken()).toBe('access-1');
    expect(asked()).toBe(1);
    expect(session.time.slept).toEqual([]);
    session.time.clock.advance(3 * SECOND);
    expect(await session.getAccessToken()).toBe('access-2');
  });

  it('doesn’t hand out an access token that was refused, or that is over', async () => {
    server.script('/refresh_token', answer(503));
    const session = await nearItsEnd({ patience: 0 });
    await failure(session.getAccessToken({ refused: 'access-1' }));
    session.time.clock.advance(10 * SECOND);
    await failure(session.getAccessToken());
  });

  it('that takes long isn’t waited for: the access token that still lives is used', async () => {
    const gate = new Gate();
    server.script('/refresh_token', gate.before(rotating()));
    const session = await nearItsEnd();
    const begun = performance.now();
    expect(await session.getAccessToken()).toBe('access-1');
    expect(performance.now() - begun).toBeLessThan(limit(1_600));
    gate.release();
    await until('it is refreshed', async () => (await session.getAccessToken()) === 'access-2' || undefined);
    expect(asked()).toBe(1);
  });

  it('that finds the session over signs out, though the access token still lives', async () => {
    server.script('/refresh_token', answer(401, { error: 'invalid_refresh_token' }));
    const session = await nearItsEnd();
    expect(await session.getAccessToken()).toBeNull();
    expect(session.told).toEqual([['signedOut', { reason: 'invalid_refresh_token' }]]);
  });

  it('that can’t be saved leaves the call the access token that still lives', async () => {
    const storage = memoryStorage();
    server.script('/refresh_token', rotating());
    const session = await nearItsEnd({ storage });
    storage.set = () => {
      throw new Error('The disk is full.');
    };
    expect(await session.getAccessToken()).toBe('access-1');
  });
});
