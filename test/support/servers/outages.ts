import { expect } from '@jest/globals';
import { call, json, logout, postSession, refresh, refreshed, signIn, type Answer } from '../http/http.js';
import { until } from './process.js';
import { DEADLINE, PROMPT } from '../time.js';

export interface Timed extends Answer {
  readonly took: number;
}

/** An answer, and how many milliseconds it took. */
export async function timed(answer: Promise<Answer>): Promise<Timed> {
  const begun = performance.now();
  return { ...(await answer), took: performance.now() - begun };
}

export function get(url: string): Promise<Timed> {
  return timed(call(url, { method: 'GET' }));
}

/** One request to each endpoint that needs the database. */
export function askAll(url: string, token: string): Promise<Timed[]> {
  const asked = [refresh(url, token), logout(url, token), postSession(url, { subject: 'bob' })];
  return Promise.all(asked.map(timed));
}

/** Not now, come again: what a client keeps its token on. */
export function expectUnavailable(answers: readonly Timed[]): void {
  for (const { status, headers, text, took } of answers) {
    expect({ status, text }).toEqual({ status: 503, text: '{"error":"temporarily_unavailable"}' });
    expect(headers['retry-after']).toMatch(/^\d+$/);
    expect(headers['cache-control']).toBe('no-store');
    expect(took).toBeLessThan(DEADLINE);
  }
}

export async function isReady(url: string): Promise<boolean> {
  return (await get(`${url}/health/ready`)).status === 200;
}

export async function expectNotReady(url: string, database = 'no answer'): Promise<void> {
  const ready = await get(`${url}/health/ready`);
  expect(ready.status).toBe(503);
  expect(json(ready)).toMatchObject({ status: 'unavailable', checks: { database } });
  expect(ready.took).toBeLessThan(DEADLINE);
}

/** The process is up, and nothing holds it up. */
export async function expectLive(url: string): Promise<void> {
  const live = await get(`${url}/health/live`);
  expect(live.status).toBe(200);
  expect(live.took).toBeLessThan(PROMPT);
}

/** The database is back: the same process serves again, and nobody was signed out. */
export async function expectRecovery(url: string, tokens: readonly string[]): Promise<void> {
  await until('it is ready', async () => (await isReady(url)) || undefined);
  for (const token of tokens) await refreshed(url, token);
  await signIn(url);
  const leaver = await signIn(url);
  expect((await logout(url, leaver.refresh_token)).status).toBe(204);
  expect((await refresh(url, leaver.refresh_token)).status).toBe(401);
}
