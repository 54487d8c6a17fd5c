import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RequestNotRepeatedError, SessionUnavailableError, type SessionOptions } from 'nest-refresh-token/client';
import { listenedSession, type ListenedSession } from '../support/clients/client-session.js';
import { until } from '../support/servers/process.js';
import { answer, Gate, guarded, rotating, ScriptedServer, silence } from '../support/clients/scripted-server.js';
import { HOUR } from '../support/test-clock.js';

const TOKENS = { access_token: 'access-1', refresh_token: 'refresh-1', expires_in: 3_600 };

let server: ScriptedServer;
let api: ScriptedServer;
beforeEach(async () => {
  [server, api] = await Promise.all([ScriptedServer.start(), ScriptedServer.start()]);
  server.script('/refresh_token', rotating());
  server.script('/logout', answer(204));
  api.script('/orders', guarded('access-2'));
});
afterEach(() => Promise.all([server.close(), api.close()]));

/** `access-1` is fresh by the client's clock, and refused by the API. */
async function signedIn(options: Partial<SessionOptions> = {}): Promise<ListenedSession> {
  const session = listenedSession({
    refreshUrl: `${server.url}/refresh_token`,
    apiOrigins: [api.url],
    patience: 0,
    ...options,
  });
  await session.signIn(TOKENS);
  return session;
}

const orders = () => `${api.url}/orders`;

describe('fetch', () => {
  it('adds the access token, and changes nothing else', async () => {
    api.script('/orders', answer(200));
    const { fetch } = await signedIn();
    await fetch(new URL(orders()), { method: 'PUT', headers: { 'X-Shop': '7' }, body: 'two apples' });
    expect(api.requests).toMatchObject([
      { method: 'PUT', body: 'two apples', headers: { authorization: 'Bearer access-1', 'x-shop': '7' } },
    ]);
  });

  it('hands the platform what it was given: the URL as it was written, and every option', async () => {
    const calls: unknown[][] = [];
    const own: typeof fetch = async (...args) => {
      calls.push(args);
      return new Response('ok');
    };
    const { fetch } = await signedIn({ fetch: own });
    const init = { method: 'POST', body: 'x', next: { revalidate: 60 } };
    await fetch(orders(), init);
    expect(calls).toEqual([[orders(), { ...init, headers: new Headers({ Authorization: 'Bearer access-1' }) }]]);
    expect(init).toEqual({ method: 'POST', body: 'x', next: { revalidate: 60 } });
  });

  it('refreshes on a 401, and sends the request once more', async () => {
    const session = await signedIn();
    const response = await session.fetch(orders(), { method: 'POST', body: 'two apples' });
    expect([response.status, await response.text()]).toEqual([200, 'two apples']);
    expect(api.tokens('/orders')).toEqual(['access-1', 'access-2']);
  });

  it('hands over what comes of the second: no third', async () => {
    api.script('/orders', answer(401, 'first'), answer(401, 'second'));
    const session = await signedIn();
    const response = await session.fetch(orders());
    expect([response.status, await response.text()]).toEqual([401, 'second']);
    expect(api.tokens('/orders')).toEqual(['access-1', 'access-2']);
    expect(server.tokens('/refresh_token')).toEqual(['refresh-1']);
    expect(session.told).toEqual([['refreshed', { expiresIn: 3_600 }]]);
  });

  it.each([403, 500, 302])('leaves a %d alone', async (status) => {
    api.script('/orders', answer(status, '', status === 302 ? { Location: '/paid' } : {}));
    const session = await signedIn();
    expect((await session.fetch(orders(), { redirect: 'manual' })).status).toBe(status);
    expect(server.requests).toEqual([]);
  });

  it('frees the connection of the first answer', async () => {
    let isFree = false;
    api.script(
      '/orders',
      (response) => {
        response.once('close', () => (isFree = true));
        response.writeHead(401).write('The beginning of a long story.');
      },
      guarded('access-2'),
    );
    const session = await signedIn();
    expect((await session.fetch(orders())).status).toBe(200);
    await until('it is closed', () => isFree || undefined);
  });

  it('sends without a token where nobody is signed in, and hands over the 401', async () => {
    const session = listenedSession({ refreshUrl: `${server.url}/refresh_token`, apiOrigins: [api.url] });
    const response = await session.fetch(orders());
    expect([response.status, await response.text()]).toEqual([401, 'refused']);
    expect(api.tokens('/orders')).toEqual([undefined]);
    expect(server.requests).toEqual([]);
  });

  it('hands over the 401, unread, where the session turns out to be over', async () => {
    server.script('/refresh_token', answer(401, { error: 'invalid_refresh_token' }));
    const session = await signedIn();
    const response = await session.fetch(orders());
    expect([response.status, await response.text()]).toEqual([401, 'refused']);
    expect(api.tokens('/orders')).toEqual(['access-1']);
  });

  it('never hands over the 401 where it can’t refresh: apps sign out on it', async () => {
    server.script('/refresh_token', answer(503));
    const session = await signedIn();
    await expect(session.fetch(orders())).rejects.toBeInstanceOf(SessionUnavailableError);
    expect(api.tokens('/orders')).toEqual(['access-1']);
  });

  it('sends nothing where it can’t refresh a token that is over', async () => {
    server.script('/refresh_token', answer(503));
    const session = await signedIn();
    session.time.clock.advance(HOUR);
    await expect(session.fetch(orders())).rejects.toBeInstanceOf(SessionUnavailableError);
    expect(api.requests).toEqual([]);
  });

  it.each<[string, HeadersInit]>([
    ['an object', { authorization: 'Basic eDp5' }],
    ['a list', [['Authorization', 'Basic eDp5']]],
    ['Headers', new Headers({ Authorization: 'Basic eDp5' })],
  ])('leaves a request with credentials of its own alone, wherever it goes: %s', async (_, headers) => {
    const { fetch } = await signedIn({ apiOrigins: [] });
    expect((await fetch(orders(), { headers })).status).toBe(401);
    expect((await fetch(new Request(orders(), { headers }))).status).toBe(401);
    expect(api.requests.map((request) => request.headers.authorization)).toEqual(['Basic eDp5', 'Basic eDp5']);
    expect(server.requests).toEqual([]);
  });
});

