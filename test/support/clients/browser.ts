import { accessSync, constants } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions } from 'playwright-core';
import { emptyFolder, run, until } from '../servers/process.js';
import { limit } from '../time.js';

const LINE = 'There is no Chromium (TEST_CHROMIUM)';
/** For how long Playwright waits, in milliseconds. */
const PATIENCE = limit(30_000);
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
  // An origin of plain HTTP that isn't this machine's own name, and so not secure.
  '--host-resolver-rules=MAP insecure.test 127.0.0.1',
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

/**
 * `describe` where there is a Chromium, else it is skipped with one visible line; REQUIRE_BROWSER=1 fails it. An empty
 * `TEST_CHROMIUM` leaves it out without a word.
 */
export function describeBrowser(what: string, suite: () => void): void {
  if (process.env['TEST_CHROMIUM'] === '') return describe.skip(what, suite);
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
  return chromium.launch({ executablePath, args: ARGUMENTS, timeout: PATIENCE });
}

/** A new profile of a browser. */
export async function newProfile(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  return patient(await browser.newContext(options));
}

/** What is waited for in a profile's pages may take as long as this machine needs. */
function patient(profile: BrowserContext): BrowserContext {
  profile.setDefaultTimeout(PATIENCE);
  return profile;
}

/**
 * Starts a browser with a profile of its own in a folder, which lets third-party cookies through, as some users' do:
 * Chromium comes without. Close it with `close()`.
 */
export async function openPermissiveProfile(folder: string): Promise<BrowserContext> {
  if (executablePath === undefined) throw new Error(`${LINE}.`);
  await mkdir(join(folder, 'Default'), { recursive: true });
  await writeFile(join(folder, 'Default', 'Preferences'), '{"profile":{"cookie_controls_mode":0}}');
  return patient(
    await chromium.launchPersistentContext(folder, { executablePath, args: ARGUMENTS, timeout: PATIENCE }),
  );
}

/**
 * Starts a browser with a profile of its own as users have it: only the tab in front is visible, tabs can be frozen,
 * and there is a back/forward cache; Playwright's own way switches all of that off. `cleanUp` of `process.ts` ends it.
 */
export async function openPlainBrowser(): Promise<BrowserContext> {
  if (executablePath === undefined) throw new Error(`${LINE}.`);
  const profile = `--user-data-dir=${await emptyFolder()}`;
  const chromiumProcess = await run(executablePath, [
    ...ARGUMENTS,
    '--remote-debugging-port=0',
    profile,
    'about:blank',
  ]);
  const [, url = ''] = await until(
    'Chromium listens',
    () => /DevTools listening on (ws:\S+)/.exec(chromiumProcess.stderr) ?? undefined,
  );
  const browser = await chromium.connectOverCDP(url, { noDefaults: true, timeout: PATIENCE });
  return patient(browser.contexts()[0] as BrowserContext);
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
