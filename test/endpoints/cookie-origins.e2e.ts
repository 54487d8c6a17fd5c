import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { CLEARED, cookie, setting, tokenIn, WITH_COOKIES } from '../support/http/cookies.js';
import { bearer, call, signIn, type Answer } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { postRaw } from '../support/http/raw-http.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import type { TestService } from '../support/servers/service.js';
import { sessionRow } from '../support/databases/session-rows.js';
import { json, NO_CONTENT, wire, type Wire } from '../support/http/wire.js';

const LISTED = 'https://app.example.com';
const LISTED_HERE = 'http://localhost:4200';
const EVIL = 'https://evil.example.net';
/** Where the service is reached, behind a proxy that speaks TLS. */
const HOST = 'auth.example.com';
const OWN = `https://${HOST}`;
const CORS_ORIGINS = `${LISTED}, ${LISTED_HERE}`;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What a request says of the page that sent it; an array is a header a line. */
interface Page {
  readonly host?: string;
  readonly origin?: string | string[];
  readonly site?: string | string[];
  /** Whether its Origin is none: it is told back to nobody. */
  readonly isHidden?: true;
}

function headersOf({ host = HOST, origin, site }: Page): Record<string, string | string[]> {
  return {
    Host: host,
    ...(origin !== undefined && { Origin: origin }),
    ...(site !== undefined && { 'Sec-Fetch-Site': site }),
  };
}

const allowed: [string, Page][] = [
  ['its own origin', { origin: OWN }],
  ['its own origin, Host with the default port spelt out', { origin: OWN, host: `${HOST}:443` }],
  ['its own origin, Host in capitals', { origin: OWN, host: HOST.toUpperCase() }],
  ['its own origin at another port', { origin: `${OWN}:8443`, host: `${HOST}:8443` }],
  ['its own origin, by a browser that says more', { origin: OWN, site: 'same-origin' }],
  ['its own origin without TLS, on this machine', { origin: 'http://localhost:3000', host: 'localhost:3000' }],
  ['its own origin without TLS, at port 80 of this machine', { origin: 'http://localhost', host: 'localhost' }],
  ['its own origin at 127.0.0.1', { origin: 'http://127.0.0.1:3000', host: '127.0.0.1:3000' }],
  ['its own origin at another loopback address', { origin: 'http://127.1.2.3:3000', host: '127.1.2.3:3000' }],
  ['its own origin at [::1]', { origin: 'http://[::1]:3000', host: '[::1]:3000' }],
  ['its own origin, no Origin: the GET of a page', { site: 'same-origin' }],
  ['its own origin, Origin null: a form under no-referrer', { origin: 'null', site: 'same-origin' }],
  ['its own origin, behind a proxy that changes Host', { origin: OWN, host: '10.0.0.1:3000', site: 'same-origin' }],
  ['a listed origin', { origin: LISTED }],
  ['a listed origin of the same site', { origin: LISTED, site: 'same-site' }],
  ['a listed origin of another site', { origin: LISTED, site: 'cross-site' }],
  ['a listed origin, where it is the own one', { origin: LISTED, host: 'app.example.com', site: 'same-origin' }],
  ['a listed origin without TLS', { origin: LISTED_HERE, site: 'cross-site' }],
];

