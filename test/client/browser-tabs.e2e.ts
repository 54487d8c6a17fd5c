import { describe, expect, it } from '@jest/globals';
import { describeBrowser } from '../support/clients/browser.js';
import { times, type Outcome, type Tab } from '../support/clients/client-tab.js';
import { clientWorldForTheSuite, type AppOptions } from '../support/clients/client-world.js';
import { until } from '../support/servers/process.js';
import { DAY, HOUR, MINUTE, SECOND } from '../support/test-clock.js';

const TABS = 8;
const CALLS_A_TAB = 13;
const CALLS = TABS * CALLS_A_TAB;
const OK = { status: 200, text: 'alice' };
/** Where there are no Web Locks, tabs may now and then refresh at once; the leeway forgives it. */
const FEW = 3;
const LIFE = HOUR;
const YEAR = 365 * DAY;

/** More than a hundred calls at once. */
async function burst(tabs: readonly Tab[], callsOfEach = CALLS_A_TAB): Promise<Outcome[]> {
  const outcomes = await Promise.all(tabs.map((tab) => tab.calls(callsOfEach)));
  return outcomes.flat();
}

describeBrowser('Tabs of one session', () => {
  const world = clientWorldForTheSuite({ env: { REFRESH_TOKEN_LEEWAY: '0' } });

  /** So many calls are refused, and only then is the refresh let through that the first of them asked for. */
  async function burstWhileItRefreshes(tabs: readonly Tab[]): Promise<Outcome[]> {
    world.gate.requests.shut();
    const outcomes = burst(tabs, CALLS / tabs.length);
    await until('all are refused', () => world.api.refusals === CALLS || undefined);
    await world.gate.requests.holds();
    world.gate.requests.open();
    return outcomes;
  }

  async function expectSignedIn(tabs: readonly Tab[]): Promise<void> {
    for (const tab of tabs) {
      expect(await tab.call()).toEqual(OK);
      expect((await tab.events()).filter(({ name }) => name !== 'refreshed')).toEqual([]);
    }
    expect(world.gate.statuses).not.toContain(401);
  }

  async function refreshedEvents(tabs: readonly Tab[]): Promise<number> {
    const events = await Promise.all(tabs.map((tab) => tab.events()));
    return events.flat().filter(({ name }) => name === 'refreshed').length;
  }

  /** Time passes in the service, in the API and in the tabs. */
  async function advance(tabs: readonly Tab[], milliseconds: number): Promise<void> {
    world.service.clock.advance(milliseconds);
    for (const tab of tabs) await tab.turnClock(milliseconds);
  }

  describe.each<[string, AppOptions]>([
    ['with localStorage', { storage: 'browser' }],
    ['with the refresh token in a cookie', { storage: 'cookie' }],
  ])('%s', (_, options) => {
    it('make one refresh of a hundred parallel 401s, and one of them tells that it has refreshed', async () => {
      const tabs = await world.signedIn(TABS, options);
      world.service.clock.advance(2 * HOUR);
      expect(await burstWhileItRefreshes(tabs)).toEqual(times(CALLS, OK));
      expect(world.gate.statuses).toEqual([200]);
      expect(world.api.calls.length).toBe(2 * CALLS);
      expect(await refreshedEvents(tabs)).toBe(1);

      // Now the first ones go on while the last ones are refused.
      world.service.clock.advance(2 * HOUR);
      expect(await burst(tabs)).toEqual(times(CALLS, OK));
      expect(world.gate.statuses).toEqual([200, 200]);
      expect(await refreshedEvents(tabs)).toBe(2);
      await expectSignedIn(tabs);
    });
  });

  describe.each<[string, AppOptions, boolean]>([
    ['of an origin that is not secure', { host: 'insecure.test' }, false],
    ['in a browser without them', {}, true],
  ])('without Web Locks, %s', (_, options, isWithout) => {
    it('make a few refreshes, and stay signed in', async () => {
      if (isWithout) await world.context.addInitScript(() => void Reflect.deleteProperty(Navigator.prototype, 'locks'));
      const tabs = await world.signedIn(TABS / 2, options);
      expect(await tabs[0].page.evaluate(() => (navigator as Partial<Navigator>).locks)).toBeUndefined();
      for (const round of [1, 2]) {
        world.service.clock.advance(2 * HOUR);
        const before = world.gate.refreshes;
        const outcomes = round === 1 ? await burstWhileItRefreshes(tabs) : await burst(tabs, CALLS / tabs.length);
        expect(outcomes).toEqual(times(CALLS, OK));
        expect(world.gate.refreshes - before).toBeLessThanOrEqual(FEW);
      }
      await expectSignedIn(tabs);
    });
  });

  it('refresh ahead of the end, in one of them, so that the API refuses nothing', async () => {
    await world.setClocks(0);
    const tabs = await world.signedIn(3);
    await advance(tabs, LIFE - 40 * SECOND);
    expect(await burst(tabs)).toEqual(times(3 * CALLS_A_TAB, OK));
    expect(world.gate.refreshes).toBe(0);
    await advance(tabs, 20 * SECOND);
    expect(await burst(tabs)).toEqual(times(3 * CALLS_A_TAB, OK));
    expect([world.gate.refreshes, world.api.refusals]).toEqual([1, 0]);
    await expectSignedIn(tabs);
  });

  it.each([
    ['ten years slow', -10 * YEAR],
    ['ten years fast', 10 * YEAR],
  ])('take no harm of a clock that is %s', async (_, off) => {
    await world.setClocks(off);
    const tabs = await world.signedIn(2);
    expect(await burst(tabs)).toEqual(times(2 * CALLS_A_TAB, OK));
    expect(world.gate.refreshes).toBe(0);
    await advance(tabs, LIFE - 20 * SECOND);
    expect(await burst(tabs)).toEqual(times(2 * CALLS_A_TAB, OK));
    expect([world.gate.refreshes, world.api.refusals]).toEqual([1, 0]);
    await expectSignedIn(tabs);
  });

  it.each([
    ['back', -YEAR],
    ['forth', YEAR],
  ])('go on where the clock is turned %s: they refresh, and that is all', async (_, time) => {
    await world.setClocks(0);
    const tabs = await world.signedIn(2);
    for (const tab of tabs) await tab.turnClock(time);
    expect(await burst(tabs)).toEqual(times(2 * CALLS_A_TAB, OK));
    const { refreshes } = world.gate;
    expect(refreshes).toBeGreaterThan(0);
    expect(refreshes).toBeLessThanOrEqual(tabs.length);
    await expectSignedIn(tabs);
    expect(world.gate.refreshes).toBe(refreshes);
  });

  it('share it with one that was opened later, loaded again, or duplicated', async () => {
    const [tab] = await world.signedIn(1);
    await tab.page.reload();
    const later = await world.open();
    const opened = world.context.waitForEvent('page');
    await tab.page.evaluate(() => void open(location.href));
    const copy = await opened;
    await copy.waitForLoadState();
    const tabs = [tab, later, world.tabOf(copy)];
    await expectSignedIn(tabs);
    expect(world.gate.refreshes).toBe(0);

    world.service.clock.advance(2 * HOUR);
    expect(await burst(tabs)).toEqual(times(3 * CALLS_A_TAB, OK));
    expect(world.gate.refreshes).toBe(1);
    await expectSignedIn(tabs);
  });

  it('go on where one goes away with a refresh on its way', async () => {
    const [tab, other] = (await world.signedIn(2)) as [Tab, Tab];
    for (const leave of [() => tab.page.reload(), () => tab.page.close()]) {
      world.service.clock.advance(2 * HOUR);
      world.gate.answers.shut();
      const left = tab.call().catch(() => undefined);
      await world.gate.answers.holds();
      const outcome = other.call();
      await leave();
      // It has the lock now.
      await world.gate.answers.holds(2);
      world.gate.answers.open();
      expect(await outcome).toEqual(OK);
      await left;
    }
    world.service.clock.advance(2 * HOUR);
    await expectSignedIn([other]);
    expect(world.gate.statuses).toEqual([200, 200, 200, 200, 200]);
  });

  it('are signed out where localStorage is cleared, once each, and no more is sent', async () => {
    const tabs = await world.signedIn(2);
    await tabs[0].page.evaluate(() => localStorage.clear());
    const SIGNED_OUT = { name: 'signedOut', reason: 'sign_out' };
    for (const tab of tabs.toReversed()) {
      if (tab !== tabs[0]) await tab.hears('signedOut');
      expect(await tab.call()).toEqual({ status: 401, text: 'The API says 401' });
      expect(await tab.call()).toEqual({ status: 401, text: 'The API says 401' });
      expect(await tab.events()).toEqual([SIGNED_OUT]);
    }
    expect(world.api.calls.map(({ authorization }) => authorization)).toEqual(times(4, undefined));
    expect(world.gate.knocks).toEqual([]);

    await world.signIn(tabs[0]);
    for (const tab of tabs) expect(await tab.call()).toEqual(OK);
  });

  it('do not bring the tokens back where localStorage is cleared under a refresh', async () => {
    const [tab] = await world.signedIn(1);
    world.service.clock.advance(MINUTE + LIFE);
    world.gate.answers.shut();
    const outcome = tab.call();
    await world.gate.answers.holds();
    await tab.page.evaluate(() => localStorage.clear());
    world.gate.answers.open();
    expect((await outcome).status).toBe(401);
    expect(await tab.stored()).toBe('');
    expect(await tab.events()).toEqual([{ name: 'signedOut', reason: 'sign_out' }]);
  });
});
