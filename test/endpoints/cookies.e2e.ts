import { describe, expect, it } from '@jest/globals';
import type { IssuedSession, TokenResponse } from 'nest-refresh-token';
import {
  CLEARED,
  COOKIE,
  cookie,
  logoutByCookie,
  OWN_PAGE,
  refreshByCookie,
  setCookie,
  setting,
  tokenIn,
  WITH_COOKIES,
} from '../support/http/cookies.js';
import { bearer, call, json, postSession, refresh, refreshed, signIn, type Answer } from '../support/http/http.js';
import { postRaw } from '../support/http/raw-http.js';
import { serviceForTheSuite, withService } from '../support/servers/running-service.js';
import { endOf, sessionRow } from '../support/databases/session-rows.js';
import { HOUR, MINUTE } from '../support/test-clock.js';
import { invalidRequest, json as jsonAnswer, MISSING_TOKEN, NO_CONTENT, REFUSED, wire } from '../support/http/wire.js';

const ID = /^[0-9a-f-]{36}$/;
const DAYS_30 = 30 * 86_400;
const PARALLEL = 20;
const IN_HEADER_ONLY = 'takes a token in the Authorization header only.';
const BESIDE_A_HEADER = invalidRequest(`${COOKIE}: got it beside a bearer token, takes one token a request.`);
const TWO_COOKIES = invalidRequest(`${COOKIE}: got more than one such cookie, takes one token a request.`);

/** A good answer in the body, without a cookie. */
function expectTokensInBody(answer: Answer): void {
  const tokens = json<TokenResponse>(answer);
  expect(wire(answer)).toEqual(jsonAnswer(200, JSON.stringify(tokens)));
  expect(Object.keys(tokens)).toEqual([
    'access_token',
    'token_type',
    'expires_in',
    'refresh_token',
    'refresh_expires_in',
  ]);
}

