import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { BrowserContext, Cookie, Page } from 'playwright-core';
import { newProfile, openBrowser, openPermissiveProfile } from './browser.js';
import { serveBackend, servePages, type BackendSite, type Site } from './cookie-site.js';
import { WITH_COOKIES } from '../http/cookies.js';
import { createDatabase, type TestDatabase } from '../databases/databases.js';
import { startService, type TestService } from '../servers/service.js';

/** What a page may read of an answer. */
export interface Seen {
  readonly status: number;
  readonly text: string;
}

/** A browser, and all that it meets: the service behind a backend's site, a page that is listed, and one that isn't. */
export interface CookieWorld {
  service: TestService;
  backend: BackendSite;
  /** The site's address, as the user knows it. */
  site: string;
  /** Listed under `localhost`, of the same site, and under `127.0.0.1`, of another one. */
  listed: Site;
  evil: Site;
  /** A profile of the browser, without cookies at first in every test. */
  context: BrowserContext;
  /** A page at an address. */
  open(url: string): Promise<Page>;
  /** A page of the site, whose user has signed in. */
  signedIn(): Promise<{ page: Page; text: string; id: string }>;
  /** What the browser keeps, out of the pages' sight; it must be one cookie, or none. */
  kept(): Promise<Cookie | undefined>;
}

/** How the contexts of a suite's tests are made. */
interface Browsing {
  newContext(): Promise<BrowserContext>;
  /** After a test. */
  leave(context: BrowserContext): Promise<unknown>;
  close(): Promise<void>;
}

async function asItComes(): Promise<Browsing> {
  const browser = await openBrowser();
  return {
    newContext: () => newProfile(browser),
    leave: (context) => context.close(),
    close: () => browser.close(),
  };
}

/** A profile is a browser of its own: one for all tests, of which its first page stays open. */
async function permissive(): Promise<Browsing> {
  const folder = await mkdtemp(join(tmpdir(), 'refresh-token-'));
  const profile = await openPermissiveProfile(folder);
  return {
    newContext: async () => profile,
    leave: () =>
      Promise.all(
        profile
          .pages()
          .slice(1)
          .map((page) => page.close()),
      ),
    close: async () => {
      await profile.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * A world that hooks start and stop; only while a test runs is there a `context`.
 * @param thirdParty whether the browser lets third-party cookies through
 */
export function cookieWorldForTheSuite(
  env: Record<string, string> = {},
  { thirdParty = false }: { thirdParty?: boolean } = {},
): CookieWorld {
  const world = {} as CookieWorld;
  let browsing: Browsing | undefined;
  let database: TestDatabase | undefined;

  beforeAll(async () => {
    browsing = await (thirdParty ? permissive() : asItComes());
    database = await createDatabase('SQLite');
    const [listed, evil] = await Promise.all([servePages(), servePages()]);
    const CORS_ORIGINS = `http://localhost:${listed.port}, http://127.0.0.1:${listed.port}`;
    const service = await startService(database.url, { env: { ...WITH_COOKIES, CORS_ORIGINS, ...env } });
    const backend = await serveBackend(service.url);
    Object.assign(world, { listed, evil, service, backend, site: `http://localhost:${backend.port}` });
  });
  beforeEach(async () => {
    if (browsing) world.context = await browsing.newContext();
    // A profile remembers them.
    await world.context.clearCookies();
  });
  afterEach(() => browsing?.leave(world.context));
  afterAll(async () => {
    const { listed, evil, backend, service } = world as Partial<CookieWorld>;
    await Promise.all([listed, evil, backend, service].map((server) => server?.close()));
    await database?.drop();
    await browsing?.close();
  });

  world.open = async (url) => {
    const page = await world.context.newPage();
    await page.goto(url);
    return page;
  };
  world.signedIn = async () => {
    const page = await world.open(world.site);
    const { text } = await post(page, '/login');
    const { session_id } = JSON.parse(text) as { session_id: string };
    return { page, text, id: session_id };
  };
  world.kept = async () => {
    const [cookie, ...others] = await world.context.cookies();
    if (others.length > 0) throw new Error(`Expected one cookie at most, got ${others.length + 1}.`);
    return cookie;
  };
  return world;
}

/** `POST` by a page's own script. */
export function post(page: Page, url: string, credentials: 'include' | 'omit' = 'include'): Promise<Seen> {
  return page.evaluate(
    async ([to, mode]) => {
      const response = await fetch(to, { method: 'POST', credentials: mode });
      return { status: response.status, text: await response.text() };
    },
    [url, credentials] as const,
  );
}
