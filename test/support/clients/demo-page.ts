import { expect } from '@jest/globals';
import type { BrowserContext, FrameLocator, Page } from 'playwright-core';
import type { IssuedSession } from 'nest-refresh-token';
import { complaintsOf } from './browser.js';
import { call, json, type Answer } from '../http/http.js';
import { startProcess, until, type ServiceProcess } from '../servers/process.js';

/** What the demo's tokens live and how long its leeway is, in milliseconds. */
export const LIFE = 15_000;
export const LEEWAY = 2_000;

export function get(url: string, path: string, headers = {}): Promise<Answer> {
  return call(url + path, { method: 'GET', headers });
}

export function postSignIn(url: string, body: string, headers: Record<string, string>): Promise<Answer> {
  return call(`${url}/demo/sign-in`, { headers, body });
}

export async function signIn(url: string, subject = 'alice'): Promise<IssuedSession> {
  const answer = await postSignIn(url, JSON.stringify({ subject }), { 'Content-Type': 'application/json' });
  expect(answer.status).toBe(201);
  return json<IssuedSession>(answer);
}

/** What turns a service's clock by more than the leeway at each signal, and says so. */
const TURNING = `
  const { now } = Date;
  let ahead = 0;
  Date.now = () => now() + ahead;
  process.on('SIGUSR2', () => {
    ahead += ${LEEWAY + 200};
    console.error('The clock is turned.');
  });`;

/** Starts the service, with a clock for `leewayPasses`. */
export function startDemo(): Promise<ServiceProcess> {
  return startProcess({ env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(TURNING)}` } });
}

/** Lets the leeway of what was handed out just now pass. */
export async function leewayPasses(service: ServiceProcess): Promise<void> {
  const turns = () => service.stderr.split('The clock is turned.').length;
  const before = turns();
  service.signal('SIGUSR2');
  await until('the clock is turned', () => turns() > before || undefined);
}

/** The demo in a profile of its own. */
export class Demo {
  readonly complaints: string[];
  /** How often a page has asked for a refresh. */
  refreshes = 0;

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
  ) {
    // The console tells of every refusal, and some of these tests provoke them.
    this.complaints = complaintsOf(context, /status of 40[01]/);
    context.on('request', (request) => {
      if (request.url().endsWith('/demo/refresh_token')) this.refreshes += 1;
    });
  }

  static async open(context: BrowserContext, url: string): Promise<Demo> {
    const demo = new Demo(context, await context.newPage());
    await demo.page.goto(`${url}/demo`);
    return demo;
  }

  tab(number: 1 | 2): FrameLocator {
    return this.page.frameLocator(`iframe[title="Tab ${number}"]`);
  }

  get tabs(): FrameLocator[] {
    return [this.tab(1), this.tab(2)];
  }

  /** Which part of its access token's life a tab shows to be left. */
  lifeIn(tab: 1 | 2): Promise<number> {
    return this.tab(tab)
      .getByRole('progressbar')
      .evaluate((bar: HTMLProgressElement) => bar.value);
  }

  async signIn(subject = 'alice'): Promise<void> {
    await this.page.getByRole('textbox', { name: 'User' }).fill(subject);
    await this.press('Sign in');
    for (const tab of this.tabs) await says(tab, `Signed in as ${subject}.`);
  }

  press(name: string, where: FrameLocator | Page = this.page): Promise<void> {
    return where.getByRole('button', { name, exact: true }).click();
  }

  /** Waits until the thief's panel says it. */
  async thiefGets(text: string): Promise<void> {
    await this.page.locator('#thief-log').getByText(text).first().waitFor();
  }

  /** The list of sessions, as it is written. */
  async sessions(): Promise<string[]> {
    return (await this.page.locator('#sessions b').allTextContents()).map((text) => text.trim());
  }
}

/** Waits until the log of a tab says it. */
export async function says(tab: FrameLocator | Page, text: string): Promise<void> {
  await tab.locator('#log').getByText(text).first().waitFor();
}

/** All that the log of a tab says, the oldest first, without the time. */
export async function logOf(tab: FrameLocator | Page): Promise<string[]> {
  const lines = await tab.locator('#log p').allTextContents();
  return lines.map((line) => line.replace(/^[\d:]+ /, '')).toReversed();
}

export async function isShown(text: string, tabs: readonly FrameLocator[]): Promise<void> {
  for (const tab of tabs) await tab.getByText(text, { exact: true }).waitFor();
}