describe('A refresh token in its cookie', () => {
  const running = serviceForTheSuite('SQLite', WITH_COOKIES);

  it('is answered in the cookie and nowhere else: the token, its life, and who may see it', async () => {
    const { url } = running.service;
    const session = await signIn(url);

    const answer = await refreshByCookie(url, session.refresh_token);

    const { access_token, ...others } = json<TokenResponse>(answer);
    const body = { access_token, token_type: 'Bearer', expires_in: 3_600, refresh_expires_in: DAYS_30 };
    const successor = tokenIn(answer);
    expect(wire(answer)).toEqual(setting(jsonAnswer(200, JSON.stringify(body)), setCookie(successor, DAYS_30)));
    expect(others).not.toHaveProperty('refresh_token');
    expect(successor).toMatch(/^rt_[\w-]{60}$/);
    expect(successor).not.toBe(session.refresh_token);
    expect(answer.text).not.toContain(successor);
  });

  it('is handed on by a browser from refresh to refresh', async () => {
    const { url, clock } = running.service;
    let { refresh_token: token } = await signIn(url);
    for (const _ of [1, 2, 3]) {
      clock.advance(HOUR);
      const next = tokenIn(await refreshByCookie(url, token));
      expect(next).not.toBe(token);
      token = next;
    }
  });

  it('is found among other cookies, whose names it is a part of', async () => {
    const { url } = running.service;
    const { refresh_token } = await signIn(url);
    const others = `a=b; x${COOKIE}=x; ${COOKIE}2=y; ${COOKIE.toLowerCase()}=z; c="${COOKIE}=d"`;
    const headers = { ...OWN_PAGE, Cookie: `${others};${COOKIE}=${refresh_token}; ; e` };
    expect(tokenIn(await call(`${url}/refresh_token`, { headers }))).toMatch(/^rt_/);
  });

  it('lives in the browser as long as it does in the database', () =>
    withService('SQLite', { ...WITH_COOKIES, REFRESH_TOKEN_ABSOLUTE_TTL: '2h' }, async ({ url, clock }) => {
      const session = await signIn(url);
      clock.advance(HOUR);
      const second = await refreshByCookie(url, session.refresh_token);
      expect(second.headers['set-cookie']).toEqual([setCookie(tokenIn(second), 3_600)]);
      clock.advance(HOUR - 1);
      const last = await refreshByCookie(url, tokenIn(second));
      expect(last.headers['set-cookie']).toEqual([setCookie(tokenIn(last), 0)]);
    }));

  it('is none where the cookie is empty, or another is there', async () => {
    const { url } = running.service;
    const { refresh_token } = await signIn(url);
    for (const header of [
      `${COOKIE}=`,
      `${COOKIE}`,
      `${COOKIE}=;`,
      `${COOKIE}=; ${COOKIE}=`,
      `x${COOKIE}=${refresh_token}`,
      `refresh_token=${refresh_token}`,
      `x="; ${COOKIE} =${refresh_token}`,
    ]) {
      const headers = { ...OWN_PAGE, Cookie: header };
      expect(wire(await call(`${url}/refresh_token`, { headers }))).toEqual(MISSING_TOKEN);
      expect(wire(await call(`${url}/logout`, { headers }))).toEqual(MISSING_TOKEN);
    }
    const besideEmpty = { ...OWN_PAGE, Cookie: `${COOKIE}=; ${COOKIE}=${refresh_token}` };
    expect(tokenIn(await call(`${url}/refresh_token`, { headers: besideEmpty }))).toMatch(/^rt_/);
  });

  describe('by the rules of every refresh token', () => {
    it('is answered with the same successor to all tabs that come at once', async () => {
      const { url } = running.service;
      const session = await signIn(url);
      const answers = await Promise.all(
        Array.from({ length: PARALLEL }, () => refreshByCookie(url, session.refresh_token)),
      );
      expect(new Set(answers.map((answer) => tokenIn(answer))).size).toBe(1);
    });

    it('is forgiven a lost answer, long after', async () => {
      const { url, clock } = running.service;
      const session = await signIn(url);
      const lost = tokenIn(await refreshByCookie(url, session.refresh_token));
      clock.advance(HOUR);
      const second = tokenIn(await refreshByCookie(url, session.refresh_token));
      expect(second).not.toBe(lost);
      expect((await refreshByCookie(url, second)).status).toBe(200);
    });

    it('ends its session where it comes again after its successor was used', async () => {
      const { url, clock, app } = running.service;
      const session = await signIn(url);
      const second = tokenIn(await refreshByCookie(url, session.refresh_token));
      clock.advance(MINUTE);
      const third = tokenIn(await refreshByCookie(url, second));
      clock.advance(MINUTE);
      expect(wire(await refreshByCookie(url, session.refresh_token))).toEqual(setting(REFUSED, CLEARED));
      expect(await endOf(app, session.session_id)).toMatchObject({ reason: 'reuse' });
      expect(wire(await refreshByCookie(url, third))).toEqual(setting(REFUSED, CLEARED));
    });

    it('may come in the header as well, one request after the other', async () => {
      const { url } = running.service;
      const session = await signIn(url);
      const byCookie = tokenIn(await refreshByCookie(url, session.refresh_token));
      expect((await refreshed(url, session.refresh_token)).refresh_token).toBe(byCookie);
    });
  });

  describe('at the logout', () => {
    it('ends its session, and is taken away', async () => {
      const { url, app, clock } = running.service;
      const session = await signIn(url);
      expect(wire(await logoutByCookie(url, session.refresh_token))).toEqual(setting(NO_CONTENT, CLEARED));
      expect(await endOf(app, session.session_id)).toEqual({ at: clock.now(), reason: 'logout' });
    });

    it('is taken away every time', async () => {
      const { url } = running.service;
      const { refresh_token } = await signIn(url);
      for (const _ of [1, 2]) {
        expect(wire(await logoutByCookie(url, refresh_token))).toEqual(setting(NO_CONTENT, CLEARED));
      }
    });
  });
});

describe('A refresh token in the header', () => {
  const running = serviceForTheSuite('SQLite', WITH_COOKIES);

  it('is answered in the body, and sets no cookie, where cookies are on', async () => {
    const { url } = running.service;
    const session = await signIn(url);
    expectTokensInBody(await refresh(url, session.refresh_token));
    const withOthers = { ...bearer(session.refresh_token), Cookie: `a=b; ${COOKIE}=; x${COOKIE}=c` };
    expectTokensInBody(await call(`${url}/refresh_token`, { headers: withOthers }));
  });

  it('takes no cookie away at the logout', async () => {
    const { url } = running.service;
    const session = await signIn(url);
    const headers = { ...bearer(session.refresh_token), Cookie: 'a=b' };
    expect(wire(await call(`${url}/logout`, { headers }))).toEqual(NO_CONTENT);
  });

  it('is refused without a cookie being taken away', async () => {
    const { url } = running.service;
    expect(wire(await refresh(url, 'forged'))).toEqual(REFUSED);
  });
});

