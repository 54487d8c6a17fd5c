import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cookieStorage, type SessionOptions, type TokenStorage } from 'nest-refresh-token/client';
import { listenedSession, VirtualTime, type ListenedSession } from '../support/clients/client-session.js';
import { pageWithChannelsForEachTest } from '../support/clients/page-channels.js';
import { pageGlobalsForEachTest } from '../support/clients/page-globals.js';
import { until } from '../support/servers/process.js';
import { answer, Gate, guarded, rotating, ScriptedServer, silence } from '../support/clients/scripted-server.js';
import { HOUR } from '../support/test-clock.js';

const TOKENS = { access_token: 'access-1', refresh_token: 'refresh-1', expires_in: 3_600 };
/** The refresh token is in the cookie. */
const BODY = { refresh_token: undefined };
const OVER = answer(401, { error: 'invalid_refresh_token' });
const NO_COOKIE = answer(401, { error: 'missing_token' });

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
  server.script('/refresh_token', rotating(BODY));
  server.script('/logout', answer(204));
});
afterEach(() => server.close());

function tab(storage: TokenStorage, options: Partial<SessionOptions> & { time?: VirtualTime } = {}): ListenedSession {
  return listenedSession({ refreshUrl: `${server.url}/refresh_token`, storage, ...options });
}

const signedOut = (reason: string) => ['signedOut', { reason }];

