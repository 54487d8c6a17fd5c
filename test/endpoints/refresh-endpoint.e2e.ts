import { describe, expect, it, jest } from '@jest/globals';
import type { TokenResponse } from 'nest-refresh-token';
import { AccessTokenIssuer } from '../../src/auth/access-token/access-token.issuer.js';
import { SessionStore } from '../../src/auth/session/session.store.js';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { bearer, call, json, refresh, refreshed, signIn } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { RawConnection } from '../support/http/raw-http.js';
import { serviceForEachTest, withService } from '../support/servers/running-service.js';
import { DAY, HOUR, MINUTE, SECOND } from '../support/test-clock.js';
import { json as jsonAnswer, NOT_FOUND, REFUSED, SERVER_ERROR, UNAVAILABLE, wire } from '../support/http/wire.js';
import { DEADLINE } from '../support/time.js';

describeOnEachDatabase('a good refresh token', (databaseName) => {
  it('is answered with exactly the five fields, in their order', () =>
    withService(databaseName, {}, async ({ url, log }) => {
      const session = await signIn(url);

      const answer = await refresh(url, session.refresh_token);

      const tokens = json<TokenResponse>(answer);
      expect(tokens).toEqual({
        access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]{86}$/),
        token_type: 'Bearer',
        expires_in: 3_600,
        refresh_token: expect.stringMatching(/^rt_[\w-]{60}$/),
        refresh_expires_in: 30 * 86_400,
      });
      const { access_token, token_type, expires_in, refresh_token, refresh_expires_in } = tokens;
      const inOrder = JSON.stringify({ access_token, token_type, expires_in, refresh_token, refresh_expires_in });
      expect(wire(answer)).toEqual(jsonAnswer(200, inOrder));
      expect(refresh_token).not.toBe(session.refresh_token);
      expect(eventsIn(log, 'refresh.refused')).toEqual([]);
    }));

  it('may be the first one for as long as the session lives', () =>
    withService(databaseName, { REFRESH_TOKEN_ABSOLUTE_TTL: '100d' }, async ({ url, clock }) => {
      const { refresh_token: first } = await signIn(url);
      for (const _ of [1, 2, 3, 4]) {
        clock.advance(24 * DAY);
        expect(await refreshed(url, first)).toMatchObject({ expires_in: 3_600 });
      }
      clock.advance(4 * DAY - 1);
      expect((await refresh(url, first)).status).toBe(200);
      clock.advance(1);
      expect(wire(await refresh(url, first))).toEqual(REFUSED);
    }));

  it('is told lives that count down, and never past the absolute end', () =>
    withService(databaseName, { REFRESH_TOKEN_ABSOLUTE_TTL: '2h' }, async ({ url, clock }) => {
      const first = await signIn(url);
      expect(first).toMatchObject({ expires_in: 3_600, refresh_expires_in: 7_200 });

      clock.advance(HOUR);
      const second = await refreshed(url, first.refresh_token);
      expect(second).toMatchObject({ expires_in: 3_600, refresh_expires_in: 3_600 });
      clock.advance(5 * SECOND);
      const again = await refreshed(url, first.refresh_token);
      expect(again).toMatchObject({ expires_in: 3_595, refresh_expires_in: 3_595 });
      expect(again.refresh_token).toBe(second.refresh_token);

      clock.advance(54 * MINUTE);
      const third = await refreshed(url, second.refresh_token);
      expect(third).toMatchObject({ expires_in: 355, refresh_expires_in: 355 });
      clock.advance(355 * SECOND - 1);
      expect(await refreshed(url, third.refresh_token)).toMatchObject({ expires_in: 0, refresh_expires_in: 0 });
    }));

  it('is told how long the successor lives where it is not used', () =>
    withService(databaseName, { REFRESH_TOKEN_IDLE_TTL: '30m' }, async ({ url, clock }) => {
      const first = await signIn(url);
      expect(first).toMatchObject({ expires_in: 1_800, refresh_expires_in: 1_800 });

      clock.advance(20 * MINUTE);
      const second = await refreshed(url, first.refresh_token);
      expect(second).toMatchObject({ expires_in: 1_800, refresh_expires_in: 1_800 });

      clock.advance(30 * MINUTE - 1);
      const third = await refreshed(url, second.refresh_token);
      clock.advance(30 * MINUTE);
      expect(wire(await refresh(url, third.refresh_token))).toEqual(REFUSED);
    }));
});

