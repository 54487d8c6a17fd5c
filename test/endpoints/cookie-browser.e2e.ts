import { expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { describeBrowser } from '../support/clients/browser.js';
import { cookieWorldForTheSuite, post } from '../support/clients/cookie-world.js';
import { COOKIE } from '../support/http/cookies.js';
import { refresh } from '../support/http/http.js';
import { endOf } from '../support/databases/session-rows.js';
import { MINUTE, SECOND } from '../support/test-clock.js';

const DAY = 86_400;
const MISSING = { status: 401, text: '{"error":"missing_token"}' };
const REFUSED = { status: 401, text: '{"error":"invalid_refresh_token"}' };

describeBrowser('A browser with the refresh token in its cookie', () => {
  const world = cookieWorldForTheSuite();

  async function tokenKept(): Promise<string> {
    return (await world.kept())?.value ?? '';
  }

  it('keeps it for the host alone and for as long as it lives, where no script sees it', async () => {
    const { page, text } = await world.signedIn();
    const cookie = await world.kept();
    expect(cookie).toMatchObject({
      name: COOKIE,
      value: expect.stringMatching(/^rt_[\w-]{60}$/),
      domain: 'localhost',
      path: '/',
      httpOnly: true,
      secure: true,
      sameSite: 'Strict',
    });
    const seconds = Number(cookie?.expires) - Date.now() / 1_000;
    expect(seconds).toBeGreaterThan(30 * DAY - 60);
    expect(seconds).toBeLessThanOrEqual(30 * DAY);
    expect(text).not.toContain(cookie?.value);
    const seen = await page.evaluate(async () => [
      document.cookie,
      JSON.stringify(await (globalThis as { cookieStore?: { getAll(): Promise<unknown> } }).cookieStore?.getAll()),
      JSON.stringify({ ...localStorage, ...sessionStorage }),
    ]);
    expect(seen).toEqual(['', '[]', '{}']);
  });

  it('refreshes by it from load to load: the next one comes in the cookie, and the page sees none', async () => {
    const { page } = await world.signedIn();
    const before = await tokenKept();
    await page.reload();
    const { status, text } = await post(page, '/refresh_token');
    expect(status).toBe(200);
    const after = await tokenKept();
    expect(after).not.toBe(before);
    expect(JSON.parse(text)).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3_600,
      refresh_expires_in: 30 * DAY,
    });
    world.service.clock.advance(MINUTE);
    expect((await post(page, '/refresh_token')).status).toBe(200);
    expect(await tokenKept()).not.toBe(after);
    expect(await page.evaluate(() => document.cookie)).toBe('');
  });

  it('refreshes in eight tabs at once, round after round, and stays signed in', async () => {
    const { id } = await world.signedIn();
    const tabs = await Promise.all(Array.from({ length: 8 }, () => world.open(world.site)));
    for (const round of [1, 2, 3]) {
      const answers = await Promise.all(tabs.map((tab) => post(tab, '/refresh_token')));
      expect([round, ...answers.map(({ status }) => status)]).toEqual([round, ...tabs.map(() => 200)]);
      world.service.clock.advance(11 * SECOND);
    }
    expect(await endOf(world.service.app, id)).toBeNull();
  });

  it('forgets it at the logout, and the session is over', async () => {
    const { page, id } = await world.signedIn();
    const token = await tokenKept();
    expect((await post(page, '/logout')).status).toBe(204);
    expect(await world.kept()).toBeUndefined();
    expect(await endOf(world.service.app, id)).toMatchObject({ reason: 'logout' });
    expect(await post(page, '/refresh_token')).toEqual(MISSING);
    expect((await refresh(world.service.url, token)).status).toBe(401);
  });

  it('forgets it where it is refused, since its session was ended: it asks once, and is signed out', async () => {
    const { page } = await world.signedIn();
    const stolen = await tokenKept();
    await post(page, '/refresh_token');
    world.service.clock.advance(MINUTE);
    await post(page, '/refresh_token');
    world.service.clock.advance(MINUTE);
    // The thief comes late with an old one.
    expect((await refresh(world.service.url, stolen)).status).toBe(401);
    expect(await post(page, '/refresh_token')).toEqual(REFUSED);
    expect(await world.kept()).toBeUndefined();
    expect(await post(page, '/refresh_token')).toEqual(MISSING);
  });

  it('keeps it while the service cannot answer', async () => {
    const { page } = await world.signedIn();
    const before = await world.kept();
    const tables = world.service.app.get(DataSource);
    await tables.query('ALTER TABLE refresh_token_sessions RENAME TO elsewhere');
    const answers = [await post(page, '/refresh_token'), await post(page, '/logout')];
    await tables.query('ALTER TABLE elsewhere RENAME TO refresh_token_sessions');
    expect(answers.map(({ status }) => status)).toEqual([503, 503]);
    expect(await world.kept()).toEqual(before);
    expect((await post(page, '/refresh_token')).status).toBe(200);
  });

  it('sends it from a listed origin of the same site, with credentials only', async () => {
    const { id } = await world.signedIn();
    const before = await tokenKept();
    const page = await world.open(`http://localhost:${world.listed.port}`);
    expect(await post(page, `${world.site}/refresh_token`, 'omit')).toEqual(MISSING);
    const { status, text } = await post(page, `${world.site}/refresh_token`);
    expect([status, JSON.parse(text)]).toEqual([
      200,
      expect.not.objectContaining({ refresh_token: expect.anything() }),
    ]);
    expect(await tokenKept()).not.toBe(before);
    expect(await page.evaluate(() => document.cookie)).toBe('');
    expect((await post(page, `${world.site}/logout`)).status).toBe(204);
    expect(await world.kept()).toBeUndefined();
    expect(await endOf(world.service.app, id)).toMatchObject({ reason: 'logout' });
  });

  it('sends a listed origin of another site nothing, as long as it is SameSite=Strict', async () => {
    await world.signedIn();
    const page = await world.open(`http://127.0.0.1:${world.listed.port}`);
    expect(await post(page, `${world.site}/refresh_token`)).toEqual(MISSING);
    expect(await post(page, `${world.site}/logout`)).toEqual(MISSING);
    expect(await tokenKept()).toMatch(/^rt_/);
  });

  it.each(['localhost', '127.0.0.1', 'app.localhost'])('takes it from a service at http://%s, too', async (host) => {
    const page = await world.open(`http://${host}:${world.backend.port}`);
    await post(page, '/login');
    expect(await world.kept()).toMatchObject({ name: COOKIE, domain: host, secure: true });
    expect((await post(page, '/refresh_token')).status).toBe(200);
  });
});

