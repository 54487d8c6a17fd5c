import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { memoryStorage } from 'nest-refresh-token/client';
import { arrivedAt, listenedSession, OVER, signedInAt, storedIn, TOKENS } from '../support/clients/client-session.js';
import { answer, Gate, rotating, ScriptedServer } from '../support/clients/scripted-server.js';
import { DAY, SECOND } from '../support/test-clock.js';

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
  server.script('/refresh_token', rotating());
});
afterEach(() => server.close());

const signedIn = (options?: Parameters<typeof signedInAt>[1], tokens?: object) => signedInAt(server, options, tokens);
const sent = () => server.tokens('/refresh_token');
const arrived = (path: string, count: number) => arrivedAt(server, path, count);

describe('the end of a session', () => {
  it('is told by 401 invalid_refresh_token, once, and what was stored is gone', async () => {
    server.script('/refresh_token', OVER);
    const kept = new Map<string, string>();
    const session = await signedIn({
      storage: {
        get: () => kept.get('session') ?? null,
        set: (text) => void kept.set('session', text),
        remove: () => void kept.delete('session'),
      },
    });
    const calls = [1, 2, 3].map(() => session.getAccessToken({ refused: 'access-1' }));
    expect(await Promise.all(calls)).toEqual([null, null, null]);
    expect(await session.getAccessToken()).toBeNull();
    expect(sent()).toEqual(['refresh-1']);
    expect([...kept]).toEqual([]);
    expect(session.told).toEqual([['signedOut', { reason: 'invalid_refresh_token' }]]);
  });

  it('isn’t told for a token that another tab has replaced: it goes on with that one', async () => {
    const gate = new Gate();
    const storage = memoryStorage();
    server.script('/refresh_token', gate.before(OVER), rotating({}, 10));
    const session = await signedIn({ storage });
    const call = session.getAccessToken({ refused: 'access-1' });
    await arrived('/refresh_token', 1);
    storage.set(JSON.stringify({ refresh_token: 'refresh-9' }));
    gate.release();
    expect(await call).toBe('access-10');
    expect(sent()).toEqual(['refresh-1', 'refresh-9']);
    expect(session.told).toEqual([['refreshed', { expiresIn: 3_600 }]]);
  });

  it('goes on with the token of another tab when this tab’s was refused, a few times at most', async () => {
    const storage = memoryStorage();
    let n = 0;
    server.script('/refresh_token', (response, request) => {
      n += 1;
      storage.set(JSON.stringify({ refresh_token: `refresh-of-tab-${n}` }));
      return OVER(response, request);
    });
    const session = await signedIn({ storage });
    await expect(session.getAccessToken({ refused: 'access-1' })).rejects.toThrow('Session changed');
    expect(sent()).toEqual([
      'refresh-1',
      'refresh-of-tab-1',
      'refresh-of-tab-2',
      'refresh-of-tab-3',
      'refresh-of-tab-4',
    ]);
    expect(session.told).toEqual([]);
  });

  it('isn’t told by time: a token that is years old is sent', async () => {
    const session = await signedIn();
    session.time.clock.advance(3_650 * DAY);
    expect(await session.getAccessToken()).toBe('access-2');
  });

  it.each<[string, string | null]>([
    ['nothing', null],
    ['no JSON', '{"refresh_token": "ref'],
    ['no object', '"refresh-1"'],
    ['null', 'null'],
    ['somebody else’s', '{"theme": "dark"}'],
  ])('has never begun where the storage holds %s: nothing is sent, nothing told', async (_, text) => {
    const session = listenedSession({
      refreshUrl: `${server.url}/refresh_token`,
      storage: { get: () => text, set: () => undefined },
    });
    expect(await session.getAccessToken()).toBeNull();
    expect(server.requests).toEqual([]);
    expect(session.told).toEqual([]);
  });
});

describe('signIn', () => {
  it.each<[string, object]>([
    ['no refresh token', { access_token: 'access-1' }],
    ['one by another name', { refreshToken: 'refresh-1' }],
    ['one that a header doesn’t take', { refresh_token: 'refresh\n1' }],
    ['an empty one', { refresh_token: '' }],
  ])('refuses %s, and shows none', async (_, tokens) => {
    await expect(signedIn({}, tokens)).rejects.toThrow(new TypeError('no refresh_token'));
  });

  it('takes no access token that no header takes: the first call gets one', async () => {
    const session = await signedIn({}, { ...TOKENS, access_token: 'access\n1' });
    expect(await session.getAccessToken()).toBe('access-2');
  });

  it('stores what is needed of the login’s answer, and no more', async () => {
    const storage = memoryStorage();
    const session = await signedIn({ storage }, { ...TOKENS, token_type: 'Bearer', user: { name: 'Alice' } });
    expect(storedIn(storage)).toEqual({ ...TOKENS, obtained_at: session.time.now() });
  });
});

