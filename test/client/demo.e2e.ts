import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BrowserContextOptions } from 'playwright-core';
import { browserForTheSuite, describeBrowser, newProfile } from '../support/clients/browser.js';
import { Demo, isShown, leewayPasses, LIFE, logOf, says, startDemo } from '../support/clients/demo-page.js';
import { lowContrasts, nameless } from '../support/clients/page-audit.js';
import { cleanUp, until, type ServiceProcess } from '../support/servers/process.js';
import { limit } from '../support/time.js';

/** The window that the pictures are taken of. */
const PICTURE = { width: 1_200, height: 800 };
const SIGNED_OUT = 'The refresh token was refused: the session is over (invalid_refresh_token).';

afterAll(cleanUp);

describeBrowser('The demo in a browser', () => {
  const running = browserForTheSuite();
  let service: ServiceProcess;
  let demo: Demo;

  beforeAll(async () => {
    service = await startDemo();
  });

  async function open(options: BrowserContextOptions = {}): Promise<Demo> {
    return Demo.open(await newProfile(running.browser, options), service.url);
  }

  async function close(): Promise<void> {
    await demo.context.close();
    expect(demo.complaints).toEqual([]);
  }

  describe('as it comes', () => {
    beforeEach(async () => {
      demo = await open();
    });
    afterEach(close);

    it('signs anybody in, in every tab, and the API knows who calls', async () => {
      await isShown('Nobody is signed in', demo.tabs);
      const name = 'Zoë <b>"O’Hara"</b>';
      await demo.signIn(name);

      await isShown(name, demo.tabs);
      await demo.press('Call the API', demo.tab(2));
      await says(demo.tab(2), `200 Hello, ${name}.`);
      expect(await demo.page.getByRole('status').first().textContent()).toBe(`Signed in as ${name}.`);
      expect(demo.refreshes).toBe(0);
    });

    it('says why somebody could not be signed in', async () => {
      await demo.page.getByRole('textbox', { name: 'User' }).fill('a'.repeat(255));
      await demo.page
        .getByRole('textbox', { name: 'User' })
        .evaluate((input: HTMLInputElement) => (input.value += 'b'));
      await demo.press('Sign in');
      await demo.page.getByText('It did not work: subject: got', { exact: false }).waitFor();
    });

    it('counts an access token down, which a call of the API renews once it has expired; the other tab has it too', async () => {
      await demo.signIn();
      const before = await demo.tab(1).locator('#token').textContent();
      expect(await demo.lifeIn(1)).toBeGreaterThan(0.5);
      await demo
        .tab(1)
        .getByText('Expired: the next call refreshes it')
        .waitFor({ timeout: LIFE + limit(5_000) });
      expect(await demo.lifeIn(1)).toBe(0);
      expect(demo.refreshes).toBe(0);

      await demo.press('Call the API', demo.tab(1));
      await says(demo.tab(1), '200 Hello, alice.');
      await says(demo.tab(2), 'Refreshed elsewhere');
      expect(await logOf(demo.tab(1))).toEqual([
        'Signed in as alice.',
        'Refreshed: an access token for 15 s, and a new refresh token.',
        '200 Hello, alice.',
      ]);
      await isShown('1 refresh here', [demo.tab(1)]);
      await isShown('0 refreshes here', [demo.tab(2)]);
      const after = await Promise.all(demo.tabs.map((tab) => tab.locator('#token').textContent()));
      expect(after).toEqual([after[0], after[0]]);
      expect(after[0]).not.toBe(before);
      expect(demo.refreshes).toBe(1);
    });

    it('refreshes once for all tabs that ask at once', async () => {
      await demo.signIn();
      const third = await demo.context.newPage();
      await third.goto(`${service.url}/demo/tab`);
      await says(third, 'Signed in as alice.');
      const all = [demo.tab(1), demo.tab(2), third];
      const before = await third.locator('#token').textContent();

      let answer: () => void = () => undefined;
      const haveAsked = new Promise<void>((resolve) => (answer = resolve));
      await demo.context.route('**/demo/refresh_token', async (route) => {
        await haveAsked;
        await route.continue();
      });
      for (const tab of all) await tab.locator('#refresh').evaluate((button: HTMLElement) => button.click());
      answer();
      await until('all have the new token', async () => {
        const tokens = new Set(await Promise.all(all.map((tab) => tab.locator('#token').textContent())));
        return (tokens.size === 1 && !tokens.has(before)) || undefined;
      });
      const lines = await until('all say where it is from', async () => {
        const told = (await Promise.all(all.map(logOf))).map((log) => log.at(-1) ?? '');
        return told.every((line) => line.startsWith('Refreshed')) ? told : undefined;
      });
      expect(lines.map((line) => line.split(':')[0]).toSorted()).toEqual([
        'Refreshed',
        'Refreshed elsewhere',
        'Refreshed elsewhere',
      ]);
      expect(demo.refreshes).toBe(1);
    });

    it('shows a thief who comes first locked out by the second refresh, and his next try end the session', async () => {
      await demo.signIn();
      await demo.press('Use it');
      await demo.thiefGets('There is nothing to use: steal the token first.');
      await demo.press('Steal the token');
      const stolen = await demo.page.locator('#loot').textContent();
      await demo.press('Use it');
      await demo.thiefGets('200: the thief has an access token for 15 s, and a new refresh token.');
      expect(await demo.page.locator('#loot').textContent()).toMatch(/^rt_/);
      expect(await demo.page.locator('#loot').textContent()).not.toBe(stolen);

      for (const [tab, count] of [
        [demo.tab(1), '1 of 2 so far.'],
        [demo.tab(2), '2 of 2 so far.'],
      ] as const) {
        await leewayPasses(service);
        await demo.press('Refresh now', tab);
        await says(tab, 'Refreshed: an access token for 15 s, and a new refresh token.');
        await demo.page.getByText(count).waitFor();
      }
      expect(await demo.page.locator('[aria-current=step]').textContent()).toContain('Use it again.');

      await demo.press('Use it');
      await demo.thiefGets('401 invalid_refresh_token: the thief is out, and the session is over.');
      await demo.press('Refresh now', demo.tab(1));
      await isShown('Nobody is signed in', demo.tabs);
      for (const tab of demo.tabs) {
        await says(tab, SIGNED_OUT);
        expect((await logOf(tab)).filter((line) => line === SIGNED_OUT)).toHaveLength(1);
      }
      await demo.page.getByText(SIGNED_OUT).waitFor();
      expect(await demo.page.locator('.steps .done').count()).toBe(4);

      // Who signs in anew has not been robbed yet.
      await demo.signIn('bob');
      await until(
        'the thief starts anew',
        async () => (await demo.page.locator('#loot').textContent()) === 'nothing' || undefined,
      );
      expect(await demo.page.locator('[data-step].done').count()).toBe(0);
    });

    it('shows a thief who comes in between served once more, and the owner’s next refresh end the session', async () => {
      await demo.signIn();
      await demo.press('Steal the token');
      await demo.press('Use it');
      await demo.thiefGets('200: ');
      await leewayPasses(service);
      await demo.press('Refresh now', demo.tab(1));
      await demo.page.getByText('1 of 2 so far.').waitFor();
      await leewayPasses(service);
      await demo.press('Use it');
      await demo.thiefGets('× 2');
      await leewayPasses(service);

      await demo.press('Refresh now', demo.tab(1));
      for (const tab of demo.tabs) await says(tab, SIGNED_OUT);
      await demo.press('Use it');
      await demo.thiefGets('401 invalid_refresh_token');
    });

    it('begins to count again where the thief is handed the owner’s own token within the leeway', async () => {
      await demo.signIn();
      await demo.press('Steal the token');
      await demo.press('Refresh now', demo.tab(1));
      await demo.page.getByText('1 of 2 so far.').waitFor();
      await demo.press('Use it');
      await demo.thiefGets('200: ');
      await demo.page.getByText('0 of 2 so far.').waitFor();

      await demo.press('Refresh now', demo.tab(2));
      await says(demo.tab(2), 'the same refresh token again: this is within the leeway.');
      expect(await demo.page.locator('#owner-count').textContent()).toBe('0 of 2 so far.');
    });

    it('takes no sign-in and no sign-out for a refresh by the owner', async () => {
      await demo.signIn();
      await demo.press('Steal the token');
      const count = demo.page.locator('#owner-count');
      expect(await count.textContent()).toBe('0 of 2 so far.');
      await demo.press('Sign out', demo.tab(1));
      await says(demo.tab(2), 'Signed out, in every tab.');
      expect(await count.textContent()).toBe('0 of 2 so far.');
      await demo.signIn('bob');
      await until('there is nothing to count', async () => (await count.textContent()) === '' || undefined);
    });

    it('lists the sessions, and ends one, all others, and its own', async () => {
      await demo.signIn('a-user-of-several-devices');
      await until('it is listed', async () => (await demo.sessions()).length === 1 || undefined);
      expect(await demo.sessions()).toEqual(['Chrome on Linux']);
      expect(await demo.page.locator('#sessions li').textContent()).toMatch(
        /this one.*Signed in \d\d:\d\d:\d\d.*Last used \d\d:\d\d:\d\d/,
      );
      for (const count of [2, 3, 4]) {
        await demo.press('Sign in on another device');
        await until('it is listed too', async () => (await demo.sessions()).length === count || undefined);
      }

      await demo.page.getByRole('button', { name: 'End the session: Another device' }).first().click();
      await demo.page.getByText('Ended: Another device.').waitFor();
      await until('it is gone', async () => (await demo.sessions()).length === 3 || undefined);
      await demo.press('End all others');
      await demo.page.getByText('Ended: 2 other sessions.').waitFor();
      await until('they are gone', async () => (await demo.sessions()).length === 1 || undefined);
      expect(await demo.page.locator('#sessions em').count()).toBe(1);
      await demo.press('Sign in on another device');
      await until('it is listed too', async () => (await demo.sessions()).length === 2 || undefined);

      await demo.page.getByRole('button', { name: 'End the session: Chrome on Linux' }).click();
      await demo.page.getByText('Ended: this one.').waitFor();
      await until('it is gone', async () => (await demo.sessions()).length === 1 || undefined);
      expect(await demo.sessions()).toEqual(['Another device']);
      expect(demo.refreshes).toBe(0);
      await isShown('a-user-of-several-devices', demo.tabs);
      await demo.press('Refresh now', demo.tab(2));
      for (const tab of demo.tabs) await says(tab, SIGNED_OUT);
      await demo.page.getByText('Nobody is signed in.', { exact: true }).waitFor();
    });

    it('signs out in one tab and is signed out in the other; the token is no good any more', async () => {
      await demo.signIn();
      await demo.press('Steal the token');
      await demo.press('Sign out', demo.tab(1));
      for (const tab of demo.tabs) {
        await says(tab, 'Signed out, in every tab.');
        expect(await logOf(tab)).toEqual(['Signed in as alice.', 'Signed out, in every tab.']);
      }
      await demo.press('Call the API', demo.tab(2));
      await says(demo.tab(2), '401 missing_token: nobody is signed in.');
      await until('the server has heard of it', async () => {
        await demo.press('Use it');
        return (
          (await demo.page.locator('#thief-log').textContent())?.includes('401 invalid_refresh_token') || undefined
        );
      });
      // Nothing comes back by itself.
      await demo.page.reload();
      await isShown('Nobody is signed in', demo.tabs);
    });

    it('goes on in another tab after a reload, signed in', async () => {
      await demo.signIn();
      await demo.page.reload();
      await isShown('alice', demo.tabs);
      const [third] = await Promise.all([
        demo.context.waitForEvent('page'),
        demo.page.getByRole('link', { name: 'Open a real third tab' }).click(),
      ]);
      await says(third, 'Signed in as alice.');
      await demo.press('Call the API', third);
      await says(third, '200 Hello, alice.');
    });

    it('can be used without a mouse, and shows where one is', async () => {
      const { keyboard } = demo.page;
      await tabTo('#subject');
      await keyboard.press('Control+A');
      await keyboard.type('keyboard');
      await keyboard.press('Enter');
      await says(demo.tab(1), 'Signed in as keyboard.');

      await tabTo('#call');
      await keyboard.press('Enter');
      await says(demo.tab(1), '200 Hello, keyboard.');
      await tabTo('#log');
      for (const id of ['#steal', '#use', 'summary', '#other-device', '#end-others', '#reload']) await tabTo(id);
    });

    it('runs no script and takes no style that stands in the page itself', async () => {
      const blocked = await demo.page.evaluate(async () => {
        const violations: string[] = [];
        document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
        const script = document.createElement('script');
        script.textContent = 'document.title = "injected"';
        const style = document.createElement('style');
        style.textContent = 'body { display: none }';
        document.head.append(script, style);
        const seen = () => violations.length === 2;
        for (let rounds = 0; rounds < 100 && !seen(); rounds += 1) await new Promise((done) => setTimeout(done, 10));
        return { violations: violations.toSorted(), title: document.title };
      });
      expect(blocked.violations).toEqual(['script-src-elem', 'style-src-elem']);
      expect(blocked.title).not.toBe('injected');
      demo.complaints.length = 0;
    });

    /** Presses the tab key until the focus is there, in whichever frame that is. */
    async function tabTo(selector: string): Promise<void> {
      for (let presses = 0; presses < 30; presses += 1) {
        await demo.page.keyboard.press('Tab');
        for (const frame of demo.page.frames()) {
          const outline = await frame.evaluate((wanted) => {
            const focused = document.hasFocus() ? document.activeElement : null;
            return focused?.matches(wanted) ? getComputedStyle(focused).outlineStyle : undefined;
          }, selector);
          if (outline === undefined) continue;
          expect([selector, outline]).toEqual([selector, 'solid']);
          return;
        }
      }
      throw new Error(`The tab key does not lead to ${selector}.`);
    }
  });

  describe('with a clock in its pages that a test turns', () => {
    beforeEach(async () => {
      const context = await newProfile(running.browser);
      await context.clock.install();
      demo = await Demo.open(context, service.url);
    });
    afterEach(close);

    it('calls every two seconds while it is asked to, through a refresh, and no longer', async () => {
      await demo.signIn();
      const toggle = demo.tab(1).getByRole('button', { name: 'Call every 2 s' });
      await toggle.click();
      expect(await toggle.getAttribute('aria-pressed')).toBe('true');
      await says(demo.tab(1), '200 Hello, alice.');
      await until('it is refreshed on the way', async () => {
        await demo.context.clock.runFor(500);
        return demo.refreshes > 0 || undefined;
      });
      await demo.tab(1).getByText('× 2').first().waitFor();

      await toggle.click();
      expect(await toggle.getAttribute('aria-pressed')).toBe('false');
      const counted = await logOf(demo.tab(1));
      await demo.context.clock.runFor(6_000);
      expect(await logOf(demo.tab(1))).toEqual(counted);
    });

    it('refreshes once for twenty calls at once', async () => {
      // The time stands still: no token gets old while a slow machine works.
      const signedInAt = Date.now();
      await demo.context.clock.setFixedTime(signedInAt);
      await demo.signIn();
      await demo.press('Call 20 times at once', demo.tab(1));
      await says(demo.tab(1), '20 calls at once, 20 answered 200: no refresh by this tab.');

      // What the page asks for by itself after a sign-in is asked for with a token that still lives.
      await demo.page.locator('#sessions li').first().waitFor();
      await demo.context.clock.setFixedTime(signedInAt + LIFE);
      await demo.press('Call 20 times at once', demo.tab(1));
      await says(demo.tab(1), '20 calls at once, 20 answered 200: 1 refresh for all.');
      expect(demo.refreshes).toBe(1);
    });
  });

  describe('with most of what it can show', () => {
    beforeAll(async () => {
      demo = await open();
      await fill();
    });
    afterAll(close);

    it.each(['light', 'dark'] as const)(
      'can be read (WCAG 2.2 AA), and everything has a name: %s',
      async (colorScheme) => {
        await demo.page.emulateMedia({ colorScheme });
        for (const frame of demo.page.frames()) {
          expect(
            await frame.evaluate((name) => matchMedia(`(prefers-color-scheme: ${name})`).matches, colorScheme),
          ).toBe(true);
          expect(await frame.evaluate(lowContrasts)).toEqual([]);
          expect(await frame.evaluate(nameless)).toEqual([]);
          expect(await frame.title()).not.toBe('');
        }
      },
    );

    it.each([360, 768, 1200])('fits a window of %d pixels', async (width) => {
      await demo.page.setViewportSize({ width, height: 800 });
      for (const frame of demo.page.frames()) {
        const { scrollWidth, clientWidth } = await frame.evaluate(() => {
          const { scrollWidth: content, clientWidth: window } = document.documentElement;
          return { scrollWidth: content, clientWidth: window };
        });
        expect(scrollWidth).toBe(clientWidth);
      }
    });

    /** Makes the page show most of what it can show. */
    async function fill(): Promise<void> {
      await demo.signIn('somebody-with-a-rather-long-name-of-one-word@a-rather-long-domain.example.com');
      await demo.press('Sign in on another device');
      await demo.press('Steal the token');
      await demo.press('Use it');
      await demo.thiefGets('200: ');
      await demo.press('Refresh now', demo.tab(1));
      // Who doesn't know of it yet is handed what the other tab got.
      await says(demo.tab(2), 'Refreshed elsewhere');
      await demo.press('Call every 2 s', demo.tab(2));
      await demo.press('Refresh now', demo.tab(2));
      await says(demo.tab(2), 'Refreshed: ');
      await says(demo.tab(2), '200 Hello');
      await demo.page.locator('details').evaluate((details: HTMLDetailsElement) => (details.open = true));
      await until('both are listed', async () => (await demo.sessions()).length > 1 || undefined);
    }
  });

  const pictures = process.env['UPDATE_PICTURES'] === '1' ? it.each : it.skip.each;
  pictures(['light', 'dark'] as const)('is what the picture shows: %s', async (colorScheme) => {
    // Nobody else has been here.
    const alone = await startDemo();
    demo = await Demo.open(await newProfile(running.browser, { colorScheme, viewport: PICTURE }), alone.url);
    await demo.signIn();
    await demo.press('Sign in on another device');
    await demo.tab(2).getByText('the next call refreshes it').waitFor();
    await demo.press('Call 20 times at once', demo.tab(2));
    await says(demo.tab(1), 'Refreshed elsewhere');
    await leewayPasses(alone);
    await demo.press('Steal the token');
    await demo.press('Use it');
    await leewayPasses(alone);
    await demo.press('Refresh now', demo.tab(1));
    await demo.page.getByText('1 of 2 so far.').waitFor();
    await demo.tab(1).getByText('Expires in 12 s').waitFor();
    await demo.page.mouse.move(0, 0);
    await demo.page.screenshot({ fullPage: true, path: `test/pictures/demo-${colorScheme}.png` });
    await close();
  });
});
