import { describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { IssuedSession } from 'nest-refresh-token';
import { AccessTokenIssuer } from '../../src/auth/access-token/access-token.issuer.js';
import { SessionStore } from '../../src/auth/session/session.store.js';
import {
  CLEARED,
  COOKIE,
  cookie,
  logoutByCookie,
  OWN_PAGE,
  refreshByCookie,
  setting,
  tokenIn,
  WITH_COOKIES,
} from '../support/http/cookies.js';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { whileNothingEnds } from '../support/databases/failing-writes.js';
import { bearer, call, refresh, refreshed, signIn, type Answer } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { refusedTokens, REFUSING } from '../support/http/refused-tokens.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import type { TestService } from '../support/servers/service.js';
import { endOf, loseSession, restoreSession, sessionRow } from '../support/databases/session-rows.js';
import { MINUTE } from '../support/test-clock.js';
import {
  invalidRequest,
  MISSING_TOKEN,
  NO_CONTENT,
  NOT_WHAT_ITS_TYPE_SAYS,
  REFUSED,
  SERVER_ERROR,
  TOO_LARGE,
  UNAVAILABLE,
  wire,
  type Wire,
} from '../support/http/wire.js';

const FOREIGN_PAGE = { Origin: 'https://evil.example.com', 'Sec-Fetch-Site': 'cross-site' };
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };
const JSON_BODY = { 'Content-Type': 'application/json' };

