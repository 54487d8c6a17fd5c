import { accessSync, constants } from 'node:fs';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { chromium, type Browser, type BrowserContext } from 'playwright-core';

const LINE = 'There is no Chromium (TEST_CHROMIUM)';
const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** Nothing but what the tests ask for leaves the browser, and it needs neither a display nor a sandbox of its own. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function findChromium(): string | undefined {
  return [process.env['TEST_CHROMIUM'] ?? [], CANDIDATES].flat().find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const executablePath = findChromium();

/** `describe` where there is a Chromium, else it is skipped with one visible line; REQUIRE_BROWSER=1 fails it. */
export function describeBrowser(what: string, suite: () => void): void {
  if (executablePath !== undefined) return describe(what, suite);
  if (process.env['REQUIRE_BROWSER'] === '1') {
    return describe(what, () => {
      it('has a browser', () => {
        throw new Error(`${LINE}, and REQUIRE_BROWSER=1 requires it.`);
      });
    });
  }
  process.stderr.write(`\n${LINE}: ${what} is skipped.\n`);
  describe.skip(what, suite);
}

/** Starts a browser: for suites of `describeBrowser`. Close it with `close()`. */
export function openBrowser(): Promise<Browser> {
  if (executablePath === undefined) throw new Error(`${LINE}.`);
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

/** A browser that hooks start and stop; only while a test runs is there a `browser`. */
export interface RunningBrowser {
  browser: Browser;
}

/** One browser for all tests of the suite; each test opens contexts (profiles) of its own in it. */
export function browserForTheSuite(): RunningBrowser {
  const running = {} as RunningBrowser;
  beforeAll(async () => {
    running.browser = await openBrowser();
  });
  // There is none where it failed to start.
  afterAll(() => (running.browser as Browser | undefined)?.close());
  return running;
}

/**
 * What the pages of a context complain of: errors of the console (what a Content-Security-Policy refuses is among
 * them), and errors that nobody caught. Chromium also writes one for each answer of 400 and more.
 * @param except those that the test provokes
 */
export function complaintsOf(context: BrowserContext, except?: RegExp): string[] {
  const complaints: string[] = [];
  const note = (text: string) => void (except?.test(text) || complaints.push(text));
  context.on('console', (message) => void (message.type() === 'error' && note(message.text())));
  context.on('weberror', (failure) => note(String(failure.error())));
  return complaints;
}