describe('the access token goes', () => {
  it('to the origin of the refresh, and to those that are allowed, however they are written', async () => {
    server.script('/orders', answer(200));
    api.script('/orders', answer(200));
    const session = await signedIn({ apiOrigins: [`${api.url}/v1/`] });
    await session.fetch(`${server.url}/orders`);
    await session.fetch(orders());
    await session.fetch(new Request(orders()));
    expect([...server.tokens('/orders'), ...api.tokens('/orders')]).toEqual(['access-1', 'access-1', 'access-1']);
  });

  it.each<[string, (url: URL) => string | URL | Request]>([
    ['another port', (url) => url.href],
    ['another host', (url) => url.href.replace('127.0.0.1', 'localhost')],
    ['another scheme', (url) => url.href.replace('http:', 'https:')],
    ['a URL object', (url) => url],
    ['a Request', (url) => new Request(url)],
  ])('nowhere else, and neither does the request: %s', async (_, make) => {
    const session = await signedIn({ apiOrigins: [] });
    const input = make(new URL(orders()));
    const { origin } = new URL(input instanceof Request ? input.url : input);
    await expect(session.fetch(input)).rejects.toThrow(new TypeError(`${origin} isn't in apiOrigins`));
    expect([...api.requests, ...server.requests]).toEqual([]);
  });

  it.each(['data:text/plain,x', 'file:///etc/passwd', 'app://elsewhere/'])(
    'to no URL without an origin, though another is allowed: %s',
    async (url) => {
      let sent = 0;
      const own: typeof fetch = async () => {
        sent += 1;
        return new Response('');
      };
      const session = await signedIn({ apiOrigins: ['app://mine/'], fetch: own });
      await expect(session.fetch(url)).rejects.toThrow(new TypeError("null isn't in apiOrigins"));
      expect(sent).toBe(0);
    },
  );

  it('nowhere by a URL that is changed while the token is waited for', async () => {
    const session = await signedIn({ apiOrigins: [] });
    const url = new URL(`${server.url}/orders`);
    const call = session.fetch(url);
    url.port = new URL(api.url).port;
    expect((await call).status).toBe(404);
    expect(server.tokens('/orders')).toEqual(['access-1']);
    expect(api.requests).toEqual([]);
  });

  it('nowhere by something that has the `url` of another origin than its text', async () => {
    const session = await signedIn({ apiOrigins: [] });
    const input = { url: `${server.url}/orders`, toString: orders, clone: orders } as object as Request;
    const { origin } = new URL(api.url);
    await expect(session.fetch(input)).rejects.toThrow(new TypeError(`${origin} isn't in apiOrigins`));
    expect(api.requests).toEqual([]);
  });

  it('nowhere by a redirect', async () => {
    const elsewhere = await ScriptedServer.start();
    try {
      elsewhere.script('/orders', answer(200));
      api.script('/orders', answer(307, '', { Location: `${elsewhere.url}/orders` }));
      const session = await signedIn();
      expect((await session.fetch(orders())).status).toBe(200);
      expect(elsewhere.tokens('/orders')).toEqual([undefined]);
    } finally {
      await elsewhere.close();
    }
  });

  it('where there is no page, to no relative URL', async () => {
    const session = await signedIn();
    await expect(session.fetch('/orders')).rejects.toMatchObject({ name: 'TypeError' });
    expect(server.requests).toEqual([]);
  });
});

