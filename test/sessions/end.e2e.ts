import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { AccessTokenVerifier, type IssuedSession } from 'nest-refresh-token';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { bearer, call, json, logout, refresh, refreshed, signIn } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { ISSUER, SERVICE_KEY, type TestService } from '../support/servers/service.js';
import { deleteSessions, ended, getSessions, idsOf } from '../support/http/session-calls.js';
import { endOf, sessionRow } from '../support/databases/session-rows.js';
import { DAY, MINUTE } from '../support/test-clock.js';
import { INVALID_TOKEN, invalidRequest, NO_CONTENT, NOT_FOUND, REFUSED, wire } from '../support/http/wire.js';

const SUBJECT_MISSING = invalidRequest("subject: got nothing, takes the user's id.");
const SUBJECT_GIVEN = invalidRequest('subject: got one with an access token, which takes its own.');
const BAD_EXCEPT = invalidRequest('except: got something else, takes current, with an access token.');

describeOnEachDatabase('DELETE /sessions', (databaseName) => {
  const running = serviceForTheSuite(databaseName);
  let service: TestService;
  let url: string;
  /** Three sessions of one user. */
  let own: IssuedSession;
  let second: IssuedSession;
  let third: IssuedSession;
  /** Another user's. */
  let other: IssuedSession;
  let count = 0;

  beforeEach(async () => {
    ({ service } = running);
    ({ url } = service);
    count += 1;
    own = await signIn(url, `user ${count}`);
    second = await signIn(url, `user ${count}`);
    third = await signIn(url, `user ${count}`);
    other = await signIn(url, `other ${count}`);
    // So that it isn't within the leeway of a login.
    service.clock.advance(MINUTE);
  });

  const row = (session: IssuedSession) => sessionRow(service.app, session.session_id);

  /** Whether the session goes on, for whoever has its refresh token. */
  async function isAlive({ refresh_token }: IssuedSession): Promise<boolean> {
    const answer = await refresh(url, refresh_token);
    if (answer.status !== 200) expect(wire(answer)).toEqual(REFUSED);
    return answer.status === 200;
  }

  async function alive(): Promise<boolean[]> {
    return Promise.all([own, second, third, other].map(isAlive));
  }

  /** The endings in the log, as session and reason. */
  function endings(): unknown[][] {
    const sessions = new Set([own, second, third, other].map(({ session_id }) => session_id));
    return eventsIn(service.log, 'session.ended')
      .filter(({ session_id }) => sessions.has(String(session_id)))
      .map(({ session_id, subject, reason }) => [session_id, subject, reason]);
  }

  describe('/:id', () => {
    it("ends one of a user's own, and no other", async () => {
      expect(wire(await deleteSessions(url, own.access_token, `/${second.session_id}`))).toEqual(NO_CONTENT);

      expect(await endOf(service.app, second.session_id)).toEqual({ at: service.clock.now(), reason: 'user' });
      expect(endings()).toEqual([[second.session_id, own.subject, 'user']]);
      expect(await idsOf(url, own.subject)).not.toContain(second.session_id);
      expect(await alive()).toEqual([true, false, true, true]);
    });

    it('is 204 again, and changes nothing', async () => {
      await deleteSessions(url, own.access_token, `/${second.session_id}`);
      const before = await row(second);
      service.clock.advance(MINUTE);

      expect(wire(await deleteSessions(url, own.access_token, `/${second.session_id}`))).toEqual(NO_CONTENT);
      expect(wire(await deleteSessions(url, SERVICE_KEY, `/${second.session_id}`))).toEqual(NO_CONTENT);
      expect(await row(second)).toEqual(before);
      expect(endings().length).toBe(1);
    });

    it('is 204 for one that ended otherwise: by a logout, by itself', async () => {
      await logout(url, second.refresh_token);
      const before = await row(second);
      expect(wire(await deleteSessions(url, own.access_token, `/${second.session_id}`))).toEqual(NO_CONTENT);
      expect(await row(second)).toEqual(before);

      service.clock.advance(31 * DAY);
      const { access_token } = await signIn(url, own.subject);
      expect(wire(await deleteSessions(url, access_token, `/${third.session_id}`))).toEqual(NO_CONTENT);
    });

    it('ends the one that asks', async () => {
      const path = `/${own.session_id}`;
      expect(wire(await deleteSessions(url, own.access_token, path))).toEqual(NO_CONTENT);
      expect(wire(await deleteSessions(url, own.access_token, path))).toEqual(INVALID_TOKEN);
      expect(await alive()).toEqual([false, true, true, true]);
    });

    it("is 404 for another's, which is left alone, be it alive or ended", async () => {
      const before = await row(other);
      expect(wire(await deleteSessions(url, own.access_token, `/${other.session_id}`))).toEqual(NOT_FOUND);
      expect(await row(other)).toEqual(before);
      expect(endings()).toEqual([]);

      await deleteSessions(url, other.access_token, `/${other.session_id}`);
      expect(wire(await deleteSessions(url, own.access_token, `/${other.session_id}`))).toEqual(NOT_FOUND);
      expect(await alive()).toEqual([true, true, true, false]);
    });

    it('is 404 for one that never was, and for what is no id', async () => {
      const { session_id: id } = own;
      const strangers = [
        randomUUID(),
        '00000000-0000-0000-0000-000000000000',
        'x',
        'current',
        'undefined',
        '*',
        '%25',
        '%ZZ',
        '%ff',
        '%00',
        '%20',
        `${id}%20`,
        `${id}0`,
        id.slice(0, -1),
        id.replaceAll('-', ''),
        `%7B${id}%7D`,
        `urn:uuid:${id}`,
        `${id},${second.session_id}`,
        `${id}/x`,
        `/${id}`,
        "'%20OR%201=1%20--",
        '9'.repeat(5_000),
      ];
      for (const credential of [own.access_token, SERVICE_KEY]) {
        for (const stranger of strangers) {
          const answer = wire(await deleteSessions(url, credential, `/${stranger}`));
          expect([stranger, answer]).toEqual([stranger, NOT_FOUND]);
        }
      }
      expect(await alive()).toEqual([true, true, true, true]);
    });

    it('is 404, and not all of them, where the id is empty', async () => {
      for (const rest of ['/', '//', '/?', '/?except=current', `/?subject=${encodeURIComponent(own.subject)}`]) {
        for (const credential of [own.access_token, SERVICE_KEY]) {
          const answer = wire(await deleteSessions(url, credential, rest));
          expect([rest, answer]).toEqual([rest, NOT_FOUND]);
        }
      }
      expect(await alive()).toEqual([true, true, true, true]);
    });

    it('takes the id in upper case', async () => {
      const path = `/${second.session_id.toUpperCase()}`;
      expect(path).not.toBe(`/${second.session_id}`);
      expect(wire(await deleteSessions(url, own.access_token, path))).toEqual(NO_CONTENT);
      expect(wire(await deleteSessions(url, own.access_token, path))).toEqual(NO_CONTENT);
      expect(wire(await deleteSessions(url, SERVICE_KEY, `/${third.session_id.toUpperCase()}`))).toEqual(NO_CONTENT);
      expect(await alive()).toEqual([true, false, false, true]);
    });

    it("ends anybody's with a service key", async () => {
      expect(wire(await deleteSessions(url, SERVICE_KEY, `/${second.session_id}`))).toEqual(NO_CONTENT);
      expect(wire(await deleteSessions(url, SERVICE_KEY, `/${other.session_id}`))).toEqual(NO_CONTENT);

      expect(endings()).toEqual([
        [second.session_id, own.subject, 'service'],
        [other.session_id, other.subject, 'service'],
      ]);
      expect(await endOf(service.app, other.session_id)).toMatchObject({ reason: 'service' });
      expect(await alive()).toEqual([true, false, true, false]);
    });

    it.each(['subject=alice', 'except=current', 'x=', 'force=true'])('knows no parameter: %s', async (query) => {
      const [name] = query.split('=');
      const refused = invalidRequest(`query: got the unknown parameter "${name}", takes none.`);
      for (const credential of [own.access_token, SERVICE_KEY]) {
        expect(wire(await deleteSessions(url, credential, `/${second.session_id}?${query}`))).toEqual(refused);
      }
      expect(await alive()).toEqual([true, true, true, true]);
    });

    it('is 204 for two that come at once, and one ending', async () => {
      const twice = [own.access_token, own.access_token, third.access_token, SERVICE_KEY].map((credential) =>
        deleteSessions(url, credential, `/${second.session_id}`),
      );
      expect((await Promise.all(twice)).map(wire)).toEqual(twice.map(() => NO_CONTENT));
      expect(endings().map(([id]) => id)).toEqual([second.session_id]);
    });
  });

  describe("with a user's access token", () => {
    it('ends all of its own and says how many', async () => {
      expect(wire(await deleteSessions(url, own.access_token))).toEqual(ended(3));
      expect(endings().toSorted()).toEqual(
        [own, second, third].map(({ session_id, subject }) => [session_id, subject, 'user']).toSorted(),
      );
      expect(await alive()).toEqual([false, false, false, true]);
    });

    it('spares the one that asks with ?except=current', async () => {
      expect(wire(await deleteSessions(url, own.access_token, '?except=current'))).toEqual(ended(2));
      expect(wire(await deleteSessions(url, own.access_token, '?except=current'))).toEqual(ended(0));
      expect(await idsOf(url, own.subject)).toEqual([own.session_id]);
      expect(await alive()).toEqual([true, false, false, true]);
    });

    it.each(['', 'Current', 'current ', 'all', 'none', 'true', 'other', 'an id'])(
      'takes nothing but current for an exception: "%s"',
      async (except) => {
        const value = except === 'an id' ? own.session_id : encodeURIComponent(except);
        expect(wire(await deleteSessions(url, own.access_token, `?except=${value}`))).toEqual(BAD_EXCEPT);
        expect(await alive()).toEqual([true, true, true, true]);
      },
    );

    it('takes no subject, be it its own', async () => {
      for (const subject of [own.subject, other.subject, '']) {
        const query = `?subject=${encodeURIComponent(subject)}`;
        expect(wire(await deleteSessions(url, own.access_token, query))).toEqual(SUBJECT_GIVEN);
        expect(wire(await deleteSessions(url, own.access_token, `${query}&except=current`))).toEqual(SUBJECT_GIVEN);
      }
      expect(await alive()).toEqual([true, true, true, true]);
    });

    it('ends none where a parameter is misspelt or repeated', async () => {
      const misspelt = (name: string) =>
        invalidRequest(`query: got the unknown parameter "${name}", takes subject, except.`);
      expect(wire(await deleteSessions(url, own.access_token, '?Except=current'))).toEqual(misspelt('Except'));
      expect(wire(await deleteSessions(url, own.access_token, '?except[]=current'))).toEqual(misspelt('except[]'));
      expect(wire(await deleteSessions(url, own.access_token, '?limit=1'))).toEqual(misspelt('limit'));
      expect(wire(await deleteSessions(url, own.access_token, '?except=current&except=current'))).toEqual(
        invalidRequest('except: got it more than once, takes one.'),
      );
      expect(await alive()).toEqual([true, true, true, true]);
    });
  });

  describe('with a service key', () => {
    const of = ({ subject }: IssuedSession) => `?subject=${encodeURIComponent(subject)}`;

    it("ends all of a subject's and says how many", async () => {
      expect(wire(await deleteSessions(url, SERVICE_KEY, of(own)))).toEqual(ended(3));
      expect(wire(await deleteSessions(url, SERVICE_KEY, of(own)))).toEqual(ended(0));
      expect(endings().map(([, subject, reason]) => [subject, reason])).toEqual(
        [1, 2, 3].map(() => [own.subject, 'service']),
      );
      expect(await alive()).toEqual([false, false, false, true]);
    });

    it('ends none where it names no subject, or one that has none', async () => {
      for (const query of ['', '?', '?subject=', '?subject']) {
        expect(wire(await deleteSessions(url, SERVICE_KEY, query))).toEqual(SUBJECT_MISSING);
      }
      for (const subject of ['nobody', '%25', '*', '_', 'null', 'undefined', '%20', "'%20OR%20''='"]) {
        expect(wire(await deleteSessions(url, SERVICE_KEY, `?subject=${subject}`))).toEqual(ended(0));
      }
      expect((await deleteSessions(url, SERVICE_KEY, '?subject=%00')).status).toBe(400);
      const both = `${of(own)}&${of(other).slice(1)}`;
      expect(wire(await deleteSessions(url, SERVICE_KEY, both))).toEqual(
        invalidRequest('subject: got it more than once, takes one.'),
      );
      expect(wire(await deleteSessions(url, SERVICE_KEY, `${of(own)}&except=current`))).toEqual(BAD_EXCEPT);
      expect(await alive()).toEqual([true, true, true, true]);
    });

    it('takes no subject from a body', async () => {
      const body = JSON.stringify({ subject: own.subject });
      const headers = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
      const answer = await call(`${url}/sessions`, {
        method: 'DELETE',
        headers: { ...bearer(SERVICE_KEY), ...headers },
        body,
      });
      expect(wire(answer)).toEqual(SUBJECT_MISSING);
      expect(await alive()).toEqual([true, true, true, true]);
    });

    it('counts live ones only', async () => {
      await deleteSessions(url, SERVICE_KEY, `/${second.session_id}`);
      service.clock.advance(30 * DAY);
      await signIn(url, own.subject);

      expect(wire(await deleteSessions(url, SERVICE_KEY, of(own)))).toEqual(ended(1));
    });

    it('ends each once where two come at once, and where a refresh comes between', async () => {
      const more = await Promise.all(Array.from({ length: 12 }, () => signIn(url, own.subject)));
      const [first, , last] = await Promise.all([
        deleteSessions(url, SERVICE_KEY, of(own)),
        Promise.all(more.map(({ refresh_token }) => refresh(url, refresh_token))),
        deleteSessions(url, SERVICE_KEY, of(own)),
      ]);
      const [one, two] = [first, last].map((answer) => json<{ ended: number }>(answer).ended);
      expect(Number(one) + Number(two)).toBe(15);
      const ids = new Set(more.map(({ session_id }) => session_id));
      const told = eventsIn(service.log, 'session.ended').filter(({ session_id }) => ids.has(String(session_id)));
      expect(told.length).toBe(12);
      expect(await idsOf(url, own.subject)).toEqual([]);
      for (const session of more) expect(await isAlive(session)).toBe(false);
    });
  });

  describe('and an access token of the ended session', () => {
    const attempts: [string, (token: string) => ReturnType<typeof getSessions>][] = [
      ['to list', (token) => getSessions(url, token)],
      ['to end one', (token) => deleteSessions(url, token, `/${third.session_id}`)],
      ['to end all', (token) => deleteSessions(url, token)],
      ['to end all others', (token) => deleteSessions(url, token, '?except=current')],
      [
        'to name one',
        (token) =>
          call(`${url}/sessions/${third.session_id}`, {
            method: 'PATCH',
            headers: { ...bearer(token), 'Content-Type': 'application/json' },
            body: '{"label":"x"}',
          }),
      ],
    ];

    it.each(attempts)('is refused at once, %s', async (_, attempt) => {
      const { access_token } = await refreshed(url, second.refresh_token);
      await deleteSessions(url, own.access_token, `/${second.session_id}`);
      const before = await row(third);
      for (const token of [second.access_token, access_token])
        expect(wire(await attempt(token))).toEqual(INVALID_TOKEN);
      expect(await row(third)).toEqual(before);
      expect(eventsIn(service.log, 'access_token.refused').at(-1)).toMatchObject({ reason: 'session_ended' });
    });

    it.each<[string, () => Promise<unknown>]>([
      ['a logout', () => logout(url, second.refresh_token)],
      ['DELETE /sessions', () => deleteSessions(url, own.access_token, '?except=current')],
      ['its backend', () => deleteSessions(url, SERVICE_KEY, `/${second.session_id}`)],
    ])('is refused after %s, too', async (_, end) => {
      await end();
      expect(wire(await getSessions(url, second.access_token))).toEqual(INVALID_TOKEN);
      expect((await getSessions(url, own.access_token)).status).toBe(200);
    });

    it('is good offline until it expires', async () => {
      await deleteSessions(url, own.access_token, `/${second.session_id}`);
      const verifier = service.app.get(AccessTokenVerifier, { strict: false });
      const claims = { sub: own.subject, sid: second.session_id };
      expect(await verifier.verify(second.access_token)).toMatchObject(claims);
      await expect(verifier.verify(second.access_token, { checkSession: true })).rejects.toMatchObject({
        code: 'invalid_token',
        reason: 'session_ended',
      });

      const published = json<JSONWebKeySet>(await call(`${url}/.well-known/jwks.json`, { method: 'GET' }));
      const currentDate = new Date(service.clock.now());
      const options = { issuer: ISSUER, audience: ISSUER, typ: 'at+jwt', currentDate };
      const { payload } = await jwtVerify(second.access_token, createLocalJWKSet(published), options);
      expect(payload).toMatchObject(claims);
    });
  });

  it('shows whoever lists meanwhile every session that is left, and none whose end was answered', async () => {
    const subject = `raced ${count}`;
    const sessions = await Promise.all(Array.from({ length: 24 }, () => signIn(url, subject)));
    const kept = new Set(sessions.slice(0, 4).map(({ session_id }) => session_id));
    const gone = new Set<string>();
    const over = new AbortController();
    const ending = Promise.all(
      sessions.slice(4).map(async ({ session_id }) => {
        expect(wire(await deleteSessions(url, SERVICE_KEY, `/${session_id}`))).toEqual(NO_CONTENT);
        gone.add(session_id);
      }),
    ).finally(() => over.abort());

    do {
      const before = new Set(gone);
      const ids = await idsOf(url, subject);
      expect(ids.filter((id) => before.has(id))).toEqual([]);
      expect(ids.filter((id) => kept.has(id)).length).toBe(kept.size);
      expect(new Set(ids).size).toBe(ids.length);
    } while (!over.signal.aborted);
    await ending;
    expect(new Set(await idsOf(url, subject))).toEqual(kept);
  });
});