const refused: [string, Page][] = [
  ['nothing: no browser, or one from long ago', {}],
  ['an origin that is not listed', { origin: EVIL }],
  ['an origin that is not listed, of another site', { origin: EVIL, site: 'cross-site' }],
  ['an origin that is not listed, of the same site', { origin: 'https://blog.example.com', site: 'same-site' }],
  ['a subdomain', { origin: `https://x.${HOST}` }],
  ['the domain above', { origin: 'https://example.com' }],
  ['an origin that begins like the own one', { origin: `${OWN}.evil.example.net` }],
  ['an origin that ends like the own one', { origin: `https://evil${HOST}` }],
  ['an origin that begins like a listed one', { origin: `${LISTED}.evil.example.net` }],
  ['an origin that ends like a listed one', { origin: 'https://evilapp.example.com' }],
  ['a listed origin at another port', { origin: `${LISTED}:8443` }],
  ['a listed origin without TLS', { origin: 'http://app.example.com' }],
  ['a listed origin with TLS, listed without', { origin: 'https://localhost:4200' }],
  ['a listed origin in capitals', { origin: LISTED.toUpperCase(), isHidden: true }],
  ['a listed origin with a slash', { origin: `${LISTED}/`, isHidden: true }],
  ['a listed origin with the default port', { origin: `${LISTED}:443`, isHidden: true }],
  ['all of CORS_ORIGINS', { origin: CORS_ORIGINS, isHidden: true }],
  ['*', { origin: '*', isHidden: true }],
  ['the host alone', { origin: HOST, isHidden: true }],
  ['null: a sandbox, a file, a redirect', { origin: 'null', isHidden: true }],
  ['null, of another site', { origin: 'null', site: 'cross-site', isHidden: true }],
  ['null, which nobody sent', { origin: 'null', site: 'none', isHidden: true }],
  ['an empty Origin', { origin: '', isHidden: true }],
  ['an extension', { origin: 'chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai', isHidden: true }],
  ['no Origin, of another site', { site: 'cross-site' }],
  ['no Origin, of the same site', { site: 'same-site' }],
  ['no page: an address that was typed', { site: 'none' }],
  ['its own origin, from which another site was gone through', { origin: OWN, site: 'cross-site' }],
  ['its own origin, called the same site only', { origin: OWN, site: 'same-site' }],
  ['its own origin, which nobody sent', { origin: OWN, site: 'none' }],
  ['its own origin, by a browser that says something unheard of', { origin: OWN, site: '' }],
  ['its own origin, spelt in capitals', { origin: EVIL, site: 'Same-Origin' }],
  ['another port of its own host', { origin: `${OWN}:8443` }],
  ['its own host without the port', { origin: OWN, host: `${HOST}:8443` }],
  ['its own host without TLS', { origin: `http://${HOST}` }],
  ['its own host without TLS, at the port of TLS', { origin: `http://${HOST}:443`, host: `${HOST}:443` }],
  ['a host that is called like this machine', { origin: 'http://localhost.evil.net', host: 'localhost.evil.net' }],
  ['a host that ends like this machine', { origin: 'http://evil-localhost', host: 'evil-localhost' }],
  ['a host that begins like its address', { origin: 'http://127.0.0.1.evil.net', host: '127.0.0.1.evil.net' }],
  ['another port of this machine', { origin: 'http://localhost:3001', host: 'localhost:3000' }],
  ['another name of this machine', { origin: 'http://127.0.0.1:3000', host: 'localhost:3000' }],
  ['two listed origins', { origin: [LISTED, LISTED_HERE], isHidden: true }],
  ['a listed origin, twice', { origin: [LISTED, LISTED], isHidden: true }],
  ['its own origin, and an evil one', { origin: [OWN, EVIL], isHidden: true }],
  ['an evil origin, and its own', { origin: [EVIL, OWN], isHidden: true }],
  ['two sites', { origin: EVIL, site: ['same-origin', 'cross-site'] }],
  ['the same site, twice', { origin: EVIL, site: ['same-origin', 'same-origin'] }],
];

/** What a page is refused with. Its Origin is told back where it is one, for the developer who forgot to list it. */
function forbidden({ origin = 'none', isHidden }: Page): Wire {
  const got = isHidden ? 'something else' : String(origin);
  const description = `Origin: got ${got}, takes the endpoint's own, or one of cookie.origins (CORS_ORIGINS).`;
  return json(403, JSON.stringify({ error: 'forbidden_origin', error_description: description }));
}

/** The headers by which an answer speaks to a browser about origins. */
function corsHeaders(headers: IncomingHttpHeaders): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith('access-control-') || name === 'vary'),
  );
}

/** An answer without what it tells browsers about origins. */
function withoutCors(answer: Answer): Wire {
  const { headers, ...others } = wire(answer);
  const cors = corsHeaders(answer.headers);
  return { ...others, headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !(name in cors))) };
}

