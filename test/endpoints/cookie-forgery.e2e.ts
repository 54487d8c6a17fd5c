import { describe, expect, it } from '@jest/globals';
import { cookieWorldForTheSuite, post } from '../support/clients/cookie-world.js';
import { describeBrowser } from '../support/clients/browser.js';
import { IS_FASTIFY } from '../support/servers/http-adapter.js';
import { eventsIn } from '../support/servers/log.js';
import { until } from '../support/servers/process.js';
import { sessionRow } from '../support/databases/session-rows.js';

/** How an evil page has its visitor's browser post to an address: what it runs, and its URL's path. */
const attempts: Record<string, (to: string) => unknown> = {
  'a fetch whose answer it cannot read': (to) =>
    void fetch(to, { method: 'POST', mode: 'no-cors', credentials: 'include' }),
  'a fetch whose answer it would read': (to) =>
    void fetch(to, { method: 'POST', credentials: 'include' }).catch(() => 0),
  'a fetch that outlives it': (to) =>
    void fetch(to, { method: 'POST', mode: 'no-cors', credentials: 'include', keepalive: true }),
  'a beacon': (to) => navigator.sendBeacon(to, 'x'),
  'a form in its own place': (to) => {
    const form = Object.assign(document.createElement('form'), { action: to, method: 'post' });
    document.body.append(form);
    form.submit();
  },
  'a form of text that looks like JSON': (to) => {
    const form = Object.assign(document.createElement('form'), { action: to, method: 'post', enctype: 'text/plain' });
    form.innerHTML = `<input name='{"a":"' value='"}'>`;
    document.body.append(form);
    form.submit();
  },
  'a form in a hidden frame': (to) => {
    document.body.innerHTML = `<iframe name="hidden" hidden></iframe><form target="hidden" method="post" action="${to}"></form>`;
    document.forms[0]?.submit();
  },
  'a form in a sandbox, of no origin': (to) => {
    const script = '<script>document.forms[0].submit()</script>';
    const frame = document.createElement('iframe');
    frame.setAttribute('sandbox', 'allow-forms allow-scripts');
    frame.srcdoc = `<form method="post" action="${to}"></form>${script}`;
    document.body.append(frame);
  },
  'a form that does not tell where it comes from': (to) => {
    document.head.innerHTML = '<meta name="referrer" content="no-referrer">';
    document.body.innerHTML = `<form method="post" action="${to}"></form>`;
    document.forms[0]?.submit();
  },
  'a redirect of its own site': (to) =>
    void fetch(`/away?${to}`, { method: 'POST', mode: 'no-cors', credentials: 'include' }),
};

/** Of a sandbox nothing is of the same site, whatever its page is. */
const ofTheSameSite = Object.entries(attempts).filter(([how]) => !how.includes('sandbox'));

const onOtherSites = {
  where: 'of another site, under SameSite=None',
  host: '127.0.0.1',
  sameSite: 'none',
  tries: Object.entries(attempts),
};
const onTheSameSite = {
  where: 'of the same site, whom SameSite=Strict lets pass',
  host: 'localhost',
  sameSite: 'strict',
  tries: ofTheSameSite,
};

// Which of these requests a browser sends its cookie with is none of the adapter's business: one that sends it with all
// shows how either adapter answers them.
const evilPages = IS_FASTIFY ? [onOtherSites] : [onTheSameSite, onOtherSites];

describe.each(evilPages)('An evil page $where', ({ host, sameSite, tries }) => {
  describeBrowser(`that posts with the cookie of its visitor, from ${host}`, () => {
    const world = cookieWorldForTheSuite(
      { REFRESH_TOKEN_COOKIE_SAME_SITE: sameSite },
      { thirdParty: sameSite === 'none' },
    );
    const openEvil = () => world.open(`http://${host}:${world.evil.port}/evil`);

    it.each(tries)('is refused with %s: nothing is written, nobody is signed out', async (_, run) => {
      const { page, id } = await world.signedIn();
      const [row, cookie] = [await sessionRow(world.service.app, id), await world.kept()];
      const { forwarded } = world.backend;
      for (const path of ['/refresh_token', '/logout']) {
        const [logged, asked] = [world.service.log.length, forwarded.length];
        await (await openEvil()).evaluate(run, world.site + path);
        const request = await until('the site is asked', () => forwarded[asked]);

        // The cookie was there: it is the page that was refused.
        expect(request).toEqual({ path, status: 403, hadCookie: true, hadAuthorization: false });
        expect(eventsIn(world.service.log.slice(logged), 'origin.refused')).toHaveLength(1);
      }
      expect(await sessionRow(world.service.app, id)).toEqual(row);
      expect(await world.kept()).toEqual(cookie);
      expect((await post(page, '/refresh_token')).status).toBe(200);
    });

    it('can read neither an answer nor the cookie', async () => {
      await world.signedIn();
      const evil = await openEvil();
      await expect(post(evil, `${world.site}/refresh_token`)).rejects.toThrow('Failed to fetch');
      await expect(post(evil, `${world.site}/logout`)).rejects.toThrow('Failed to fetch');
      expect(await evil.evaluate(() => document.cookie)).toBe('');
      expect(await world.kept()).toMatchObject({ value: expect.stringMatching(/^rt_/) });
    });
  });
});

const describeOnce = IS_FASTIFY ? () => undefined : describeBrowser;
describeOnce('An evil page of another site, under SameSite=Strict', () => {
  const world = cookieWorldForTheSuite();

  it.each(Object.entries(attempts))('is not even sent the cookie with %s', async (_, run) => {
    const { page, id } = await world.signedIn();
    const before = await sessionRow(world.service.app, id);
    const evil = await world.open(`http://127.0.0.1:${world.evil.port}/evil`);
    const { forwarded } = world.backend;
    const asked = forwarded.length;
    await evil.evaluate(run, `${world.site}/logout`);
    const request = await until('the site is asked', () => forwarded[asked]);
    expect(request).toEqual({ path: '/logout', status: 401, hadCookie: false, hadAuthorization: false });
    expect(await sessionRow(world.service.app, id)).toEqual(before);
    expect((await post(page, '/refresh_token')).status).toBe(200);
  });
});