describe('other requests to the refresh endpoint', () => {
  const running = serviceForEachTest('SQLite');

  it.each(['GET', 'PUT', 'PATCH', 'DELETE'])('%s is not there', async (method) => {
    const { url } = running.service;
    const { refresh_token: token } = await signIn(url);
    const answer = await call(`${url}/refresh_token?token=${token}`, { method, headers: bearer(token) });
    expect(wire(answer)).toEqual(NOT_FOUND);
  });

  it('HEAD is not there either', async () => {
    const { url } = running.service;
    const { refresh_token: token } = await signIn(url);
    const answer = await call(`${url}/refresh_token`, { method: 'HEAD', headers: bearer(token) });
    expect(wire(answer)).toEqual({ ...NOT_FOUND, text: '' });
  });

  it('no answer to OPTIONS may be kept by a cache', async () => {
    const { headers } = await call(`${running.service.url}/refresh_token`, { method: 'OPTIONS' });
    expect(headers['cache-control']).toBe('no-store');
  });

  it('a path that is not there is told back to nobody', async () => {
    const { url, log } = running.service;
    const { refresh_token: token } = await signIn(url);
    for (const path of [`/${token}`, `/refresh_token/${token}`, `/nothing?token=${token}`, `/%ff${token}`]) {
      expect(wire(await call(url + path))).toEqual(NOT_FOUND);
    }
    expect(log.join('\n')).not.toContain(token);
  });
});

describe('when the service itself fails', () => {
  const running = serviceForEachTest('SQLite');

  it('a bug is 500 without any detail; the log has it, under the request id', async () => {
    const { url, app, log } = running.service;
    const session = await signIn(url);
    jest.spyOn(app.get(AccessTokenIssuer), 'issue').mockImplementation(() => {
      throw new TypeError('a private detail');
    });

    const headers = { ...bearer(session.refresh_token), 'X-Request-Id': 'bug-1' };
    const answer = await call(`${url}/refresh_token`, { headers });

    expect(wire(answer)).toEqual(SERVER_ERROR);
    expect(eventsIn(log, 'request.failed')).toEqual([
      { event: 'request.failed', cause: expect.stringContaining('a private detail'), request_id: 'bug-1' },
    ]);
  });

  it('a handler over its deadline is 503, its late successor is never sent, and the connection goes on', async () => {
    const { url, app, log } = running.service;
    const session = await signIn(url);
    const store = app.get(SessionStore);
    const rotate = store.rotate.bind(store);
    let wakeUp: () => void = () => undefined;
    const awake = new Promise<void>((resolve) => (wakeUp = resolve));
    const hanging = jest.spyOn(store, 'rotate').mockImplementationOnce(async (...row) => {
      await awake;
      return rotate(...row);
    });
    const headers = [`Authorization: Bearer ${session.refresh_token}`];
    const connection = await RawConnection.open(url);

    const startedAt = performance.now();
    const answer = await connection.post('/refresh_token', headers);
    const took = performance.now() - startedAt;

    expect(wire(answer)).toEqual(UNAVAILABLE);
    expect(took).toBeGreaterThan(4_900);
    expect(took).toBeLessThan(DEADLINE);
    expect(eventsIn(log, 'request.unavailable')).toEqual([
      { event: 'request.unavailable', reason: 'deadline', request_id: expect.any(String) },
    ]);

    wakeUp();
    const late = await hanging.mock.results[0]?.value;
    const next = await connection.post('/refresh_token', headers);
    expect(late).toMatchObject({ isRotated: true, session: { id: session.session_id } });
    expect(next.status).toBe(200);
    expect(connection.unread).toBe('');
    connection.close();
  });
});

describe('Retry-After', () => {
  // Under revoke the client must be back before the leeway of a mint it may have missed, up to 5 s ago, is over.
  it.each([
    ['forgive', '10s', '5'],
    ['forgive', '0', '5'],
    ['revoke', '5m', '5'],
    ['revoke', '10s', '4'],
    ['revoke', '8s', '2'],
    ['revoke', '3s', '1'],
    ['revoke', '1s', '0'],
  ])('under %s with a leeway of %s is %s', (lostResponse, leeway, seconds) =>
    withService(
      'SQLite',
      { REFRESH_TOKEN_LOST_RESPONSE: lostResponse, REFRESH_TOKEN_LEEWAY: leeway },
      async ({ url, app }) => {
        const session = await signIn(url);
        jest.spyOn(app.get(SessionStore), 'rotate').mockResolvedValue(undefined);
        jest.spyOn(app.get(SessionStore), 'find').mockResolvedValue(undefined);

        const answer = await refresh(url, session.refresh_token);

        expect(wire(answer)).toEqual({ ...UNAVAILABLE, headers: { ...UNAVAILABLE.headers, 'retry-after': seconds } });
      },
    ),
  );
});
