import { expect, it } from '@jest/globals';
import { describeBrowser } from '../support/clients/browser.js';
import type { Tab } from '../support/clients/client-tab.js';
import { clientWorldForTheSuite } from '../support/clients/client-world.js';
import { COOKIE } from '../support/http/cookies.js';
import { until } from '../support/servers/process.js';
import { HOUR } from '../support/test-clock.js';

/** Each lets the answer to a refresh and what is done in another tab meet a little earlier or later. */
const ROUNDS = 20;
const KEY = 'nest-refresh-token';

describeBrowser('While a refresh of one tab is answered', () => {
  const world = clientWorldForTheSuite();

  /** Lets the answer go, and does something in the other tab so many tenths of a millisecond later. */
  async function race(tabs: readonly [Tab, Tab], tenths: number, work: (tab: Tab) => Promise<unknown>): Promise<void> {
    world.service.clock.advance(2 * HOUR);
    world.gate.answers.shut();
    const call = tabs[0].call().catch(() => undefined);
    await world.gate.answers.holds();
    const begun = performance.now();
    world.gate.answers.open();
    while (performance.now() - begun < tenths / 10);
    await work(tabs[1]);
    await call;
  }

  const stored = (tab: Tab) => tab.page.evaluate((key) => localStorage.getItem(key), KEY);

  it('another user’s sign-in in another tab stays, in both', async () => {
    const tabs = (await world.signedIn(2)) as [Tab, Tab];
    for (let round = 0; round < ROUNDS; round += 1) {
      await race(tabs, round * 3, (tab) => world.signIn(tab, `bob-${round}`));
      for (const tab of tabs) expect(await tab.call()).toEqual({ status: 200, text: `bob-${round}` });
    }
  });

  it('a sign-out in another tab stays, in both, and each hears of it once', async () => {
    const tabs = (await world.signedIn(2)) as [Tab, Tab];
    const signOuts = async (tab: Tab) => (await tab.events()).filter(({ name }) => name === 'signedOut').length;
    for (let round = 0; round < ROUNDS; round += 1) {
      await race(tabs, round * 3, (tab) => tab.signOut());
      for (const tab of tabs)
        await until('it hears of the sign-out', async () => (await signOuts(tab)) > round || undefined);
      for (const tab of tabs) {
        expect(await stored(tab)).toContain('"ended":"sign_out"');
        expect(await signOuts(tab)).toBe(round + 1);
      }
      await world.signIn(tabs[0]);
    }
  });

  it('sign-ins in two tabs at once end as one', async () => {
    const tabs = (await world.signedIn(2)) as [Tab, Tab];
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all(tabs.map((tab, at) => tab.signIn({ refresh_token: `of-${at}`, access_token: `access-${at}` })));
      const [one, other] = await Promise.all(tabs.map((tab) => tab.accessToken()));
      expect(one).toEqual(other);
    }
  });

  it('with a cookie, another user’s sign-in aborts it: its cookie doesn’t replace that user’s', async () => {
    const options = { storage: 'cookie' } as const;
    const tabs = (await world.signedIn(2, options)) as [Tab, Tab];
    for (const isReloaded of [false, true]) {
      if (isReloaded) await tabs[0].page.reload();
      world.service.clock.advance(2 * HOUR);
      const aborted = tabs[0].page.waitForEvent('requestfailed', (request) => request.url().endsWith('/refresh_token'));
      world.gate.answers.shut();
      const call = tabs[0].accessToken();
      if (!isReloaded) {
        // What it has is still fresh by the page's clock.
        const { result } = await call;
        void tabs[0].page.evaluate((refused) => void app.session.getAccessToken({ refused }), String(result));
      }
      await world.gate.answers.holds();
      const { refresh_token, access_token } = await world.signIn(tabs[1], 'bob', options);
      await aborted;
      world.gate.answers.open();
      if (isReloaded) expect(await call).toMatchObject({ result: access_token });
      const cookies = await world.context.cookies();
      expect(cookies.find(({ name }) => name === COOKIE)?.value).toBe(refresh_token);
      for (const tab of tabs) expect(await tab.call()).toEqual({ status: 200, text: 'bob' });
    }
  });
});