describe('More than one token in a request', () => {
  const running = serviceForTheSuite('SQLite', WITH_COOKIES);

  /** Two sessions, and what must stay as it is: neither is used or ended. */
  async function twoSessions() {
    const { url, app } = running.service;
    const [one, other] = [await signIn(url), await signIn(url)];
    const rows = () => Promise.all([one, other].map(({ session_id }) => sessionRow(app, session_id)));
    return { one: one.refresh_token, other: other.refresh_token, rows };
  }

  it.each<[string, (one: string, other: string) => string]>([
    ['the same token', (one) => `Bearer ${one}`],
    ['another good one', (_, other) => `Bearer ${other}`],
    ['a forged one', () => 'Bearer forged'],
    ['a malformed one', () => 'Bearer a b'],
  ])('is 400 for a cookie beside a header with %s, and uses nothing up', async (_, authorization) => {
    const { url } = running.service;
    const { one, other, rows } = await twoSessions();
    const before = await rows();
    const headers = { ...OWN_PAGE, ...cookie(one), Authorization: authorization(one, other) };
    expect(wire(await call(`${url}/refresh_token`, { headers }))).toEqual(BESIDE_A_HEADER);
    expect(wire(await call(`${url}/logout`, { headers }))).toEqual(BESIDE_A_HEADER);
    expect(await rows()).toEqual(before);
  });

  it.each(['Basic eDp5', 'Bearer', ''])('is read beside a header without a token: %j', async (authorization) => {
    const { url } = running.service;
    const { one } = await twoSessions();
    const headers = { ...OWN_PAGE, ...cookie(one), Authorization: authorization };
    expect((await call(`${url}/refresh_token`, { headers })).status).toBe(200);
    expect((await call(`${url}/logout`, { headers })).status).toBe(204);
  });

  it.each<[string, (one: string, other: string) => string]>([
    ['different', (one, other) => `${COOKIE}=${one}; ${COOKIE}=${other}`],
    ['the same', (one) => `${COOKIE}=${one}; ${COOKIE}=${one}`],
    ['apart', (one, other) => `${COOKIE}=${one}; a=b; ${COOKIE}=${other}; ${COOKIE}=`],
    ['one of them forged', (one) => `${COOKIE}=forged; ${COOKIE}=${one}`],
  ])('is 400 for two cookies of the name that are %s, and uses nothing up', async (_, header) => {
    const { url } = running.service;
    const { one, other, rows } = await twoSessions();
    const before = await rows();
    const headers = { ...OWN_PAGE, Cookie: header(one, other) };
    expect(wire(await call(`${url}/refresh_token`, { headers }))).toEqual(TWO_COOKIES);
    expect(wire(await call(`${url}/logout`, { headers }))).toEqual(TWO_COOKIES);
    expect(await rows()).toEqual(before);
  });

  it('is 400 for two Cookie headers with one each, too', async () => {
    const { url } = running.service;
    const { one, other, rows } = await twoSessions();
    const before = await rows();
    const lines = [`Cookie: ${COOKIE}=${one}`, 'Sec-Fetch-Site: same-origin', `cookie: ${COOKIE}=${other}`];
    expect(wire(await postRaw(`${url}/refresh_token`, lines))).toEqual(TWO_COOKIES);
    expect(await rows()).toEqual(before);
  });

  it('is 400 for a token in the query or the body beside the cookie', async () => {
    const { url } = running.service;
    const { one, other, rows } = await twoSessions();
    const before = await rows();
    const headers = { ...OWN_PAGE, ...cookie(one) };
    expect(wire(await call(`${url}/refresh_token?refresh_token=${other}`, { headers }))).toEqual(
      invalidRequest(`refresh_token: got it in the query, ${IN_HEADER_ONLY}`),
    );
    const inBody = { headers: { ...headers, 'Content-Type': 'application/json' }, body: `{"token":"${other}"}` };
    expect(wire(await call(`${url}/logout`, inBody))).toEqual(
      invalidRequest(`token: got it in the body, ${IN_HEADER_ONLY}`),
    );
    expect(await rows()).toEqual(before);
  });
});

describe('Where cookies are off, as the service comes', () => {
  const running = serviceForTheSuite('SQLite');

  it('a cookie is no token', async () => {
    const { url, app } = running.service;
    const session = await signIn(url);
    const before = await sessionRow(app, session.session_id);
    expect(wire(await refreshByCookie(url, session.refresh_token))).toEqual(MISSING_TOKEN);
    expect(wire(await logoutByCookie(url, session.refresh_token))).toEqual(MISSING_TOKEN);
    expect(await sessionRow(app, session.session_id)).toEqual(before);
  });

  it('a cookie beside the header is nothing to the service, wherever it comes from', async () => {
    const { url } = running.service;
    const { refresh_token } = await signIn(url);
    const headers = {
      ...bearer(refresh_token),
      Cookie: `${COOKIE}=a; ${COOKIE}=b`,
      Origin: 'https://evil.example.com',
      'Sec-Fetch-Site': 'cross-site',
    };
    expectTokensInBody(await call(`${url}/refresh_token`, { headers }));
    expect(wire(await call(`${url}/refresh_token`, { headers: { ...headers, ...bearer('forged') } }))).toEqual(REFUSED);
    expect(wire(await call(`${url}/logout`, { headers }))).toEqual(NO_CONTENT);
  });

  it('no session begins with a cookie', async () => {
    const answer = await postSession(running.service.url, { subject: 'alice' });
    expect(json(answer)).not.toHaveProperty('set_cookie');
    expect(answer.headers).not.toHaveProperty('set-cookie');
  });
});