describe('the body of a request that is sent again', () => {
  const form = new FormData();
  form.set('fruit', 'apples');

  it.each<[string, BodyInit, string]>([
    ['a text', 'apples', 'apples'],
    ['a Blob', new Blob(['apples']), 'apples'],
    ['URLSearchParams', new URLSearchParams({ fruit: 'apples' }), 'fruit=apples'],
    ['an ArrayBuffer', new TextEncoder().encode('apples').buffer, 'apples'],
    ['a typed array', new TextEncoder().encode('apples'), 'apples'],
    ['a form', form, 'apples'],
  ])('is the same: %s', async (_, body, expected) => {
    const session = await signedIn();
    const response = await session.fetch(orders(), { method: 'POST', body });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain(expected);
    expect(api.requests).toHaveLength(2);
  });

  it('is the same: a Request, with its headers', async () => {
    const session = await signedIn();
    const request = new Request(orders(), { method: 'POST', body: 'apples', headers: { 'X-Shop': '7' } });
    const response = await session.fetch(request);
    expect([response.status, await response.text()]).toEqual([200, 'apples']);
    expect(api.requests.map(({ headers }) => headers['x-shop'])).toEqual(['7', '7']);
    expect(request.headers.has('Authorization')).toBe(false);
  });

  it('is the same: a Request with options that override it', async () => {
    const session = await signedIn();
    const request = new Request(orders(), { method: 'POST', body: 'apples', headers: { 'X-Shop': '7' } });
    const response = await session.fetch(request, { body: 'pears', headers: { 'X-Shop': '8' } });
    expect(await response.text()).toBe('pears');
    expect(api.requests.map(({ headers }) => headers['x-shop'])).toEqual(['8', '8']);
  });

  it.each<[string, () => BodyInit]>([
    ['a stream', () => new Blob(['apples']).stream()],
    ['a stream of Node', () => Readable.from(['apples']) as AsyncIterable<string> as ReadableStream],
    [
      'a stream that can’t be iterated',
      () => Object.assign(new Blob(['apples']).stream(), { [Symbol.asyncIterator]: null }),
    ],
  ])('can’t be had twice: %s. It says so, and the token is refreshed all the same', async (_, body) => {
    const session = await signedIn();
    const send = () => session.fetch(orders(), { method: 'POST', body: body(), duplex: 'half' } as RequestInit);

    const error: unknown = await send().catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(RequestNotRepeatedError);
    expect(error).toMatchObject({ name: 'RequestNotRepeatedError', message: 'Needs new stream' });
    const { response } = error as RequestNotRepeatedError;
    expect([response.status, await response.text()]).toEqual([401, 'refused']);
    expect(api.requests).toHaveLength(1);

    expect(await (await send()).text()).toBe('apples');
    expect(api.tokens('/orders')).toEqual(['access-1', 'access-2']);
  });

  it('that is a stream: the 401 is handed over where the session is over', async () => {
    server.script('/refresh_token', answer(401, { error: 'invalid_refresh_token' }));
    const session = await signedIn();
    const body = new Blob(['apples']).stream();
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    expect((await session.fetch(orders(), init)).status).toBe(401);
  });
});