describe('A request with the cookie', () => {
  const running = serviceForTheSuite('SQLite', { ...WITH_COOKIES, CORS_ORIGINS });

  /** A session, and what must stay as it is where its cookie is refused. */
  async function newSession({ url, app }: TestService) {
    const { refresh_token, session_id } = await signIn(url);
    return { token: refresh_token, row: () => sessionRow(app, session_id) };
  }

  it.each(allowed)('may come from %s', async (_, page) => {
    const { service } = running;
    const { token } = await newSession(service);
    const headers = headersOf(page);
    const answer = await call(`${service.url}/refresh_token`, { headers: { ...headers, ...cookie(token) } });
    expect(answer.status).toBe(200);
    const left = await call(`${service.url}/logout`, { headers: { ...headers, ...cookie(tokenIn(answer)) } });
    expect(withoutCors(left)).toEqual(setting(NO_CONTENT, CLEARED));
  });

  it.each(refused)('may not come from %s', async (_, page) => {
    const { service } = running;
    const { token, row } = await newSession(service);
    const before = await row();
    for (const path of ['refresh_token', 'logout']) {
      const logged = service.log.length;
      const answer = await call(`${service.url}/${path}`, { headers: { ...headersOf(page), ...cookie(token) } });
      expect(withoutCors(answer)).toEqual(forbidden(page));

      // One line, and nothing in it that helps anybody.
      const entries = service.log.slice(logged);
      const origin = page.isHidden ? undefined : page.origin;
      expect(entries).toHaveLength(1);
      expect(eventsIn(entries, 'origin.refused')).toEqual([
        { event: 'origin.refused', ...(origin && { origin }), request_id: expect.stringMatching(UUID) },
      ]);
      expect(entries.join()).not.toContain(token.slice(3));
    }
    expect(await row()).toEqual(before);
  });

  it('may not come from several Origins, however they are written', async () => {
    const { service } = running;
    const { token, row } = await newSession(service);
    const before = await row();
    for (const lines of [
      [`Origin: ${LISTED}`, `origin: ${EVIL}`],
      [`Origin: ${EVIL}`, `ORIGIN: ${LISTED}`],
      [`Origin: ${LISTED} ${EVIL}`],
      [`Origin: ${LISTED},${LISTED}`],
    ]) {
      const answer = await postRaw(`${service.url}/refresh_token`, [`Cookie: ${cookie(token).Cookie}`, ...lines]);
      expect([answer.status, answer.text]).toEqual([403, forbidden({ isHidden: true }).text]);
    }
    expect(await row()).toEqual(before);
  });

  it('is refused before its token is looked at: a foreign page learns nothing of it, and takes nothing away', async () => {
    const { url, log } = running.service;
    const logged = log.length;
    for (const token of ['forged', 'a b']) {
      const headers = { ...headersOf({ origin: EVIL }), ...cookie(token) };
      for (const path of ['refresh_token', 'logout']) {
        expect(withoutCors(await call(`${url}/${path}`, { headers }))).toEqual(forbidden({ origin: EVIL }));
      }
    }
    expect(eventsIn(log.slice(logged), 'refresh.refused')).toEqual([]);
  });

  it('that is refused tells neither the client nor the log what was in its Origin, unless it is one', async () => {
    const { url, log } = running.service;
    const { refresh_token: token } = await signIn(url);
    const logged = log.length;
    const inOrigin = [token, `https://${token}.example.com`, `https://example.com/${token}`, `https://${token}@x.net`];
    for (const origin of inOrigin) {
      const answer = await call(`${url}/refresh_token`, { headers: { ...cookie(token), Origin: origin } });
      expect(answer.text).toBe(forbidden({ isHidden: true }).text);
    }
    expect(log.slice(logged)).toHaveLength(inOrigin.length);
    expect(log.slice(logged).join()).not.toContain(token.slice(3));
  });

  it('has the request id of the client in its refusal', async () => {
    const { url, log } = running.service;
    const headers = { ...cookie('x'), ...headersOf({ origin: EVIL }), 'X-Request-Id': 'page-1' };
    await call(`${url}/refresh_token`, { headers });
    expect(eventsIn(log, 'origin.refused').at(-1)).toEqual({
      event: 'origin.refused',
      origin: EVIL,
      request_id: 'page-1',
    });
  });
});

