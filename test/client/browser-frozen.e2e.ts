import { describe, expect, it } from '@jest/globals';
import { describeBrowser } from '../support/clients/browser.js';
import { times, type Tab } from '../support/clients/client-tab.js';
import { clientWorldForTheSuite, type AppOptions } from '../support/clients/client-world.js';
import { HOUR, SECOND } from '../support/test-clock.js';
import { limit } from '../support/time.js';

const OK = { status: 200, text: 'alice' };
const SIGNED_OUT = { status: 401, text: 'The API says 401' };
const LEFT = { name: 'signedOut', reason: 'sign_out' };
/** How long a try of the other tabs may take, in milliseconds. */
const TIMEOUT = limit(350);
/** For how long a tab that holds the lock is waited for, at most, and what timers of tabs in the background add. */
const HELD_UP = TIMEOUT + 5 * SECOND + limit(1_000);

describeBrowser('A tab that sleeps', () => {
  const world = clientWorldForTheSuite({
    env: { REFRESH_TOKEN_LEEWAY: '0' },
    app: { timeout: TIMEOUT },
    isPlain: true,
  });

  async function setState(tab: Tab, state: 'frozen' | 'active'): Promise<void> {
    const session = await world.context.newCDPSession(tab.page);
    await session.send('Page.setWebLifecycleState', { state });
  }

  /** As the browser does with tabs that nobody has looked at for long: no script runs, no answer is handed over. */
  async function freeze(tab: Tab): Promise<void> {
    await tab.page.evaluate(() => {
      document.addEventListener('freeze', () => Object.assign(globalThis, { isFrozen: true }));
    });
    await setState(tab, 'frozen');
    expect(await tab.page.evaluate(() => (globalThis as { isFrozen?: boolean }).isFrozen)).toBe(true);
  }

  async function expectNobodySignedOut(tabs: readonly Tab[]): Promise<void> {
    for (const tab of tabs) expect((await tab.events()).filter(({ name }) => name === 'signedOut')).toEqual([]);
    expect(world.gate.statuses).not.toContain(401);
  }

  it('carries on where others have rotated meanwhile, time and again', async () => {
    const sleeper = await world.open();
    const [other] = await world.signedIn(1);
    await freeze(sleeper);
    for (const round of [1, 2, 3]) {
      world.service.clock.advance(2 * HOUR);
      expect([round, await other.call()]).toEqual([round, OK]);
    }
    world.service.clock.advance(2 * HOUR);
    await setState(sleeper, 'active');
    expect(await sleeper.call()).toEqual(OK);
    expect(await other.call()).toEqual(OK);
    expect(world.gate.statuses).toEqual([200, 200, 200, 200]);
    await expectNobodySignedOut([sleeper, other]);
  });

  it('learns when it wakes that somebody has signed out', async () => {
    const sleeper = await world.open();
    const [other] = await world.signedIn(1);
    await freeze(sleeper);
    await other.signOut();
    await setState(sleeper, 'active');
    expect(await sleeper.hears('signedOut')).toEqual(LEFT);
    expect(await sleeper.call()).toEqual(SIGNED_OUT);
    expect(await sleeper.events()).toEqual([LEFT]);
  });

  describe('with a refresh on its way', () => {
    it.each<[string, boolean, number]>([
      ['in a Web Lock, and an answer that comes at last', false, 60 * SECOND],
      ['in a Web Lock, and given up', false, TIMEOUT],
      ['without Web Locks', true, TIMEOUT],
    ])(
      'holds the others up for no longer than promised, and undoes nothing that they have done: %s',
      async (_, isWithout, timeout) => {
        if (isWithout)
          await world.context.addInitScript(() => void Reflect.deleteProperty(Navigator.prototype, 'locks'));
        const sleeper = await world.open({ timeout });
        const [other] = await world.signedIn(1);
        world.service.clock.advance(2 * HOUR);
        world.gate.answers.shut();
        const outcome = sleeper.call();
        await world.gate.answers.holds();
        await freeze(sleeper);
        world.gate.answers.open();

        const begun = performance.now();
        expect(await other.call()).toEqual(OK);
        expect(performance.now() - begun).toBeLessThan(HELD_UP);
        expect(world.gate.statuses).toEqual([200, 200]);
        const stored = await other.stored();

        await setState(sleeper, 'active');
        expect(await outcome).toEqual(OK);
        expect(await other.stored()).toBe(stored);
        world.service.clock.advance(2 * HOUR);
        for (const tab of [sleeper, other]) expect(await tab.call()).toEqual(OK);
        expect(world.gate.statuses).toEqual([200, 200, 200]);
        await expectNobodySignedOut([sleeper, other]);
      },
    );
  });

  it('with the lock, and nothing sent yet, holds the others up for no longer than promised', async () => {
    const sleeper = await world.open();
    const [other] = await world.signedIn(1);
    await sleeper.page.evaluate(
      () =>
        new Promise<void>((held) => {
          void navigator.locks.request('nest-refresh-token', () => {
            held();
            return new Promise<void>((done) => Object.assign(globalThis, { letGo: done }));
          });
        }),
    );
    await freeze(sleeper);
    world.service.clock.advance(2 * HOUR);
    const begun = performance.now();
    expect(await other.calls(5)).toEqual(times(5, OK));
    expect(performance.now() - begun).toBeLessThan(HELD_UP);
    await setState(sleeper, 'active');
    await sleeper.page.evaluate(() => (globalThis as unknown as { letGo: () => void }).letGo());
    expect(await sleeper.call()).toEqual(OK);
    expect(world.gate.statuses).toEqual([200]);
    await expectNobodySignedOut([sleeper, other]);
  });

  describe.each<[string, AppOptions]>([
    ['with localStorage', { storage: 'browser' }],
    ['with the refresh token in a cookie', { storage: 'cookie' }],
  ])('in the back/forward cache, %s', (_, options) => {
    /** The page is left, and found again as it was, or loaded anew: whatever the browser likes. */
    async function leave(tab: Tab): Promise<() => Promise<boolean>> {
      await tab.page.evaluate(() => {
        addEventListener('pageshow', ({ persisted }) => Object.assign(globalThis, { persisted }));
      });
      await tab.page.goto(`${world.site.url}/app.js`);
      return async () => {
        await tab.page.goBack({ waitUntil: 'commit' });
        await tab.page.waitForFunction(() => 'app' in globalThis);
        return tab.page.evaluate(() => (globalThis as { persisted?: boolean }).persisted ?? false);
      };
    }

    it('carries on where others have rotated meanwhile', async () => {
      const [tab, other] = (await world.signedIn(2, options)) as [Tab, Tab];
      const comeBack = await leave(tab);
      for (const round of [1, 2]) {
        world.service.clock.advance(2 * HOUR);
        expect([round, await other.call()]).toEqual([round, OK]);
      }
      await comeBack();
      world.service.clock.advance(2 * HOUR);
      for (const each of [tab, other]) expect(await each.call()).toEqual(OK);
      await expectNobodySignedOut([tab, other]);
    });

    it('learns when it is shown again that somebody has signed out', async () => {
      const [tab, other] = (await world.signedIn(2, options)) as [Tab, Tab];
      const comeBack = await leave(tab);
      await other.signOut();
      const isKept = await comeBack();
      if (options.storage === 'browser') expect(isKept).toBe(true);
      expect(await tab.call()).toEqual(SIGNED_OUT);
      expect(await tab.events()).toEqual(isKept ? [LEFT] : []);
    });
  });
});