describe('cookieStorage', () => {
  pageWithChannelsForEachTest();
  let name = 0;
  /** Opens tabs that share a storage, which no test before has used. */
  const pages = () => {
    name += 1;
    const own = `page-${name}`;
    return (options?: Partial<SessionOptions> & { time?: VirtualTime }) => tab(cookieStorage(own), options);
  };
  /** What a tab has got from the others, without asking the server. */
  const kept = (storage: TokenStorage, text: string) =>
    until(`${text} has come`, () => (String(storage.get()).includes(text) ? true : undefined));

  it('sends the cookie, and no header', async () => {
    const inits: (RequestInit | undefined)[] = [];
    const session = pages()({
      fetch: (input, init) => {
        inits.push(init);
        return fetch(input, init);
      },
    });
    expect(await session.getAccessToken()).toBe('access-2');
    expect(await session.signOut()).toBe(true);
    expect(server.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/refresh_token', undefined],
      ['/logout', undefined],
    ]);
    expect(inits).toMatchObject([
      { credentials: 'include', method: 'POST', redirect: 'error', cache: 'no-store' },
      { credentials: 'include', method: 'POST', keepalive: true },
    ]);
  });

  it('keeps no refresh token that a login hands out beside the cookie', async () => {
    const storage = cookieStorage('kept');
    const session = tab(storage);
    await session.signIn(TOKENS);
    expect(storage.get()).toContain('access-1');
    expect(storage.get()).not.toContain('refresh-1');
    expect(await session.getAccessToken()).toBe('access-1');
    expect(server.requests).toEqual([]);
  });

  it('learns from the server that nobody is signed in, once, and tells nothing', async () => {
    server.script('/refresh_token', NO_COOKIE);
    const session = pages()();
    expect(await Promise.all([session.getAccessToken(), session.getAccessToken()])).toEqual([null, null]);
    expect(await session.getAccessToken()).toBeNull();
    expect(server.seen('/refresh_token')).toHaveLength(1);
    expect(session.told).toEqual([]);
  });

  it('asks again after a login, of whose answer nothing is needed', async () => {
    server.script('/refresh_token', NO_COOKIE, rotating(BODY));
    const session = pages()();
    expect(await session.getAccessToken()).toBeNull();
    await session.signIn({});
    expect(await session.getAccessToken()).toBe('access-2');
    expect(session.told).toEqual([['refreshed', { expiresIn: 3_600 }]]);
  });

  it.each([
    ['the cookie is gone', NO_COOKIE],
    ['the server refuses it', OVER],
  ])('tells all tabs when %s', async (_, script) => {
    server.script('/refresh_token', rotating(BODY, 1), script);
    const storage = cookieStorage(`of ${server.url}`);
    const [one, other] = [tab(cookieStorage(`of ${server.url}`)), tab(storage)];
    expect(await one.getAccessToken()).toBe('access-1');
    await kept(storage, 'access-1');
    expect(await other.getAccessToken({ refused: 'access-1' })).toBeNull();
    await until('both have told', () => (one.told.length > 1 ? true : undefined));
    expect(one.told.at(-1)).toEqual(signedOut('invalid_refresh_token'));
    expect(other.told).toEqual([signedOut('invalid_refresh_token')]);
    expect(await one.getAccessToken()).toBeNull();
    expect(server.seen('/refresh_token')).toHaveLength(2);
  });

  it('shares the access token with the tabs of its name, and no others', async () => {
    const storage = cookieStorage('shared');
    const [one, other, stranger] = [tab(cookieStorage('shared')), tab(storage), pages()({ patience: 0 })];
    await one.signIn({ access_token: 'access-1', expires_in: 3_600 });
    await kept(storage, 'access-1');
    expect(await other.getAccessToken()).toBe('access-1');
    server.script('/refresh_token', NO_COOKIE);
    expect(await stranger.getAccessToken()).toBeNull();
    expect(await one.getAccessToken()).toBe('access-1');
    expect(other.told).toEqual([]);
  });

  it('keeps what is stored where the server can’t answer', async () => {
    server.script('/refresh_token', answer(503));
    const session = pages()();
    await session.signIn({ access_token: 'access-1', expires_in: 3_600 });
    session.time.clock.advance(2 * HOUR);
    await expect(session.getAccessToken()).rejects.toMatchObject({ status: 503 });
    server.script('/refresh_token', rotating(BODY));
    session.time.clock.advance(HOUR);
    expect(await session.getAccessToken()).toBe('access-2');
  });

  it('can’t take the cookie away: signing out tells where the server hasn’t, and may be asked again', async () => {
    server.script('/logout', answer(503));
    const session = pages()({ patience: 0 });
    await session.signIn({ access_token: 'access-1', expires_in: 3_600 });
    expect(await session.signOut()).toBe(false);
    expect(await session.getAccessToken()).toBeNull();
    server.script('/logout', NO_COOKIE);
    expect(await session.signOut()).toBe(true);
    expect(server.seen('/logout')).toHaveLength(2);
    expect(session.told).toEqual([signedOut('sign_out')]);
  });

  it.each(['asks for its first access token', 'has one'])(
    'sends nothing under the next sign-in that was begun before, where the page %s',
    async (state) => {
      server.script('/refresh_token', rotating(BODY, 1));
      const gate = new Gate();
      server.script('/orders', gate.before(guarded('access-of-bob')));
      const session = pages()();
      if (state === 'has one') await session.getAccessToken();
      const call = session.fetch(`${server.url}/orders`, { method: 'POST', body: 'of Alice' });
      await until('it has arrived', () => (server.seen('/orders').length > 0 ? true : undefined));
      await session.signIn({ access_token: 'access-of-bob', expires_in: 3_600 });
      gate.release();
      await expect(call).rejects.toThrow('Session changed');
      expect(server.tokens('/orders')).toEqual(['access-1']);
    },
  );

  it('sends nothing under the next sign-in that has waited for a refresh under the one before', async () => {
    server.script('/refresh_token', rotating(BODY, 1), silence);
    const session = pages()();
    await session.getAccessToken();
    session.time.clock.advance(HOUR);
    const call = session.fetch(`${server.url}/orders`);
    await until('it waits', () => (server.requests.length > 1 ? true : undefined));
    await session.signIn({ access_token: 'access-of-bob', expires_in: 3_600 });
    await expect(call).rejects.toThrow('Session changed');
    expect(server.seen('/orders')).toEqual([]);
  });

  it('drops the refresh of a session that is replaced, so that its cookie isn’t set late', async () => {
    let isCut = false;
    server.script('/refresh_token', (response) => void response.once('close', () => (isCut = true)));
    const session = pages()();
    await session.signIn({ access_token: 'access-1', expires_in: 1 });
    session.time.clock.advance(HOUR);
    const call = session.getAccessToken();
    await until('it has arrived', () => (server.requests.length > 0 ? true : undefined));
    await session.signIn({ access_token: 'access-of-bob', expires_in: 3_600 });
    expect(await call).toBe('access-of-bob');
    await until('it is cut', () => isCut || undefined);
  });

  it('drops a refresh, so that its cookie isn’t set late, also where another tab signs in', async () => {
    let isCut = false;
    server.script('/refresh_token', (response) => void response.once('close', () => (isCut = true)));
    const open = pages();
    const [one, other] = [open(), open()];
    const call = one.getAccessToken();
    await until('it has arrived', () => (server.requests.length > 0 ? true : undefined));
    await other.signIn({ access_token: 'access-of-bob', expires_in: 3_600 });
    await until('it is cut', () => isCut || undefined);
    expect(await call).toBe('access-of-bob');
    expect(server.requests).toHaveLength(1);
    expect(one.told).toEqual([]);
  });

  it('does not drop a refresh where another tab only refreshes', async () => {
    const gate = new Gate();
    server.script('/refresh_token', gate.before(rotating(BODY, 7)), rotating(BODY, 8));
    const storage = cookieStorage(`lockless of ${server.url}`);
    const { lock: _, ...lockless } = storage;
    const [one, other] = [
      tab(lockless),
      tab({ ...cookieStorage(`lockless of ${server.url}`), lock: (work) => work() }),
    ];
    await one.signIn({ access_token: 'access-1', expires_in: 3_600 });
    const call = one.getAccessToken({ refused: 'access-1' });
    await until('it has arrived', () => (server.requests.length === 1 ? true : undefined));
    expect(await other.getAccessToken({ refused: 'access-1' })).toBe('access-8');
    gate.release();
    expect(await call).toBe('access-8');
    expect([...one.told, ...other.told]).toEqual([['refreshed', { expiresIn: 3_600 }]]);
  });

  it('lets nobody end who has just signed in: another tab has found that nobody was', async () => {
    const gate = new Gate();
    server.script('/refresh_token', gate.before(NO_COOKIE));
    const open = pages();
    const [one, other] = [open(), open()];
    const call = one.getAccessToken();
    await until('it has arrived', () => (server.requests.length > 0 ? true : undefined));
    // Both write before either has heard of the other.
    const heard = new BroadcastChannel(`page-${name}`);
    await other.signIn({ access_token: 'access-of-bob', expires_in: 3_600 });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A channel has one origin, and takes none.
    heard.postMessage('{"ended":"invalid_refresh_token"}');
    heard.close();
    gate.release();
    await call;
    await until('all know', async () => ((await one.getAccessToken()) === 'access-of-bob' ? true : undefined));
    expect(await other.getAccessToken()).toBe('access-of-bob');
    expect([...one.told, ...other.told]).toEqual([]);
  });

  it('hears of a sign-out in a tab that doesn’t know who is signed in', async () => {
    const open = pages();
    const one = open();
    await one.signIn({ access_token: 'access-1', expires_in: 3_600 });
    const other = open();
    other.time.clock.advance(HOUR);
    expect(await other.signOut()).toBe(true);
    await until('it has told', () => (one.told.length > 0 ? true : undefined));
    expect(one.told).toEqual([signedOut('sign_out')]);
    expect(await one.getAccessToken()).toBeNull();
  });

  describe('without Web Locks', () => {
    const page = pageGlobalsForEachTest();

    it('refreshes in one tab at a time, by a lease that is gone afterwards', async () => {
      const open = pages();
      const tabs = [open(), open(), open()];
      expect(new Set(await Promise.all(tabs.map((each) => each.getAccessToken())))).toEqual(new Set(['access-2']));
      expect(server.requests).toHaveLength(1);
      expect([...page.area.keys()]).toEqual([]);
    });

    it('works without localStorage, and with one that is full', async () => {
      Object.assign(globalThis.localStorage, {
        setItem: () => {
          throw new Error('It is full.');
        },
      });
      expect(await pages()().getAccessToken()).toBe('access-2');
      Reflect.deleteProperty(globalThis, 'localStorage');
      expect(await pages()().getAccessToken()).toBe('access-3');
    });
  });
});

describe('cookieStorage on a server', () => {
  it('keeps users apart that are signed in by the same process', async () => {
    const sessionOf = (user: string) =>
      tab(cookieStorage(), {
        fetch: (input, init) => fetch(input, { ...init, headers: { ...init?.headers, Cookie: user } }),
      });
    server.script('/refresh_token', (response, { headers }) =>
      answer(200, { access_token: `access-of-${headers.cookie}`, expires_in: 3_600 })(response, {} as never),
    );
    const [alice, bob] = [sessionOf('alice'), sessionOf('bob')];
    expect(await alice.getAccessToken()).toBe('access-of-alice');
    // What a channel would carry has come by then.
    await new Promise((done) => setTimeout(done, 100));
    expect(await bob.getAccessToken()).toBe('access-of-bob');
    expect(await bob.signOut()).toBe(true);
    await new Promise((done) => setTimeout(done, 100));
    expect(await alice.getAccessToken()).toBe('access-of-alice');
    expect(alice.told.map(([event]) => event)).toEqual(['refreshed']);
  });
});
