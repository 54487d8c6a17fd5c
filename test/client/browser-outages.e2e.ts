import { describe, expect, it } from '@jest/globals';
import { describeBrowser } from '../support/clients/browser.js';
import { times, type Heard, type Tab } from '../support/clients/client-tab.js';
import { clientWorldForTheSuite } from '../support/clients/client-world.js';
import { until } from '../support/servers/process.js';
import type { RefreshGate } from '../support/clients/refresh-gate.js';
import { HOUR, SECOND } from '../support/test-clock.js';
import { limit } from '../support/time.js';

const OK = { status: 200, text: 'alice' };
/** How long a try may take, in milliseconds. */
const TIMEOUT = limit(350);
/** What a browser adds where a proxy's answer says nothing of CORS, or the service has gone. */
const CORS = /has been blocked by CORS policy/;

type Fault = (gate: RefreshGate) => void;

const FAULTS: [string, Fault, number | undefined][] = [
  ['answers get lost, though the service has rotated', (gate) => gate.loseAnswers(), undefined],
  ['requests get lost', (gate) => gate.loseRequests(), undefined],
  ['answers come too late', (gate) => gate.answers.shut(), undefined],
  ['the answer is 503', (gate) => gate.answer({ status: 503 }), 503],
  [
    'a proxy answers 502, which the page may not read',
    (gate) => gate.answer({ status: 502, isReadable: false }),
    undefined,
  ],
  ['a portal answers with its page', (gate) => gate.answer({ status: 200, body: '<h1>Welcome</h1>' }), 200],
];

describeBrowser('While the service cannot answer', () => {
  const world = clientWorldForTheSuite({
    env: { REFRESH_TOKEN_LEEWAY: '0' },
    app: { timeout: TIMEOUT },
    except: CORS,
  });

  function works(): void {
    world.gate.pass();
    world.gate.answers.open();
  }

  async function unavailable(tabs: readonly Tab[]): Promise<Heard[]> {
    const events = await Promise.all(tabs.map((tab) => tab.events()));
    const all = events.flat();
    expect(all.filter(({ name }) => name === 'signedOut')).toEqual([]);
    return all.filter(({ name }) => name === 'unavailable');
  }

  describe.each(FAULTS)('%s', (_, fault, status) => {
    it('nobody is signed out, calls wait, and all get their answers once it works', async () => {
      const tabs = await world.signedIn(2);
      world.service.clock.advance(2 * HOUR);
      fault(world.gate);
      const outcomes = Promise.all(tabs.map((tab) => tab.calls(3)));
      await until('a tab has heard', async () => (await unavailable(tabs)).length > 0 || undefined);
      works();
      expect((await outcomes).flat()).toEqual(times(6, OK));
      for (const event of await unavailable(tabs)) expect(event.status).toBe(status);
      // All of them were good, also those whose answers were lost.
      expect(world.gate.statuses).not.toContain(401);

      const before = await unavailable(tabs);
      world.service.clock.advance(2 * HOUR);
      for (const tab of tabs) expect(await tab.call()).toEqual(OK);
      expect(await unavailable(tabs)).toEqual(before);
    });
  });

  it('a call that may not wait gets a SessionUnavailableError, and never the API’s 401', async () => {
    await world.setClocks(0);
    const [tab] = await world.signedIn(1, { patience: 0 });
    world.service.clock.advance(2 * HOUR);
    world.gate.answer({ status: 503, headers: { 'Retry-After': '7' } });
    const refused = {
      error: 'SessionUnavailableError',
      message: expect.stringContaining('503'),
      status: 503,
      retryAfter: expect.any(Number),
    };
    const [first, ...others] = [await tab.call(), await tab.call(), ...(await tab.calls(20))];
    expect(first?.retryAfter).toBeGreaterThanOrEqual(7);
    expect(first?.retryAfter).toBeLessThanOrEqual(Math.ceil(7 * 1.5));
    expect([first, ...others]).toEqual(times(22, refused));
    expect(world.gate.refreshes).toBe(1);
    expect(await tab.events()).toEqual([{ name: 'unavailable', status: 503, retryAfter: expect.any(Number) }]);

    world.gate.pass();
    await tab.turnClock(11 * SECOND);
    expect(await tab.call()).toEqual(OK);
    expect(world.gate.refreshes).toBe(2);
  });

  it('it is left alone for as long as it asks, however many calls wait', async () => {
    const tabs = await world.signedIn(3);
    world.service.clock.advance(2 * HOUR);
    world.gate.answer({ status: 503, headers: { 'Retry-After': '2' } });
    const outcomes = Promise.all(tabs.map((tab) => tab.calls(5)));
    for (const tab of tabs) expect((await tab.hears('unavailable')).retryAfter).toBeGreaterThanOrEqual(2);
    expect(world.gate.refreshes).toBe(3);
    world.gate.pass();
    expect((await outcomes).flat()).toEqual(times(15, OK));
    const [first, , , next] = world.gate.knocks.map(({ at }) => at) as [number, number, number, number];
    expect(next - first).toBeGreaterThanOrEqual(2 * SECOND);
    expect(world.gate.refreshes).toBe(4);
  });

  it.each<[string, Fault]>([
    ['is away', (gate) => gate.loseRequests()],
    ['does not answer', (gate) => gate.requests.shut()],
  ])('calls whose access token is still good go out with it, at once or in little time: it %s', async (_, fault) => {
    await world.setClocks(0);
    const [tab] = await world.signedIn(1, { timeout: 20 * SECOND });
    const ahead = HOUR - 15 * SECOND;
    await tab.turnClock(ahead);
    world.service.clock.advance(ahead);
    fault(world.gate);
    const begun = performance.now();
    expect(await tab.calls(5)).toEqual(times(5, OK));
    expect(performance.now() - begun).toBeLessThan(5 * SECOND + limit(350));
    expect([world.gate.refreshes, world.api.refusals]).toEqual([1, 0]);
  });

  it('a sign-out is done, and says that the service has not confirmed it', async () => {
    const tabs = await world.signedIn(2, { patience: 100 });
    world.gate.loseRequests();
    expect(await tabs[0].signOut()).toBe(false);
    for (const tab of tabs) {
      await tab.hears('signedOut');
      expect(await tab.call()).toMatchObject({ status: 401 });
    }
    expect(world.gate.knocks.map(({ path }) => path)).toEqual(['/logout']);
  });
});
