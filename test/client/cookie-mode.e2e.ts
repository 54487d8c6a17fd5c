import { expect, it } from '@jest/globals';
import type { Session, SessionEvents } from 'nest-refresh-token/client';
import type { Page } from 'playwright-core';
import { DataSource } from 'typeorm';
import { SessionService } from 'nest-refresh-token';
import { describeBrowser } from '../support/clients/browser.js';
import { cookieWorldForTheSuite } from '../support/clients/cookie-world.js';
import { until } from '../support/servers/process.js';
import { endOf } from '../support/databases/session-rows.js';
import { HOUR } from '../support/test-clock.js';

const TABS = 8;

/** What its session has told a page, in order. */
type Told = [event: keyof SessionEvents, detail: unknown][];

/** What a page that uses the client library has. */
type PageWithLibrary = typeof globalThis & { session: Session; told: Told };

/** Loads the library as it was built, with its cookie storage. */
function useLibrary(page: Page, refreshUrl: string, patience = 30_000): Promise<void> {
  return page.evaluate(
    async ([url, ms, module]) => {
      const { createSession, cookieStorage } = (await import(module)) as typeof import('nest-refresh-token/client');
      const session = createSession({ refreshUrl: url, storage: cookieStorage(), patience: ms });
      const events: Told = [];
      for (const event of ['refreshed', 'signedOut', 'unavailable'] as const) {
        session.on(event, (detail) => events.push([event, detail]));
      }
      Object.assign(globalThis, { session, told: events });
    },
    [refreshUrl, patience, '/client/index.js'] as const,
  );
}

/** What the page's session hands out. */
function accessToken(page: Page): Promise<string | null> {
  return page.evaluate(() => (globalThis as PageWithLibrary).session.getAccessToken());
}

function told(page: Page): Promise<Told> {
  return page.evaluate(() => (globalThis as PageWithLibrary).told);
}

/** `session.fetch` of the user's sessions. @returns the status, or the name of what was thrown */
function fetchSessions(page: Page, url: string): Promise<number | string> {
  return page.evaluate(async (to) => {
    const { session } = globalThis as PageWithLibrary;
    return session.fetch(`${to}/sessions`).then(
      ({ status }) => status,
      (error: Error) => error.name,
    );
  }, url);
}

function signOut(page: Page): Promise<boolean> {
  return page.evaluate(() => (globalThis as PageWithLibrary).session.signOut());
}