describe('A request with the token in the header', () => {
  const running = serviceForTheSuite('SQLite', { ...WITH_COOKIES, CORS_ORIGINS });

  it.each(refused)('may come from %s: no browser adds it by itself', async (_, page) => {
    const { url } = running.service;
    const { refresh_token } = await signIn(url);
    const headers = { ...headersOf(page), ...bearer(refresh_token) };
    const answer = await call(`${url}/refresh_token`, { headers });
    expect([answer.status, answer.headers['set-cookie']]).toEqual([200, undefined]);
    expect((await call(`${url}/logout`, { headers })).status).toBe(204);
  });
});

describe('Where cookies are on without CORS_ORIGINS', () => {
  const running = serviceForTheSuite('SQLite', WITH_COOKIES);

  it("only the service's own pages may send the cookie", async () => {
    const { url } = running.service;
    const { refresh_token } = await signIn(url);
    const send = (page: Page) =>
      call(`${url}/refresh_token`, { headers: { ...headersOf(page), ...cookie(refresh_token) } });
    expect((await send({ origin: OWN })).status).toBe(200);
    expect(wire(await send({ origin: LISTED }))).toEqual(forbidden({ origin: LISTED }));
  });
});

describe('Credentials of CORS', () => {
  const PREFLIGHT = { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' };

  /** Answers of every kind that a page of an origin gets. */
  async function answersTo(origin: string, url: string): Promise<Answer[]> {
    const { refresh_token } = await signIn(url);
    const headers = { Origin: origin };
    return [
      await call(`${url}/refresh_token`, { headers: { ...headers, ...bearer(refresh_token) } }),
      await call(`${url}/refresh_token`, { headers: { ...headers, ...cookie('forged') } }),
      await call(`${url}/refresh_token`, { headers, body: 'x'.repeat(40_000) }),
      await call(`${url}/logout`, { method: 'OPTIONS', headers: { ...headers, ...PREFLIGHT } }),
    ];
  }

  describe('where cookies are on', () => {
    const running = serviceForTheSuite('SQLite', { ...WITH_COOKIES, CORS_ORIGINS });

    it.each([LISTED, LISTED_HERE])('are allowed to a listed origin, whatever it is answered: %s', async (origin) => {
      const answers = await answersTo(origin, running.service.url);
      expect(answers.map(({ status }) => status)).toEqual([200, 401, 413, 204]);
      for (const { headers } of answers) {
        expect(headers).toMatchObject({
          'access-control-allow-origin': origin,
          'access-control-allow-credentials': 'true',
          vary: 'Origin',
        });
      }
    });

    it('are allowed to the origin that sent a refused cookie, so that its page can read why', async () => {
      const { url } = running.service;
      const headers = { Origin: LISTED, ...cookie('forged') };
      const { headers: answered, status } = await call(`${url}/refresh_token`, { headers });
      expect([status, answered['set-cookie']]).toEqual([401, [CLEARED]]);
      expect(corsHeaders(answered)).toEqual({
        'access-control-allow-origin': LISTED,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'WWW-Authenticate,Retry-After',
        vary: 'Origin',
      });
    });

    it.each([EVIL, 'null', OWN])('are allowed to no other origin: %s', async (origin) => {
      const { url } = running.service;
      for (const { headers } of [...(await answersTo(origin, url)), await call(`${url}/refresh_token`)]) {
        expect(headers).not.toHaveProperty('access-control-allow-origin');
        expect(headers).not.toHaveProperty('access-control-allow-credentials');
      }
    });
  });

  describe('where cookies are off', () => {
    const running = serviceForTheSuite('SQLite', { CORS_ORIGINS });

    it.each([LISTED, EVIL])('are allowed to nobody: %s', async (origin) => {
      const answers = await answersTo(origin, running.service.url);
      for (const { headers } of answers) expect(headers).not.toHaveProperty('access-control-allow-credentials');
    });
  });
});