describe('signOut', () => {
  it('asks for `logout` beside the refresh, with the last refresh token, for a page that goes away', async () => {
    let init: RequestInit | undefined;
    const session = listenedSession({
      refreshUrl: `${server.url}/api/refresh_token?tenant=1`,
      fetch: (input, given) => {
        init = given;
        return fetch(input, given);
      },
    });
    server.script('/api/logout', answer(204));
    await session.signIn(TOKENS);
    expect(await session.signOut()).toBe(true);
    expect(server.requests).toMatchObject([
      { method: 'POST', path: '/api/logout', headers: { authorization: 'Bearer refresh-1' }, body: '' },
    ]);
    expect(init).toMatchObject({ keepalive: true, credentials: 'omit' });
  });

  it('asks where it is told to, or nowhere', async () => {
    server.script('/auth/leave', answer(200, 'Bye.'));
    expect(await (await signedIn({ logoutUrl: `${server.url}/auth/leave` })).signOut()).toBe(true);
    const before = server.requests.length;
    const session = await signedIn({ logoutUrl: null });
    expect(await session.signOut()).toBe(false);
    expect(await session.getAccessToken()).toBeNull();
    expect(server.requests).toHaveLength(before);
  });

  it('forgets before the server has answered', async () => {
    const gate = new Gate();
    server.script('/logout', gate.before(answer(204)));
    const session = await signedIn();
    const over = session.signOut();
    expect(await session.getAccessToken()).toBeNull();
    await arrived('/logout', 1);
    expect(session.told).toEqual([['signedOut', { reason: 'sign_out' }]]);
    gate.release();
    expect(await over).toBe(true);
  });

  it('tries again while the server can’t answer, and tells where it never did', async () => {
    server.script('/logout', answer(503), answer(500), answer(204));
    const session = await signedIn();
    expect(await session.signOut()).toBe(true);
    expect(session.time.slept).toEqual([SECOND, 2 * SECOND]);

    server.script('/logout', answer(503));
    await session.signIn(TOKENS);
    expect(await session.signOut()).toBe(false);
    expect(await session.getAccessToken()).toBeNull();
    // 1 + 2 + 4 + 8 s; another 16 s would end after its patience.
    expect(server.seen('/logout')).toHaveLength(3 + 5);
    expect(session.told.filter(([event]) => event === 'unavailable')).toEqual([]);
  });

  it('takes a server’s word that the session is over already, and no other refusal', async () => {
    server.script('/logout', OVER, answer(401, 'Who are you?'));
    const session = await signedIn();
    expect(await session.signOut()).toBe(true);
    await session.signIn(TOKENS);
    expect(await session.signOut()).toBe(false);
    expect(server.seen('/logout')).toHaveLength(2);
  });

  it('of nobody asks nobody', async () => {
    const session = listenedSession({ refreshUrl: `${server.url}/refresh_token` });
    expect(await session.signOut()).toBe(false);
    expect(server.requests).toEqual([]);
    expect(session.told).toEqual([]);
  });

  it.each([
    ['/api/refresh_token?next=/a/b', '/api/logout'],
    ['/refresh_token#x/y', '/logout'],
    ['/auth/', '/auth/logout'],
  ])('asks beside the refresh: %s', async (path, logout) => {
    server.script(logout, answer(204));
    const session = listenedSession({ refreshUrl: server.url + path });
    await session.signIn(TOKENS);
    expect(await session.signOut()).toBe(true);
    expect(server.seen(logout)).toHaveLength(1);
  });

  it('never makes a host of it where the refresh has no path', async () => {
    const urls: string[] = [];
    const session = listenedSession({
      refreshUrl: 'https://auth.example.com',
      patience: 0,
      fetch: async (input) => {
        urls.push(String(input));
        return new Response('', { status: 404 });
      },
    });
    await session.signIn(TOKENS);
    expect(await session.signOut()).toBe(false);
    expect(urls.map((url) => new URL(url).host)).toEqual(['auth.example.com']);
  });

  it('tells the server also where the storage can’t be written, and that it isn’t forgotten', async () => {
    server.script('/logout', answer(204));
    const storage = memoryStorage();
    const session = await signedIn({ storage });
    storage.set = () => {
      throw new Error('The disk is full.');
    };
    expect(await session.signOut()).toBe(false);
    expect(server.tokens('/logout')).toEqual(['refresh-1']);
  });

  it('never rejects, even where the storage does', async () => {
    const storage = memoryStorage();
    const session = await signedIn({ storage });
    storage.get = () => Promise.reject(new Error('The keychain is locked.'));
    expect(await session.signOut()).toBe(false);
  });

  it('of a session before doesn’t touch the next', async () => {
    const gate = new Gate();
    server.script('/logout', gate.before(answer(204)));
    const session = await signedIn();
    const over = session.signOut();
    await arrived('/logout', 1);
    await session.signIn({ ...TOKENS, access_token: 'access-of-bob' });
    gate.release();
    expect(await over).toBe(true);
    expect(await session.getAccessToken()).toBe('access-of-bob');
  });
});