describeBrowser('A browser that lets third-party cookies through, with a cookie of SameSite=None', () => {
  const world = cookieWorldForTheSuite({ REFRESH_TOKEN_COOKIE_SAME_SITE: 'none' }, { thirdParty: true });

  it('sends it from a listed origin of another site, which sees none of it', async () => {
    const { id } = await world.signedIn();
    const before = await world.kept();
    expect(before).toMatchObject({ sameSite: 'None' });
    const page = await world.open(`http://127.0.0.1:${world.listed.port}`);
    expect(await post(page, `${world.site}/refresh_token`, 'omit')).toEqual(MISSING);
    const { status, text } = await post(page, `${world.site}/refresh_token`);
    expect([status, Object.keys(JSON.parse(text))]).toEqual([
      200,
      ['access_token', 'token_type', 'expires_in', 'refresh_expires_in'],
    ]);
    const after = await world.kept();
    expect(after).toMatchObject({ name: COOKIE, domain: 'localhost', httpOnly: true, secure: true });
    expect(after?.value).not.toBe(before?.value);
    expect(await page.evaluate(() => document.cookie)).toBe('');
    expect((await post(page, `${world.site}/logout`)).status).toBe(204);
    expect(await world.kept()).toBeUndefined();
    expect(await endOf(world.service.app, id)).toMatchObject({ reason: 'logout' });
  });
});