describe('a fetch that is aborted', () => {
  const reason = new Error('Never mind.');
  const ways: [string, (signal: AbortSignal) => [string | Request, RequestInit?]][] = [
    ['by its options', (signal) => [orders(), { signal }]],
    ['by its Request', (signal) => [new Request(orders(), { signal })]],
  ];

  it.each(ways)('before it begins sends nothing: %s', async (_, make) => {
    const session = await signedIn();
    session.time.clock.advance(HOUR);
    await expect(session.fetch(...make(AbortSignal.abort(reason)))).rejects.toBe(reason);
    expect([...api.requests, ...server.requests]).toEqual([]);
  });

  it.each(ways)('while it waits for a refresh rejects at once, and others have theirs: %s', async (_, make) => {
    const gate = new Gate();
    server.script('/refresh_token', gate.before(rotating()));
    const session = await signedIn();
    const controller = new AbortController();
    const aborted = session.fetch(...make(controller.signal));
    const other = session.fetch(orders());
    await until('it waits', () => (server.requests.length === 1 && api.requests.length === 2 ? true : undefined));
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    gate.release();
    expect((await other).status).toBe(200);
    expect(api.requests).toHaveLength(3);
    expect(server.tokens('/refresh_token')).toEqual(['refresh-1']);
  });

  it.each(ways)('while the API is silent rejects at once: %s', async (_, make) => {
    api.script('/orders', silence);
    const session = await signedIn();
    const controller = new AbortController();
    const aborted = session.fetch(...make(controller.signal));
    await until('it has arrived', () => (api.requests.length === 1 ? true : undefined));
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
  });
});

describe('what was begun under one sign-in', () => {
  it('isn’t sent under the next: it waited for a token', async () => {
    const gate = new Gate();
    server.script('/refresh_token', gate.before(rotating()));
    const session = await signedIn();
    session.time.clock.advance(HOUR);
    const call = session.fetch(orders(), { method: 'POST', body: 'of Alice' });
    const token = session.getAccessToken();
    await until('it waits', () => (server.requests.length === 1 ? true : undefined));
    await session.signIn({ ...TOKENS, access_token: 'access-of-bob' });
    gate.release();
    await expect(call).rejects.toThrow('Session changed');
    expect(api.requests).toEqual([]);
    api.script('/orders', guarded('access-3'));
    // Who asks for a token is given the one of today.
    expect(await token).toBe('access-of-bob');
    expect((await session.fetch(orders())).status).toBe(200);
  });

  it('isn’t repeated under the next: it was refused', async () => {
    const gate = new Gate();
    api.script('/orders', gate.before(guarded('access-of-bob')));
    const session = await signedIn();
    const call = session.fetch(orders(), { method: 'POST', body: 'of Alice' });
    await until('it has arrived', () => (api.requests.length === 1 ? true : undefined));
    await session.signOut();
    await session.signIn({ ...TOKENS, access_token: 'access-of-bob' });
    gate.release();
    await expect(call).rejects.toThrow('Session changed');
    expect(api.tokens('/orders')).toEqual(['access-1']);
  });

  it('goes out without a token once that session is over', async () => {
    const gate = new Gate();
    server.script('/refresh_token', gate.before(rotating()));
    const session = await signedIn();
    session.time.clock.advance(HOUR);
    const call = session.fetch(orders());
    await until('it waits', () => (server.requests.length === 1 ? true : undefined));
    await session.signOut();
    expect((await call).status).toBe(401);
    expect(api.tokens('/orders')).toEqual([undefined]);
  });
});
