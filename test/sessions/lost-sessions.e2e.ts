import { describe, expect, it } from '@jest/globals';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { bearer, call, refresh, refreshed, signIn } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { withService } from '../support/servers/running-service.js';
import { loseSession, restoreSession, sessionRow } from '../support/databases/session-rows.js';
import { DAY, HOUR, MINUTE } from '../support/test-clock.js';
import { REFUSED, UNAVAILABLE, wire } from '../support/http/wire.js';

describeOnEachDatabase('an authentic token without a row', (databaseName) => {
  it('is our loss: 503, told apart in the log, and nothing is made up in its place', () =>
    withService(databaseName, {}, async ({ url, app, log }) => {
      const { refresh_token, session_id } = await signIn(url);
      await loseSession(app, session_id);

      const headers = { ...bearer(refresh_token), 'X-Request-Id': 'lost-1' };
      expect(wire(await call(`${url}/refresh_token`, { headers }))).toEqual(UNAVAILABLE);

      expect(eventsIn(log, 'session_lost')).toEqual([{ event: 'session_lost', session_id }]);
      expect(eventsIn(log, 'request.unavailable')).toEqual([
        { event: 'request.unavailable', reason: 'session_lost', cause: undefined, request_id: 'lost-1' },
      ]);
      expect(eventsIn(log, 'refresh.refused')).toEqual([]);
      expect(await sessionRow(app, session_id)).toBeNull();
    }));

  it('works again when its row comes back', () =>
    withService(databaseName, {}, async ({ url, app }) => {
      const { refresh_token, session_id } = await signIn(url);
      const row = await sessionRow(app, session_id);
      await loseSession(app, session_id);
      expect(wire(await refresh(url, refresh_token))).toEqual(UNAVAILABLE);
      await restoreSession(app, row);
      expect(await refreshed(url, refresh_token)).toMatchObject({ token_type: 'Bearer' });
    }));

  it('is refused once the operator has accepted the loss', () =>
    withService(databaseName, { LOST_SESSIONS: 'refuse' }, async ({ url, app, log }) => {
      const { refresh_token, session_id } = await signIn(url);
      await loseSession(app, session_id);
      expect(wire(await refresh(url, refresh_token))).toEqual(REFUSED);
      expect(eventsIn(log, 'refresh.refused')).toEqual([
        { event: 'refresh.refused', reason: 'unknown_session', session_id, request_id: expect.any(String) },
      ]);
      expect(eventsIn(log, 'session_lost')).toEqual([]);
      expect(await sessionRow(app, session_id)).toBeNull();
    }));
});

describe('a token without a row', () => {
  it.each([
    ['the absolute life where nothing else is said', { REFRESH_TOKEN_ABSOLUTE_TTL: '60d' }, 60 * DAY],
    ['SESSION_RETENTION, shorter', { SESSION_RETENTION: '3h', REFRESH_TOKEN_ABSOLUTE_TTL: '60d' }, 3 * HOUR],
    ['SESSION_RETENTION, longer', { SESSION_RETENTION: '90d', REFRESH_TOKEN_ABSOLUTE_TTL: '60d' }, 90 * DAY],
  ])('is refused when its row may have been purged: after %s', (_, env, retention) =>
    withService('SQLite', env, async ({ url, app, clock, log }) => {
      const { refresh_token, session_id } = await signIn(url);
      await loseSession(app, session_id);

      clock.advance(retention - 1);
      expect(wire(await refresh(url, refresh_token))).toEqual(UNAVAILABLE);
      clock.advance(1);
      expect(wire(await refresh(url, refresh_token))).toEqual(REFUSED);
      expect(eventsIn(log, 'refresh.refused')).toMatchObject([{ reason: 'unknown_session', session_id }]);
    }),
  );

  it('has its retention counted from itself: a later token of the session counts from later', () =>
    withService('SQLite', { SESSION_RETENTION: '1h' }, async ({ url, app, clock }) => {
      const first = await signIn(url);
      clock.advance(30 * MINUTE);
      const second = await refreshed(url, first.refresh_token);
      await loseSession(app, first.session_id);

      clock.advance(30 * MINUTE);
      expect(wire(await refresh(url, first.refresh_token))).toEqual(REFUSED);
      expect(wire(await refresh(url, second.refresh_token))).toEqual(UNAVAILABLE);
      clock.advance(30 * MINUTE);
      expect(wire(await refresh(url, second.refresh_token))).toEqual(REFUSED);
    }));

  it('is always refused where it is forged', () =>
    withService('SQLite', {}, async ({ url, app }) => {
      const { refresh_token, session_id } = await signIn(url);
      await loseSession(app, session_id);
      const last = refresh_token.endsWith('A') ? 'B' : 'A';
      expect(wire(await refresh(url, refresh_token.slice(0, -1) + last))).toEqual(REFUSED);
    }));
});
