import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { IssuedSession } from 'nest-refresh-token';
import { AppServer } from './app-server.js';
import { complaintsOf, newProfile, openBrowser, openPlainBrowser } from './browser.js';
import { Tab } from './client-tab.js';
import { COOKIE, WITH_COOKIES } from '../http/cookies.js';
import { createDatabase, type TestDatabase } from '../databases/databases.js';
import { signIn } from '../http/http.js';
import { cleanUp } from '../servers/process.js';
import { RefreshGate } from './refresh-gate.js';
import { startService, type TestService } from '../servers/service.js';

const TOKENS = /rt_[\w-]{20}|eyJ[\w-]{10}/;
/** What Chromium writes of answers and connections that failed, which the tests provoke. */
const PROVOKED = /^Failed to load resource: (the server responded with a status of (401|429|50\d)|net::ERR_)/;

export interface AppOptions {
  /** `cookie`: the refresh token is in a cookie. */
  readonly storage?: 'browser' | 'cookie';
  /** Milliseconds. */
  readonly patience?: number;
  readonly timeout?: number;
  /** That of the world's API, unless there is another one. */
  readonly apiOrigin?: string;
  /** Where the page is: an origin that isn't secure has no Web Locks. */
  readonly host?: 'localhost' | 'insecure.test';
}

/** A service that was started for a world. */
export interface Served {
  readonly url: string;
  /** The service's time, and so the API's. */
  now(): number;
  close(): Promise<void>;
}

/** Starts a service with an environment of its own. */
export type Serve = (env: Record<string, string>, databaseUrl: string) => Promise<Served>;

/** A browser, and all that it meets: an app's page, its API, somebody else's API, and the service behind a gate. */
export class ClientWorld {
  /** The service's address, past the gate. */
  url!: string;
  /** Where it runs in this process. */
  service!: TestService;
  gate!: RefreshGate;
  /** The app's own origin. */
  site!: AppServer;
  /** The app's API, of another origin. */
  api!: AppServer;
  /** Of an origin that the app doesn't list. */
  stranger!: AppServer;
  /** A profile of the browser, new in every test. */
  context!: BrowserContext;

  constructor(private readonly defaults: AppOptions) {}

  /** The app's page in a new tab. */
  async open(options: AppOptions = {}): Promise<Tab> {
    const page = await this.context.newPage();
    await page.goto(this.urlOf(options));
    return this.tabOf(page);
  }

  /** Tabs of a user who has signed in in the first one. */
  async signedIn(count: number, options: AppOptions = {}): Promise<[Tab, ...Tab[]]> {
    const first = await this.open(options);
    const others = await Promise.all(Array.from({ length: count - 1 }, () => this.open(options)));
    await this.signIn(first, 'alice', options);
    return [first, ...others];
  }

  /** A login, whose answer the page hands to its session. */
  async signIn(tab: Tab, subject = 'alice', options: AppOptions = {}): Promise<IssuedSession> {
    const session = await signIn(this.url, subject);
    const { refresh_token, ...rest } = session;
    if ({ ...this.defaults, ...options }.storage !== 'cookie') {
      await tab.signIn(session);
      return session;
    }
    const cookie = { name: COOKIE, value: refresh_token, domain: 'localhost', path: '/' };
    await this.context.addCookies([{ ...cookie, secure: true, httpOnly: true, sameSite: 'Strict' }]);
    await tab.signIn(rest);
    return session;
  }

  /** The clocks of the pages that are opened from now on are off by so many milliseconds. */
  async setClocks(off: number): Promise<void> {
    await this.context.addInitScript((milliseconds) => {
      const now = Date.now.bind(Date);
      globalThis.clockIsOff = milliseconds;
      Date.now = () => now() + globalThis.clockIsOff;
    }, off);
  }

  tabOf(page: Page): Tab {
    return new Tab(page, this.api.url);
  }

  urlOf(options: AppOptions = {}): string {
    const { host = 'localhost', ...rest } = { ...this.defaults, ...options };
    const parameters = {
      refreshUrl: `http://localhost:${this.gate.port}/refresh_token`,
      apiOrigin: this.api.url,
      ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)])),
    };
    return `http://${host}:${this.site.port}/?${String(new URLSearchParams(parameters))}`;
  }
}

interface WorldOptions {
  /** Default: in this process, its clock in the test's hand. */
  readonly serve?: Serve;
  /** Of the service. */
  readonly env?: Record<string, string>;
  /** What pages of the world begin with. */
  readonly app?: AppOptions;
  /** A browser as users have it, whose tabs can be frozen. */
  readonly isPlain?: boolean;
  /** What pages may complain of, besides answers and connections that failed. */
  readonly except?: RegExp;
}

declare global {
  /** By how much a page's clock is off, in milliseconds. */
  // oxlint-disable-next-line eslint/no-var -- Only `var` declares a global.
  var clockIsOff: number;
}

/**
 * A world that hooks start and stop. After every test it looks at what must never happen: a token where it may be
 * seen, and an error that nobody caught.
 */
export function clientWorldForTheSuite({ serve, env = {}, app = {}, isPlain, except }: WorldOptions = {}): ClientWorld {
  const world = new ClientWorld(app);
  let served: Served | undefined;
  let database: TestDatabase;
  let browser: Browser | undefined;
  let complaints: string[];
  let seen: string[];

  const serveHere: Serve = async (variables, databaseUrl) => {
    world.service = await startService(databaseUrl, { env: variables });
    const { url, clock } = world.service;
    return { url, now: () => clock.now(), close: () => world.service.close() };
  };

  beforeAll(async () => {
    database = await createDatabase('SQLite');
    const [site, api, stranger] = await Promise.all([AppServer.start(), AppServer.start(), AppServer.start()]);
    const gate = await RefreshGate.before(() => world.url);
    Object.assign(world, { site, api, stranger, gate });
    const CORS_ORIGINS = ['localhost', 'insecure.test'].map((host) => `http://${host}:${site.port}`).join();
    served = await (serve ?? serveHere)({ ...WITH_COOKIES, CORS_ORIGINS, ...env }, database.url);
    const { url, now } = served;
    world.url = url;
    for (const server of [site, api]) await server.trust(url, now);
    if (!isPlain) browser = await openBrowser();
  });
  beforeEach(async () => {
    world.context = await (browser ? newProfile(browser, { ignoreHTTPSErrors: true }) : openPlainBrowser());
    complaints = complaintsOf(world.context, PROVOKED);
    seen = [];
    world.context.on('console', (message) => void seen.push(message.text()));
    world.context.on('request', (request) => void seen.push(request.url()));
    for (const { calls } of [world.site, world.api, world.stranger]) calls.length = 0;
    world.gate.knocks.length = 0;
  });
  afterEach(async () => {
    const pages = world.context.pages().filter((page) => page.url().startsWith('http'));
    const cookies = await Promise.allSettled(pages.map((page) => page.evaluate(() => document.cookie)));
    seen.push(...pages.map((page) => page.url()), JSON.stringify(cookies));
    await (isPlain ? cleanUp() : world.context.close());
    for (const latch of [world.gate.requests, world.gate.answers, world.api.answers]) latch.open();
    world.gate.pass();
    expect(complaints.filter((complaint) => !except?.test(complaint))).toEqual([]);
    expect(seen.filter((text) => TOKENS.test(text))).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    const { site, api, stranger, gate } = world as Partial<ClientWorld>;
    await Promise.all([site, api, stranger, gate, served].map((server) => server?.close()));
    await database.drop();
  });
  return world;
}