describe('The cookie', () => {
  it.each<[string, Record<string, string>, string, string]>([
    ['its name', { REFRESH_TOKEN_COOKIE_NAME: 'rt' }, 'rt', 'Strict'],
    ['SameSite=Strict', { REFRESH_TOKEN_COOKIE_SAME_SITE: 'strict' }, COOKIE, 'Strict'],
    ['SameSite=Lax', { REFRESH_TOKEN_COOKIE_SAME_SITE: 'lax' }, COOKIE, 'Lax'],
    ['SameSite=None', { REFRESH_TOKEN_COOKIE_SAME_SITE: 'none' }, COOKIE, 'None'],
    [
      'both',
      { REFRESH_TOKEN_COOKIE_NAME: '__Secure-$!', REFRESH_TOKEN_COOKIE_SAME_SITE: 'none' },
      '__Secure-$!',
      'None',
    ],
  ])('has of the environment %s, wherever it is set or taken away', (_, env, name, sameSite) =>
    withService('SQLite', { ...WITH_COOKIES, ...env }, async ({ url }) => {
      const { refresh_token, set_cookie } = json<IssuedSession & { set_cookie: string }>(
        await postSession(url, { subject: 'alice' }),
      );
      expect(set_cookie).toBe(setCookie(refresh_token, DAYS_30, name, sameSite));
      const headers = { ...OWN_PAGE, ...cookie(refresh_token, name) };
      const answer = await call(`${url}/refresh_token`, { headers });
      const successor = tokenIn(answer, name);
      expect(answer.headers['set-cookie']).toEqual([setCookie(successor, DAYS_30, name, sameSite)]);

      const cleared = setCookie('', 0, name, sameSite);
      const forged = { headers: { ...OWN_PAGE, ...cookie('forged', name) } };
      expect(wire(await call(`${url}/refresh_token`, forged))).toEqual(setting(REFUSED, cleared));
      expect(wire(await call(`${url}/logout`, { headers }))).toEqual(setting(NO_CONTENT, cleared));
    }),
  );

  it('with another name is the only one that counts', () =>
    withService('SQLite', { ...WITH_COOKIES, REFRESH_TOKEN_COOKIE_NAME: 'rt' }, async ({ url }) => {
      const { refresh_token } = await signIn(url);
      expect(wire(await refreshByCookie(url, refresh_token))).toEqual(MISSING_TOKEN);
      const both = { ...OWN_PAGE, Cookie: `${COOKIE}=forged; rt=${refresh_token}` };
      expect((await call(`${url}/refresh_token`, { headers: both })).status).toBe(200);
    }));
});

describe('A session that begins where cookies are on', () => {
  const running = serviceForTheSuite('SQLite', WITH_COOKIES);

  it('comes with a header for the backend to hand on, after all that comes without', async () => {
    const { url } = running.service;
    const answer = await postSession(url, { subject: 'alice' });
    const { set_cookie, ...session } = json<IssuedSession & { set_cookie: string }>(answer);
    expect(session).toEqual({
      session_id: expect.stringMatching(ID),
      subject: 'alice',
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3_600,
      refresh_token: expect.stringMatching(/^rt_/),
      refresh_expires_in: DAYS_30,
    });
    expect(set_cookie).toBe(setCookie(session.refresh_token, DAYS_30));
    // The backend's own answer is what the browser sees.
    expect(wire(answer)).toEqual(jsonAnswer(201, JSON.stringify({ ...session, set_cookie })));
  });

  it('is refreshed and ended by a browser that was sent that header', async () => {
    const { url, app } = running.service;
    const { session_id, set_cookie } = json<IssuedSession & { set_cookie: string }>(
      await postSession(url, { subject: 'alice' }),
    );
    const [sentBack = ''] = set_cookie.split(';');
    const headers = { ...OWN_PAGE, Cookie: sentBack };
    const answer = await call(`${url}/refresh_token`, { headers });
    expect(answer.status).toBe(200);
    expect(wire(await logoutByCookie(url, tokenIn(answer)))).toEqual(setting(NO_CONTENT, CLEARED));
    expect(await endOf(app, session_id)).toMatchObject({ reason: 'logout' });
  });
});
