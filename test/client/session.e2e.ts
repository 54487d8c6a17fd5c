import { describe, expect, it } from '@jest/globals';
import { browserStorage, memoryStorage, type SessionOptions } from 'nest-refresh-token/client';
import { listenedSession, VirtualTime, type ListenedSession } from '../support/clients/client-session.js';
import { logout, refresh, refreshed, signIn } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { pageGlobalsForEachTest } from '../support/clients/page-globals.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { HOUR, MINUTE, SECOND, TestClock } from '../support/test-clock.js';

/** Years off, and it stands where the test leaves it. */
const wrongTime = () => new VirtualTime(new TestClock(Date.UTC(1999, 11, 31)));

describe('a session of the client library, at the service', () => {
  const running = serviceForTheSuite('SQLite');
  const page = pageGlobalsForEachTest();

  /** Signed in, its tokens as the service's answer has them. */
  async function signedIn(options: Partial<SessionOptions> & { time?: VirtualTime } = {}) {
    const { url } = running.service;
    const tokens = await signIn(url);
    const session = listenedSession({ refreshUrl: `${url}/refresh_token`, ...options });
    await session.signIn(tokens);
    return { session, tokens, url };
  }

  const refreshes = () => eventsIn(running.service.log, 'session.refreshed').length;

  it('hands out the login’s access token while it is fresh, and asks nobody', async () => {
    const { session, tokens } = await signedIn();
    const before = refreshes();
    expect(await session.getAccessToken()).toBe(tokens.access_token);
    expect(refreshes()).toBe(before);
    expect(session.told).toEqual([]);
  });

  it('refreshes ahead of the end, and goes on with the successor', async () => {
    const { session, tokens } = await signedIn();
    for (let round = 0; round < 3; round += 1) {
      const before = await session.getAccessToken();
      session.time.clock.advance(HOUR - 30 * SECOND);
      running.service.clock.advance(HOUR - 30 * SECOND);
      const after = await session.getAccessToken();
      expect(after).not.toBe(before);
      expect((await session.fetch(`${running.service.url}/sessions`)).status).toBe(200);
    }
    expect(session.told).toEqual(Array.from({ length: 3 }, () => ['refreshed', { expiresIn: 3_600 }]));
    // Two leeways later, what it began with proves a second holder.
    running.service.clock.advance(MINUTE);
    expect((await refresh(running.service.url, tokens.refresh_token)).status).toBe(401);
  });

  it('makes one refresh of a hundred parallel 401s, and every call succeeds', async () => {
    const { session, url } = await signedIn({ time: wrongTime() });
    running.service.clock.advance(2 * HOUR);
    const before = refreshes();

    const responses = await Promise.all(Array.from({ length: 100 }, () => session.fetch(`${url}/sessions`)));

    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    expect(refreshes()).toBe(before + 1);
    expect(session.told).toEqual([['refreshed', { expiresIn: 3_600 }]]);
  });

  it('loses an answer, and nobody is signed out', async () => {
    let lost = 0;
    const losing: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      lost += 1;
      if (lost > 2) return response;
      throw new TypeError('The train is in a tunnel.');
    };
    const { session, url } = await signedIn({ fetch: losing });
    session.time.clock.advance(2 * HOUR);
    running.service.clock.advance(2 * HOUR);

    const accessToken = await session.getAccessToken();

    expect(lost).toBe(3);
    expect(session.time.slept).toEqual([SECOND, 2 * SECOND]);
    expect(session.told.map(([event]) => event)).toEqual(['unavailable', 'unavailable', 'refreshed']);
    expect((await fetch(`${url}/sessions`, { headers: { Authorization: `Bearer ${accessToken}` } })).status).toBe(200);
  });

  it('is signed out once, with the reason, when its token was stolen and used', async () => {
    const { session, tokens, url } = await signedIn();
    const stolen = await refreshed(url, tokens.refresh_token);
    running.service.clock.advance(MINUTE);
    await refreshed(url, stolen.refresh_token);
    running.service.clock.advance(2 * HOUR);
    session.time.clock.advance(2 * HOUR);

    const answers = await Promise.all([session.getAccessToken(), session.getAccessToken(), session.getAccessToken()]);

    expect(answers).toEqual([null, null, null]);
    expect(session.told).toEqual([['signedOut', { reason: 'invalid_refresh_token' }]]);
    expect((await session.fetch(`${url}/sessions`)).status).toBe(401);
    expect(session.told).toHaveLength(1);
  });

  it('ended elsewhere: the 401 of the API is handed over, once, and asks the service once', async () => {
    const { session, tokens, url } = await signedIn();
    await logout(url, tokens.refresh_token);
    running.service.clock.advance(2 * HOUR);
    const before = eventsIn(running.service.log, 'refresh.refused').length;

    const responses = await Promise.all(Array.from({ length: 10 }, () => session.fetch(`${url}/sessions`)));

    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 401));
    expect(await responses[0]?.json()).toEqual({ error: 'invalid_token' });
    expect(eventsIn(running.service.log, 'refresh.refused')).toHaveLength(before + 1);
    expect(session.told).toEqual([['signedOut', { reason: 'invalid_refresh_token' }]]);
  });

  it('signs out: its tokens are forgotten, and the session is over at the service', async () => {
    const storage = memoryStorage();
    const { session, tokens, url } = await signedIn({ storage });

    expect(await session.signOut()).toBe(true);

    expect(await session.getAccessToken()).toBeNull();
    expect(storage.get()).not.toContain('token":');
    expect(session.told).toEqual([['signedOut', { reason: 'sign_out' }]]);
    expect((await refresh(url, tokens.refresh_token)).status).toBe(401);
    expect((await session.fetch(`${url}/sessions`)).status).toBe(401);
  });

  it('signs in again after it was signed out, as somebody else', async () => {
    const { session, url } = await signedIn();
    await session.signOut();
    const bob = await signIn(url, 'bob');
    await session.signIn(bob);
    expect(await session.getAccessToken()).toBe(bob.access_token);
    session.time.clock.advance(2 * HOUR);
    running.service.clock.advance(2 * HOUR);
    expect((await session.fetch(`${url}/sessions`)).status).toBe(200);
    expect(session.told.map(([event]) => event)).toEqual(['signedOut', 'refreshed']);
  });

  it('is shared by eight tabs, which make one refresh between them', async () => {
    const { url, clock } = running.service;
    const time = new VirtualTime();
    const tabs: ListenedSession[] = Array.from({ length: 8 }, () =>
      listenedSession({ refreshUrl: `${url}/refresh_token`, storage: browserStorage(), time }),
    );
    await tabs[0]?.signIn(await signIn(url));
    time.clock.advance(2 * HOUR);
    clock.advance(2 * HOUR);
    const before = refreshes();

    const tokens = await Promise.all(tabs.map((tab) => tab.getAccessToken()));

    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).toMatch(/^ey/);
    expect(refreshes()).toBe(before + 1);
    // No lease is left behind.
    expect([...page.area.keys()]).toEqual(['nest-refresh-token']);
  });
});
