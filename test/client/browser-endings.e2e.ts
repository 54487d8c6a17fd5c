import { describe, expect, it } from '@jest/globals';
import { describeBrowser } from '../support/clients/browser.js';
import type { Tab } from '../support/clients/client-tab.js';
import { clientWorldForTheSuite, type AppOptions } from '../support/clients/client-world.js';
import { COOKIE } from '../support/http/cookies.js';
import type { Latch } from '../support/clients/latch.js';
import { refresh, refreshed } from '../support/http/http.js';
import { until } from '../support/servers/process.js';
import { HOUR, MINUTE } from '../support/test-clock.js';

const OK = { status: 200, text: 'alice' };
/** The API's own answer, since nobody is signed in. */
const SIGNED_OUT = { status: 401, text: 'The API says 401' };
const STOLEN = [{ name: 'signedOut', reason: 'invalid_refresh_token' }];
const LEFT = [{ name: 'signedOut', reason: 'sign_out' }];

describeBrowser('The end of a session', () => {
  const world = clientWorldForTheSuite();

  /** What each tab has heard, but for its refreshes. */
  function heard(tabs: readonly Tab[]): Promise<unknown[]> {
    return Promise.all(tabs.map(async (tab) => (await tab.events()).filter(({ name }) => name !== 'refreshed')));
  }

  describe.each<[string, AppOptions]>([
    ['with localStorage', { storage: 'browser' }],
    ['with the refresh token in a cookie', { storage: 'cookie' }],
  ])('%s', (_, options) => {
    /** The refresh token that the browser has. */
    async function token(tab: Tab): Promise<string> {
      if (options.storage !== 'cookie') return tab.stored();
      const cookies = await world.context.cookies();
      return cookies.find(({ name }) => name === COOKIE)?.value ?? '';
    }

    it.each(['owner', 'thief'])(
      'comes to all tabs once where the token was stolen: the %s refreshes first',
      async (who) => {
        const tabs = await world.signedIn(3, options);
        const [first, second, third] = tabs as [Tab, Tab, Tab];
        const stolen = await token(first);
        let loot = '';
        const turns = [
          async () => expect(await second.call()).toEqual(OK),
          async () => void (loot = (await refreshed(world.service.url, stolen)).refresh_token),
        ];
        for (const turn of who === 'owner' ? turns : turns.toReversed()) {
          world.service.clock.advance(2 * HOUR);
          await turn();
        }
        // The owner's next refresh locks the thief out.
        world.service.clock.advance(2 * HOUR);
        expect(await third.call()).toEqual(OK);
        world.service.clock.advance(MINUTE);
        expect((await refresh(world.service.url, loot)).status).toBe(401);
        expect(await heard(tabs)).toEqual([[], [], []]);

        world.service.clock.advance(2 * HOUR);
        expect(await first.call()).toEqual(SIGNED_OUT);
        for (const tab of tabs) await tab.hears('signedOut');
        const { refreshes } = world.gate;
        for (const tab of tabs) expect(await tab.call()).toEqual(SIGNED_OUT);
        expect(await heard(tabs)).toEqual([STOLEN, STOLEN, STOLEN]);
        // With a cookie, a page asks whether somebody has signed in since.
        expect(world.gate.refreshes - refreshes).toBe(0);
        for (const other of [stolen, loot]) expect((await refresh(world.service.url, other)).status).toBe(401);
      },
    );

    it('comes to all tabs at once where one signs out, before the server has heard of it', async () => {
      const tabs = await world.signedIn(3, options);
      const gone = await token(tabs[0]);
      world.gate.requests.shut();
      const confirmed = tabs[0].signOut();
      await world.gate.requests.holds();
      for (const tab of tabs) await tab.hears('signedOut');
      for (const tab of tabs) expect(await tab.call()).toEqual(SIGNED_OUT);
      world.gate.requests.open();
      expect(await confirmed).toBe(true);
      expect(await heard(tabs)).toEqual([LEFT, LEFT, LEFT]);
      expect(world.gate.knocks.map(({ path }) => path)).toEqual(['/logout']);
      expect(world.api.calls.map(({ authorization }) => authorization)).toEqual(Array(3).fill(undefined));
      expect((await refresh(world.service.url, gone)).status).toBe(401);
    });

    it.each([
      ['the tab itself', 0],
      ['another tab', 1],
    ])('is not undone by a refresh that was on its way, of %s', async (_which, index) => {
      const tabs = await world.signedIn(2, options);
      world.service.clock.advance(2 * HOUR);
      world.gate.answers.shut();
      const outcome = (tabs[index] as Tab).call();
      await world.gate.answers.holds();
      const confirmed = tabs[0].signOut();
      await (tabs[1] as Tab).hears('signedOut');
      world.gate.answers.open();
      expect(await confirmed).toBe(true);
      expect(await outcome).toEqual(SIGNED_OUT);
      for (const tab of tabs) expect(await tab.call()).toEqual(SIGNED_OUT);
      expect(await Promise.all(tabs.map((tab) => tab.events()))).toEqual([LEFT, LEFT]);
    });

    describe.each([
      ['', false],
      [', also in a page that was loaded again', true],
    ])('where somebody else signs in in another tab%s', (_title, isReloaded) => {
      const places: [string, () => Latch][] = [
        ['waits for a refresh', () => world.gate.answers],
        ['is refused later', () => world.api.answers],
      ];

      it.each(places)('no request that %s is sent with that user’s token', async (_place, latch) => {
        const [tab, other] = (await world.signedIn(2, options)) as [Tab, Tab];
        if (isReloaded) await tab.page.reload();
        expect(await tab.call()).toEqual(OK);
        world.service.clock.advance(2 * HOUR);
        latch().shut();
        const outcome = tab.call('/api/pay', { method: 'POST', body: 'a lot' });
        await latch().holds();
        const { access_token } = await world.signIn(other, 'bob', options);
        await until('the tab knows', async () => (await tab.accessToken()).result === access_token || undefined);
        latch().open();

        expect(await outcome).toEqual({ error: expect.any(String), message: expect.any(String) });
        const paid = world.api.calls.filter(({ path }) => path === '/api/pay');
        expect(paid.map(({ subject }) => subject)).toEqual([undefined]);
        expect(await tab.call()).toEqual({ status: 200, text: 'bob' });
      });
    });
  });
});
