import { expect, it } from '@jest/globals';
import { describeBrowser } from '../support/clients/browser.js';
import type { Outcome, Tab } from '../support/clients/client-tab.js';
import { clientWorldForTheSuite, type Serve } from '../support/clients/client-world.js';
import { cleanUp, freePort, startProcess, until, type ServiceProcess } from '../support/servers/process.js';
import { productionEnvironment } from '../support/servers/service.js';
import { limit } from '../support/time.js';

/** What Chromium writes where nobody answers what it asks ahead of a request. */
const CORS = /has been blocked by CORS policy/;
const KILLS = 2;

describeBrowser('While the service is killed and started again', () => {
  let service: ServiceProcess;
  let environment: Record<string, string>;

  const serve: Serve = async (env, databaseUrl) => {
    environment = { ...productionEnvironment(databaseUrl), ...env, PORT: String(await freePort()) };
    service = await startProcess({ env: environment });
    return { url: service.url, now: () => Date.now(), close: cleanUp };
  };
  const world = clientWorldForTheSuite({
    serve,
    // All the time a token expires, and nothing is forgiven for having come early. Ends are whole seconds: of one second,
    // a moment may be left, and then one of the next.
    env: { ACCESS_TOKEN_TTL: '2s', REFRESH_TOKEN_LEEWAY: '0' },
    app: { patience: limit(500), timeout: limit(350) },
    except: CORS,
  });

  /** One call after the other, until the page is told to stop. */
  async function callOnAndOn(tab: Tab): Promise<void> {
    await tab.page.evaluate((url) => {
      globalThis.outcomes = [];
      const goOn = async () => {
        globalThis.outcomes.push(await app.call(url));
        setTimeout(() => void goOn(), 50);
      };
      void goOn();
    }, `${world.api.url}/api/orders`);
  }

  function outcomesOf(tab: Tab): Promise<Outcome[]> {
    return tab.page.evaluate(() => globalThis.outcomes);
  }

  /** Every tab is answered well, from now on. */
  async function allWork(tabs: readonly Tab[]): Promise<void> {
    for (const tab of tabs) {
      const before = (await outcomesOf(tab)).length;
      await until('it works', async () => {
        const since = (await outcomesOf(tab)).slice(before);
        return since.some(({ status }) => status === 200) || undefined;
      });
    }
  }

  it('nobody is signed out, and calls get their answer or a SessionUnavailableError, but no 401', async () => {
    const tabs = await world.signedIn(3);
    for (const tab of tabs) await callOnAndOn(tab);
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await allWork(tabs);
      const { refreshes } = world.gate;
      await until('a refresh comes', () => world.gate.refreshes > refreshes || undefined);
      service.signal('SIGKILL');
      await service.exit;
      await tabs[0].hears('unavailable');
      await until('a call is given up', async () => (await outcomesOf(tabs[0])).some(isUnavailable) || undefined);
      service = await startProcess({ env: environment });
    }
    await allWork(tabs);

    for (const tab of tabs) {
      const outcomes = await outcomesOf(tab);
      const others = outcomes.filter((outcome) => !isUnavailable(outcome));
      expect(others).toEqual(others.map(() => ({ status: 200, text: 'alice' })));
      expect((await tab.events()).filter(({ name }) => name === 'signedOut')).toEqual([]);
    }
    expect(world.gate.statuses).not.toContain(401);
  });
});

function isUnavailable({ error }: Outcome): boolean {
  return error === 'SessionUnavailableError';
}

declare global {
  /** What came of a page's calls, one after the other. */
  // oxlint-disable-next-line eslint/no-var -- Only `var` declares a global.
  var outcomes: Outcome[];
}
