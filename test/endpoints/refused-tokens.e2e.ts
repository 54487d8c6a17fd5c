import { describe, expect, it } from '@jest/globals';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { bearer, call, refresh, signIn } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { refusedTokens, REFUSING } from '../support/http/refused-tokens.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { REFUSED, wire } from '../support/http/wire.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describeOnEachDatabase('a token that is not good', (databaseName) => {
  const running = serviceForTheSuite(databaseName, REFUSING);

  it.each(Object.entries(refusedTokens))(
    'is refused with the same bytes as every other, and logged once: %s',
    async (_, make) => {
      const { service } = running;
      const { token, reason, session } = await make(service);
      const before = service.log.length;

      const answer = await refresh(service.url, token);

      expect(wire(answer)).toEqual(REFUSED);
      const entries = service.log.slice(before);
      expect(eventsIn(entries, 'refresh.refused')).toEqual([
        {
          event: 'refresh.refused',
          reason,
          ...(session && { session_id: session.session_id }),
          request_id: expect.stringMatching(UUID),
        },
      ]);
      // What the refusal did to the session, if anything, is another line.
      const did = reason === 'reuse' ? ['session.ended', 'session.reuse_detected'] : [];
      expect(did.flatMap((event) => eventsIn(entries, event))).toHaveLength(did.length);
      expect(entries).toHaveLength(1 + did.length);
    },
  );

  it('every one of them is refused with the same bytes the second time', async () => {
    const { service } = running;
    for (const make of Object.values(refusedTokens)) {
      const { token } = await make(service);
      await refresh(service.url, token);
      expect(wire(await refresh(service.url, token))).toEqual(REFUSED);
    }
  });
});

describe('the request id of a refusal', () => {
  const running = serviceForTheSuite('SQLite');

  async function loggedRequestId(requestId: string | string[]): Promise<unknown> {
    const { url, log } = running.service;
    const before = log.length;
    await call(`${url}/refresh_token`, { headers: { ...bearer('x'), 'X-Request-Id': requestId } });
    return eventsIn(log.slice(before), 'refresh.refused')[0]?.['request_id'];
  }

  it.each(['7', 'abc-123', '4bf92f35-77b3-4da6-a3ce-929d0e0e4736', 'A'.repeat(48)])(
    "is the client's own where it is harmless: %s",
    async (given) => {
      expect(await loggedRequestId(given)).toBe(given);
    },
  );

  it.each(['', ' ', 'a b', 'a_b', 'a.b', '{"event":"x"}', 'ä', '<script>', 'A'.repeat(49), '\u{1B}[31m'.slice(1)])(
    'is a new one for each request where it is not: %j',
    async (given) => {
      const [first, second] = [await loggedRequestId(given), await loggedRequestId(given)];
      expect(first).toMatch(UUID);
      expect(second).toMatch(UUID);
      expect(first).not.toBe(second);
    },
  );

  it('is never a token', async () => {
    const session = await signIn(running.service.url);
    for (const token of [session.refresh_token, session.refresh_token.slice(3), session.access_token]) {
      expect(await loggedRequestId(token)).toMatch(UUID);
      expect(await loggedRequestId(['a', token])).toMatch(UUID);
    }
  });

  it('is nothing that the client is told', async () => {
    const { url } = running.service;
    const answer = await call(`${url}/refresh_token`, { headers: { ...bearer('x'), 'X-Request-Id': 'abc-123' } });
    expect(wire(answer)).toEqual(REFUSED);
  });
});
