import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AppServer, type ApiCall } from '../support/clients/app-server.js';
import { describeBrowser } from '../support/clients/browser.js';
import { times, type Tab } from '../support/clients/client-tab.js';
import { clientWorldForTheSuite } from '../support/clients/client-world.js';
import { until } from '../support/servers/process.js';
import { HOUR } from '../support/test-clock.js';
import { limit } from '../support/time.js';

const OK = { status: 200, text: 'alice' };

describeBrowser('A request of a page', () => {
  const world = clientWorldForTheSuite();
  let tab: Tab;

  beforeEach(async () => {
    [tab] = await world.signedIn(1);
  });

  /** The access token is refused by the API, though the page believes that it is good. */
  function tokenExpires(): void {
    world.service.clock.advance(2 * HOUR);
  }

  /** What came to the API at a path: the refused request, and the one that was accepted. */
  function repeated(path: string): [ApiCall, ApiCall] {
    const calls = world.api.calls.filter((call) => call.path === path);
    expect(calls.map(({ status }) => status)).toEqual([401, 200]);
    return calls as [ApiCall, ApiCall];
  }

  function formOf({ body, type }: ApiCall): Promise<FormData> {
    return new Response(new Uint8Array(body), { headers: { 'Content-Type': type ?? '' } }).formData();
  }

  describe('goes out with the access token', () => {
    it.each<[string, () => Promise<unknown>]>([
      ['to a path of its own origin', () => app.call('/api/orders')],
      ['to a path beside it', () => app.call('api/orders')],
      ['as a URL', () => app.call(new URL('/api/orders', location.href))],
      ['as a Request', () => app.call(new Request('/api/orders'))],
      ['by a fetch that was handed around', () => app.outcomeOf((0, app.session.fetch)('/api/orders'))],
    ])('%s', async (_, send) => {
      expect(await tab.page.evaluate(send)).toEqual(OK);
      expect(world.site.calls).toMatchObject([{ method: 'GET', path: '/api/orders', subject: 'alice' }]);
    });

    it('but to no origin that is not listed: nothing is sent there', async () => {
      const { url } = world.stranger;
      const outcomes = await tab.page.evaluate(
        (to) => Promise.all([app.call(to), app.call(new URL(to)), app.call(new Request(to, { method: 'POST' }))]),
        `${url}/api/orders`,
      );
      const refused = { error: 'TypeError', message: expect.stringMatching(`${url}.*apiOrigins`) };
      expect(outcomes).toEqual([refused, refused, refused]);
      expect(world.stranger.calls).toEqual([]);
    });

    it('and does not take it along where it is redirected to another origin', async () => {
      const to = `${world.stranger.url}/api/elsewhere`;
      await tab.page.evaluate((url) => app.call(url), `${world.api.url}/api/away?to=${encodeURIComponent(to)}`);
      expect(world.api.calls[0]).toMatchObject({ path: '/api/away', subject: 'alice', status: 307 });
      // Its 401 looks like the API's own, once.
      expect(world.stranger.calls.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
    });

    it('unless it has credentials of its own, which are left alone', async () => {
      const outcome = await tab.call('/api/orders', { headers: { authorization: 'Bearer mine' } });
      expect(outcome).toEqual({ status: 401, text: 'The API says 401' });
      expect(world.api.calls).toMatchObject([{ authorization: 'Bearer mine' }]);
      expect(world.gate.knocks).toEqual([]);
    });
  });

  describe('that is refused is sent again as it was', () => {
    beforeEach(tokenExpires);

    it.each<[string, (url: string) => Promise<unknown>, string, string]>([
      ['a text', (url) => app.call(url, { method: 'PUT', body: 'ä text' }), 'ä text', 'text/plain;charset=UTF-8'],
      [
        'JSON',
        (url) => app.call(url, { method: 'PUT', body: '{"a":1}', headers: { 'content-type': 'application/json' } }),
        '{"a":1}',
        'application/json',
      ],
      [
        'fields of a form',
        (url) => app.call(url, { method: 'PUT', body: new URLSearchParams({ a: 'b c' }) }),
        'a=b+c',
        'application/x-www-form-urlencoded;charset=UTF-8',
      ],
      [
        'a Blob',
        (url) => app.call(url, { method: 'PUT', body: new Blob(['a ', 'blob'], { type: 'text/x-blob' }) }),
        'a blob',
        'text/x-blob',
      ],
      [
        'a Request with a body',
        (url) => app.call(new Request(url, { method: 'PUT', body: 'a request', headers: { 'content-type': 'a/b' } })),
        'a request',
        'a/b',
      ],
    ])('%s', async (_, send, body, type) => {
      expect(await tab.page.evaluate(send, `${world.api.url}/api/put`)).toEqual(OK);
      for (const call of repeated('/api/put')) {
        expect([call.method, call.body.toString(), call.type]).toEqual(['PUT', body, type]);
      }
      expect(world.gate.refreshes).toBe(1);
    });

    it('bytes', async () => {
      const send = (url: string) => app.call(url, { method: 'PUT', body: new Uint8Array([0, 255, 10, 13]) });
      expect(await tab.page.evaluate(send, `${world.api.url}/api/put`)).toEqual(OK);
      for (const { body } of repeated('/api/put')) expect([...body]).toEqual([0, 255, 10, 13]);
    });

    it.each<[string, (url: string) => Promise<unknown>]>([
      [
        'a form with a file',
        (url) => {
          const body = new FormData();
          body.set('name', 'ä');
          body.set('file', new File(['its content'], 'a.txt'));
          return app.call(url, { method: 'POST', body });
        },
      ],
      [
        'a form with a file in a Request',
        (url) => {
          const body = new FormData();
          body.set('name', 'ä');
          body.set('file', new File(['its content'], 'a.txt'));
          return app.call(new Request(url, { method: 'POST', body }));
        },
      ],
    ])('%s', async (_, send) => {
      expect(await tab.page.evaluate(send, `${world.api.url}/api/form`)).toEqual(OK);
      for (const call of repeated('/api/form')) {
        const form = await formOf(call);
        const file = form.get('file') as File;
        expect([form.get('name'), file.name, await file.text()]).toEqual(['ä', 'a.txt', 'its content']);
      }
    });

    it('over a connection that is free again, however much there was to come of the refusals', async () => {
      // More than a browser's connections to one server.
      const outcomes = tab.page.evaluate(
        (url) => Promise.all(Array.from({ length: 7 }, () => app.call(url))),
        `${world.api.url}/api/endless`,
      );
      expect(await outcomes).toEqual(times(7, OK));
      expect(world.gate.refreshes).toBe(1);
    });
  });

  describe('that streams its body', () => {
    let secure: AppServer;

    beforeAll(async () => {
      secure = await AppServer.startSecure();
      await secure.trust(world.service.url, () => world.service.clock.now());
    });
    beforeEach(async () => {
      secure.calls.length = 0;
      tab = await world.open({ apiOrigin: secure.url });
    });
    afterAll(() => secure.close());

    function stream(): Promise<unknown> {
      return tab.page.evaluate((url) => {
        const body = new Blob(['a stream']).stream();
        // TypeScript's DOM doesn't know of `duplex` yet.
        const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' };
        return app.outcomeOf(app.session.fetch(url, init));
      }, `${secure.url}/api/stream`);
    }

    it('is not sent again where it is refused, says so, and is good once it is made anew', async () => {
      expect(await stream()).toEqual(OK);
      tokenExpires();
      expect(await stream()).toMatchObject({ error: 'RequestNotRepeatedError' });
      expect(world.gate.statuses).toEqual([200]);
      expect(await stream()).toEqual(OK);
      expect(secure.calls.map(({ status, body }) => [status, body.toString()])).toEqual([
        [200, 'a stream'],
        [401, 'a stream'],
        [200, 'a stream'],
      ]);
    });
  });

  describe('that is aborted', () => {
    it('before it begins sends nothing', async () => {
      tokenExpires();
      const outcome = await tab.page.evaluate(
        (url) => app.call(url, { signal: AbortSignal.abort() }),
        `${world.api.url}/api/orders`,
      );
      expect(outcome).toMatchObject({ error: 'AbortError' });
      expect([world.api.calls, world.gate.knocks]).toEqual([[], []]);
    });

    it('while it waits for a refresh ends at once with its reason, and the others get theirs', async () => {
      tokenExpires();
      world.gate.requests.shut();
      const outcomes = tab.page.evaluate(
        ([url, milliseconds]) => {
          const controller = new AbortController();
          Object.assign(globalThis, { controller });
          const { signal } = controller;
          return Promise.all([
            app.call(url, { signal }),
            app.call(new Request(url, { signal })),
            app.outcomeOf(app.session.getAccessToken({ signal })),
            app.call(url, { signal: AbortSignal.timeout(milliseconds) }),
          ]);
        },
        [`${world.api.url}/api/orders`, limit(400)] as const,
      );
      const other = tab.call();
      await until('all wait', () => world.api.refusals === 4 || undefined);
      await world.gate.requests.holds();
      await tab.page.evaluate(() =>
        (globalThis as unknown as { controller: AbortController }).controller.abort(new RangeError('No more of it')),
      );
      const aborted = { error: 'RangeError', message: 'No more of it' };
      expect(await outcomes).toMatchObject([
        aborted,
        aborted,
        { result: expect.any(String) },
        { error: 'TimeoutError' },
      ]);

      world.gate.requests.open();
      expect(await other).toEqual(OK);
      expect(world.gate.statuses).toEqual([200]);
      expect(world.api.calls.length).toBe(5);
    });

    it('while the API takes its time ends at once', async () => {
      world.api.answers.shut();
      const outcome = tab.page.evaluate(
        (url) => app.call(url, { signal: AbortSignal.timeout(300) }),
        `${world.api.url}/api/orders`,
      );
      expect(await outcome).toMatchObject({ error: 'TimeoutError' });
      world.api.answers.open();
      expect(await tab.call()).toEqual(OK);
      expect(world.gate.knocks).toEqual([]);
    });
  });
});