describeBrowser('The client library with its cookie storage, in a browser', () => {
  const world = cookieWorldForTheSuite();

  /** A tab of the site with the library. */
  async function tab(): Promise<Page> {
    const page = await world.open(world.site);
    await useLibrary(page, '/refresh_token');
    return page;
  }

  /** A tab whose user has signed in with the answer of the login as it is. */
  async function signedIn() {
    const { page, text, id } = await world.signedIn();
    await useLibrary(page, '/refresh_token');
    await page.evaluate((tokens) => (globalThis as PageWithLibrary).session.signIn(tokens), JSON.parse(text));
    return { page, id };
  }

  function refreshesSince(start: number) {
    return world.backend.forwarded.slice(start).filter(({ path }) => path === '/refresh_token');
  }

  it('begins with the answer of the login, and refreshes by the cookie, without a header', async () => {
    const { page } = await signedIn();
    const before = world.backend.forwarded.length;
    const first = await accessToken(page);
    expect(await fetchSessions(page, world.site)).toBe(200);
    expect(refreshesSince(before)).toEqual([]);

    world.service.clock.advance(2 * HOUR);
    const token = (await world.kept())?.value;
    expect(await fetchSessions(page, world.site)).toBe(200);
    expect(refreshesSince(before)).toEqual([
      { path: '/refresh_token', status: 200, hadCookie: true, hadAuthorization: false },
    ]);
    expect(await accessToken(page)).not.toBe(first);
    expect((await world.kept())?.value).not.toBe(token);
    expect(await told(page)).toEqual([['refreshed', { expiresIn: 3_600 }]]);
    const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie);
    expect(stored).toBe('{}');
  });

  it('is signed in after a reload, and in a new tab, though nobody has told it', async () => {
    await signedIn();
    const page = await tab();
    expect(await accessToken(page)).toMatch(/^ey/);
    await page.reload();
    await useLibrary(page, '/refresh_token');
    expect(await accessToken(page)).toMatch(/^ey/);
    expect(await fetchSessions(page, world.site)).toBe(200);
  });

  it('is signed out where there is no cookie, which is no news', async () => {
    const page = await tab();
    expect(await accessToken(page)).toBeNull();
    expect(await fetchSessions(page, world.site)).toBe(401);
    expect(await told(page)).toEqual([]);
  });

  it('stays signed in in eight tabs whose access tokens are refused at once, and asks once', async () => {
    const { id } = await signedIn();
    const tabs = await Promise.all(Array.from({ length: TABS }, tab));
    await Promise.all(tabs.map(accessToken));
    world.service.clock.advance(2 * HOUR);
    const before = world.backend.forwarded.length;

    const answers = await Promise.all(
      tabs.map((page) => Promise.all([1, 2, 3].map(() => fetchSessions(page, world.site)))),
    );

    expect(answers.flat()).toEqual(Array.from({ length: 3 * TABS }, () => 200));
    expect(refreshesSince(before)).toHaveLength(1);
    expect(await endOf(world.service.app, id)).toBeNull();
  });

  it('signs out in every tab, and the cookie is gone', async () => {
    const { page, id } = await signedIn();
    const other = await tab();
    await accessToken(other);
    expect(await signOut(page)).toBe(true);
    expect(await world.kept()).toBeUndefined();
    expect(await endOf(world.service.app, id)).toMatchObject({ reason: 'logout' });
    for (const each of [page, other]) {
      await until('it is told', async () =>
        (await told(each)).some(([event]) => event === 'signedOut') ? true : undefined,
      );
      expect((await told(each)).filter(([event]) => event === 'signedOut')).toEqual([
        ['signedOut', { reason: 'sign_out' }],
      ]);
      expect(await accessToken(each)).toBeNull();
    }
  });

  it('is signed out with the reason where the session was ended, and the cookie is gone', async () => {
    const { page, id } = await signedIn();
    await world.service.app.get(SessionService, { strict: false }).end(id);
    world.service.clock.advance(2 * HOUR);
    expect(await fetchSessions(page, world.site)).toBe(401);
    expect(await told(page)).toEqual([['signedOut', { reason: 'invalid_refresh_token' }]]);
    expect(await world.kept()).toBeUndefined();
    expect(await accessToken(page)).toBeNull();
  });

  it('signs nobody out while the service cannot answer', async () => {
    const { page } = await world.signedIn();
    await useLibrary(page, '/refresh_token', 0);
    const database = world.service.app.get(DataSource);
    await database.query('ALTER TABLE refresh_token_sessions RENAME TO elsewhere');
    const failed = await page.evaluate(() =>
      (globalThis as PageWithLibrary).session.getAccessToken().catch((error: Error) => error.name),
    );
    await database.query('ALTER TABLE elsewhere RENAME TO refresh_token_sessions');
    expect(failed).toBe('SessionUnavailableError');
    expect((await told(page)).map(([event]) => event)).toEqual(['unavailable']);
    expect(await world.kept()).toBeDefined();
    const again = await tab();
    expect(await accessToken(again)).toMatch(/^ey/);
  });

  it('works from a listed origin of the same site', async () => {
    const { id } = await world.signedIn();
    const page = await world.open(`http://localhost:${world.listed.port}`);
    await useLibrary(page, `${world.site}/refresh_token`);
    expect(await accessToken(page)).toMatch(/^ey/);
    expect(await fetchSessions(page, world.site)).toBe(200);
    world.service.clock.advance(2 * HOUR);
    expect(await fetchSessions(page, world.site)).toBe(200);
    expect(await signOut(page)).toBe(true);
    expect(await world.kept()).toBeUndefined();
    expect(await endOf(world.service.app, id)).toMatchObject({ reason: 'logout' });
  });

  it('gets nothing in a page that is not listed, and signs nobody out there', async () => {
    const { page } = await signedIn();
    const evil = await world.open(`http://localhost:${world.evil.port}`);
    await useLibrary(evil, `${world.site}/refresh_token`, 0);
    const got = await evil.evaluate(() =>
      (globalThis as PageWithLibrary).session.getAccessToken().catch((error: Error) => error.name),
    );
    expect(got).toBe('SessionUnavailableError');
    expect(await evil.evaluate(() => (globalThis as PageWithLibrary).session.signOut())).toBe(false);
    expect(await world.kept()).toBeDefined();
    world.service.clock.advance(2 * HOUR);
    expect(await fetchSessions(page, world.site)).toBe(200);
  });
});