/** `POST` with the cookie of a page of the service's own, but for what is given. */
function post(url: string, token: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> {
  return call(url, { headers: { ...cookie(token), ...OWN_PAGE, ...headers }, body });
}

describe('A cookie whose token is refused', () => {
  const running = serviceForTheSuite('SQLite', { ...WITH_COOKIES, ...REFUSING });

  it.each(Object.entries(refusedTokens))(
    'is taken away, once, with the answer of every refusal: %s',
    async (_, make) => {
      const { service } = running;
      const { token, reason } = await make(service);
      const before = service.log.length;
      expect(wire(await refreshByCookie(service.url, token))).toEqual(setting(REFUSED, CLEARED));
      expect(eventsIn(service.log.slice(before), 'refresh.refused')).toMatchObject([{ reason }]);
      // The same the second time.
      expect(wire(await refreshByCookie(service.url, token))).toEqual(setting(REFUSED, CLEARED));
    },
  );

  it.each(Object.entries(refusedTokens))('is taken away at the logout, which tells nothing: %s', async (_, make) => {
    const { service } = running;
    const { token } = await make(service);
    expect(wire(await logoutByCookie(service.url, token))).toEqual(setting(NO_CONTENT, CLEARED));
  });

  it.each(Object.entries(refusedTokens))('is not touched where the header had that token: %s', async (_, make) => {
    const { service } = running;
    const { token } = await make(service);
    const headers = { ...bearer(token), ...OWN_PAGE, Cookie: `a=b; ${COOKIE}=` };
    expect(wire(await call(`${service.url}/refresh_token`, { headers }))).toEqual(REFUSED);
    expect(wire(await call(`${service.url}/logout`, { headers }))).toEqual(NO_CONTENT);
  });

  it.each(['%00', '"quoted"', 'rt_%2B', 'é', 'a\tb', '=', ','])(
    'is taken away where it has what no token has: %j',
    async (value) => {
      const { url } = running.service;
      expect(wire(await refreshByCookie(url, value))).toEqual(setting(REFUSED, CLEARED));
    },
  );
});

describe('A good cookie', () => {
  const running = serviceForTheSuite('SQLite', WITH_COOKIES);

  /** Sends a good cookie, which is neither used nor taken away. @returns the answer */
  async function expectKept(send: (url: string, session: IssuedSession) => Promise<Answer>, expected: Wire) {
    const { url, app } = running.service;
    const session = await signIn(url);
    const before = await sessionRow(app, session.session_id);
    // Exactly these headers: no Set-Cookie.
    expect(wire(await send(url, session))).toEqual(expected);
    expect(await sessionRow(app, session.session_id)).toEqual(before);
    expect((await refreshByCookie(url, session.refresh_token)).status).toBe(200);
  }

  describe.each(['refresh_token', 'logout'])('is kept by an error at /%s:', (path) => {
    it('400, a body that is not what its type says', () =>
      expectKept(
        (url, { refresh_token }) => post(`${url}/${path}`, refresh_token, JSON_BODY, '{"'),
        NOT_WHAT_ITS_TYPE_SAYS,
      ));

    it('400, another token', () =>
      expectKept(
        (url, { refresh_token }) => post(`${url}/${path}?token=x`, refresh_token),
        invalidRequest('token: got it in the query, takes a token in the Authorization header only.'),
      ));

    it('400, a refused token in the body', () =>
      expectKept(
        (url, { refresh_token }) => post(`${url}/${path}`, refresh_token, FORM, 'refresh_token=forged'),
        invalidRequest('refresh_token: got it in the body, takes a token in the Authorization header only.'),
      ));

    it('403, a page that may not', async () => {
      const { url } = running.service;
      const session = await signIn(url);
      const answer = await post(`${url}/${path}`, session.refresh_token, FOREIGN_PAGE);
      expect(answer.status).toBe(403);
      expect(answer.headers).not.toHaveProperty('set-cookie');
      expect((await refreshByCookie(url, session.refresh_token)).status).toBe(200);
    });

    it('413, a body that is too large', () =>
      expectKept(
        (url, { refresh_token }) => post(`${url}/${path}`, refresh_token, {}, ' '.repeat(32 * 1_024 + 1)),
        TOO_LARGE,
      ));

    it('503, a session that was lost', async () => {
      const { url, app } = running.service;
      const session = await signIn(url);
      const row = await sessionRow(app, session.session_id);
      await loseSession(app, session.session_id);
      expect(wire(await post(`${url}/${path}`, session.refresh_token))).toEqual(UNAVAILABLE);
      await restoreSession(app, row);
      expect((await refreshByCookie(url, session.refresh_token)).status).toBe(200);
    });
  });

  it('that is not there is 401 missing_token, and nothing is taken away', async () => {
    const { url } = running.service;
    for (const headers of [{}, OWN_PAGE, FOREIGN_PAGE, { Cookie: 'a=b' }]) {
      expect(wire(await call(`${url}/refresh_token`, { headers }))).toEqual(MISSING_TOKEN);
      expect(wire(await call(`${url}/logout`, { headers }))).toEqual(MISSING_TOKEN);
    }
  });

  it('is kept by a bug: 500', async () => {
    const { url, app } = running.service;
    const session = await signIn(url);
    const failing = jest.spyOn(app.get(AccessTokenIssuer), 'issue').mockImplementationOnce(() => {
      throw new TypeError('a bug');
    });
    expect(wire(await refreshByCookie(url, session.refresh_token))).toEqual(SERVER_ERROR);
    failing.mockRestore();
    expect((await refreshByCookie(url, session.refresh_token)).status).toBe(200);
  });

  it('is kept by a bug at the logout: 500, and the session is not told to be over', async () => {
    const { url, app } = running.service;
    const session = await signIn(url);
    const failing = jest.spyOn(app.get(SessionStore), 'end').mockRejectedValueOnce(new TypeError('a bug'));
    expect(wire(await logoutByCookie(url, session.refresh_token))).toEqual(SERVER_ERROR);
    failing.mockRestore();
    expect((await refreshByCookie(url, session.refresh_token)).status).toBe(200);
  });

  it('is no token of the other endpoints, which leave it alone', async () => {
    const { url } = running.service;
    const { refresh_token, access_token } = await signIn(url);
    const form = { ...FORM, ...cookie(refresh_token), ...OWN_PAGE };
    const body = 'grant_type=refresh_token';
    const without = await call(`${url}/oauth/token`, { headers: form, body });
    expect([without.status, without.headers['set-cookie']]).toEqual([400, undefined]);
    const forged = await call(`${url}/oauth/token`, { headers: form, body: `${body}&refresh_token=forged` });
    expect([forged.status, forged.text, forged.headers['set-cookie']]).toEqual([
      400,
      '{"error":"invalid_grant"}',
      undefined,
    ]);

    for (const page of [OWN_PAGE, FOREIGN_PAGE]) {
      const headers = { ...cookie(refresh_token), ...page };
      const byCookie = await call(`${url}/sessions`, { method: 'GET', headers });
      expect([byCookie.status, byCookie.headers['set-cookie']]).toEqual([401, undefined]);
      const both = await call(`${url}/sessions`, { method: 'GET', headers: { ...headers, ...bearer(access_token) } });
      expect([both.status, both.headers['set-cookie']]).toEqual([200, undefined]);
    }
    expect((await refreshByCookie(url, refresh_token)).status).toBe(200);
  });
});

describeOnEachDatabase('While the database fails, a cookie', (databaseName) => {
  const running = serviceForTheSuite(databaseName, WITH_COOKIES);

  async function whileTheTableIsAway(app: TestService['app'], work: () => Promise<void>): Promise<void> {
    const database = app.get(DataSource);
    await database.query('ALTER TABLE refresh_token_sessions RENAME TO elsewhere');
    try {
      await work();
    } finally {
      await database.query('ALTER TABLE elsewhere RENAME TO refresh_token_sessions');
    }
  }

  it('is kept: 503 at the refresh and at the logout, and afterwards it is as good as before', async () => {
    const { url, app } = running.service;
    const session = await signIn(url);
    await whileTheTableIsAway(app, async () => {
      expect(wire(await refreshByCookie(url, session.refresh_token))).toEqual(UNAVAILABLE);
      expect(wire(await logoutByCookie(url, session.refresh_token))).toEqual(UNAVAILABLE);
    });
    const successor = tokenIn(await refreshByCookie(url, session.refresh_token));
    expect(wire(await logoutByCookie(url, successor))).toEqual(setting(NO_CONTENT, CLEARED));
  });

  it('that is forged is taken away all the same: it takes no database to see that', async () => {
    const { url, app } = running.service;
    await whileTheTableIsAway(app, async () => {
      expect(wire(await refreshByCookie(url, 'forged'))).toEqual(setting(REFUSED, CLEARED));
      expect(wire(await logoutByCookie(url, 'forged'))).toEqual(setting(NO_CONTENT, CLEARED));
    });
  });

  it('that is reused is kept until the end of its session is committed', async () => {
    const { url, app, clock } = running.service;
    const session = await signIn(url);
    const second = await refreshed(url, session.refresh_token);
    clock.advance(MINUTE);
    await refreshed(url, second.refresh_token);
    clock.advance(MINUTE);
    await whileNothingEnds(app, async () => {
      expect(wire(await refreshByCookie(url, session.refresh_token))).toEqual(UNAVAILABLE);
    });
    expect(await endOf(app, session.session_id)).toBeNull();
    expect(wire(await refreshByCookie(url, session.refresh_token))).toEqual(setting(REFUSED, CLEARED));
    expect(await endOf(app, session.session_id)).toEqual({ at: clock.now(), reason: 'reuse' });
  });

  it('of the header and of the cookie are the same session', async () => {
    const { url } = running.service;
    const session = await signIn(url);
    await logoutByCookie(url, session.refresh_token);
    expect(wire(await refresh(url, session.refresh_token))).toEqual(REFUSED);
  });
});
