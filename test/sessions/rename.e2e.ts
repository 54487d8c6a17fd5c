import { randomUUID } from 'node:crypto';
import { beforeEach, expect, it } from '@jest/globals';
import type { IssuedSession } from 'nest-refresh-token';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { bearer, call, logout, refreshed, signIn, type Answer } from '../support/http/http.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { SERVICE_KEY, type TestService } from '../support/servers/service.js';
import { deleteSessions, idsOf, listed, patchSessions, sessionsOf } from '../support/http/session-calls.js';
import { sessionRow } from '../support/databases/session-rows.js';
import { DAY, MINUTE } from '../support/test-clock.js';
import {
  invalidRequest,
  NO_CONTENT,
  NOT_FOUND,
  NOT_WHAT_ITS_TYPE_SAYS,
  TOO_LARGE,
  wire,
} from '../support/http/wire.js';

const TAKES = 'takes a string of 1 to 100 characters.';
const NOT_A_JSON_OBJECT = invalidRequest(
  'body: got something else, takes a JSON object with Content-Type: application/json.',
);

describeOnEachDatabase('PATCH /sessions/:id', (databaseName) => {
  const running = serviceForTheSuite(databaseName);
  let service: TestService;
  let url: string;
  let own: IssuedSession;
  let second: IssuedSession;
  let other: IssuedSession;
  let count = 0;

  beforeEach(async () => {
    ({ service } = running);
    ({ url } = service);
    count += 1;
    own = await signIn(url, `user ${count}`);
    second = await signIn(url, `user ${count}`);
    other = await signIn(url, `other ${count}`);
  });

  const row = (session: IssuedSession) => sessionRow(service.app, session.session_id);

  async function labelOf({ session_id, subject }: IssuedSession): Promise<string | null | undefined> {
    return (await sessionsOf(url, subject)).find(({ id }) => id === session_id)?.label;
  }

  function name(session: IssuedSession, body: unknown, credential = own.access_token): Promise<Answer> {
    return patchSessions(url, credential, `/${session.session_id}`, body);
  }

  /** A body as it is, with a Content-Type or without. */
  function raw(body: string | undefined, type?: string): Promise<Answer> {
    const headers = { ...bearer(own.access_token), ...(type === undefined ? {} : { 'Content-Type': type }) };
    return call(`${url}/sessions/${second.session_id}`, {
      method: 'PATCH',
      headers,
      ...(body !== undefined && { body }),
    });
  }

  it('names a session, names it anew, and takes the name away', async () => {
    for (const label of ['My phone', 'Zoë’s phone 🦉', null, null, 'My phone']) {
      expect(wire(await name(second, { label }))).toEqual(NO_CONTENT);
      expect(await labelOf(second)).toBe(label);
    }
  });

  it('changes the label of that session, and nothing else', async () => {
    const before = await Promise.all([own, second, other].map(row));
    service.clock.advance(MINUTE);
    await name(second, { label: 'My phone' });
    expect(await Promise.all([own, second, other].map(row))).toEqual([
      before[0],
      { ...before[1], label: 'My phone' },
      before[2],
    ]);
  });

  it('names the one that asks, whose label outlives its refreshes', async () => {
    expect(wire(await name(own, { label: 'This laptop' }))).toEqual(NO_CONTENT);
    service.clock.advance(DAY);
    const { access_token } = await refreshed(url, own.refresh_token);
    const { sessions } = await listed(url, access_token);
    // They began in the same millisecond: which of them is listed first is chance.
    const seen = sessions.map(({ label, current }) => [label, current]);
    expect(seen).toHaveLength(2);
    expect(seen).toEqual(
      expect.arrayContaining([
        [null, false],
        ['This laptop', true],
      ]),
    );
  });

  it.each([
    ['one character', 'a'],
    ['100 characters', 'a'.repeat(100)],
    ['100 letters of three bytes', '語'.repeat(100)],
    ['100 emojis', '🦉'.repeat(100)],
    ['a space', ' '],
    ['quotes and SQL', `'"\\'; DROP TABLE refresh_token_sessions; --`],
    ['markup', '<script>alert(1)</script>'],
    ['lines', 'a\nb\tc'],
    ['what looks like null', 'null'],
  ])('keeps a label to the letter: %s', async (_, label) => {
    expect(wire(await name(second, { label }))).toEqual(NO_CONTENT);
    expect(await labelOf(second)).toBe(label);
  });

  it.each<[unknown, string]>([
    [{}, 'label: got nothing, takes a string or null.'],
    [{ label: '' }, `label: got 0 characters, ${TAKES}`],
    [{ label: 'a'.repeat(101) }, `label: got 101 characters, ${TAKES}`],
    [{ label: '🦉'.repeat(101) }, `label: got 101 characters, ${TAKES}`],
    [{ label: 'a\0' }, `label: got U+0000 or half a character, ${TAKES}`],
    [{ label: '\uD83E' }, `label: got U+0000 or half a character, ${TAKES}`],
    [{ label: 7 }, `label: got a number, ${TAKES}`],
    [{ label: true }, `label: got a boolean, ${TAKES}`],
    [{ label: ['a'] }, `label: got an array, ${TAKES}`],
    [{ label: { a: 1 } }, `label: got an object, ${TAKES}`],
    [{ Label: 'a' }, 'body: got the unknown field "Label", takes label.'],
    [{ label: 'a', subject: 'mallory' }, 'body: got the unknown field "subject", takes label.'],
    [{ label: 'a', claims: { roles: ['admin'] } }, 'body: got the unknown field "claims", takes label.'],
    [{ label: 'a', scope: 'admin' }, 'body: got the unknown field "scope", takes label.'],
    [{ label: 'a', user_agent: 'x' }, 'body: got the unknown field "user_agent", takes label.'],
    [{ label: 'a', constructor: 'x' }, 'body: got the unknown field "constructor", takes label.'],
  ])('is 400, and nothing changes: %.60j', async (body, description) => {
    await name(second, { label: 'before' });
    const before = await row(second);
    expect(wire(await name(second, body))).toEqual(invalidRequest(description));
    expect(wire(await name(second, body, SERVICE_KEY))).toEqual(invalidRequest(description));
    expect(await row(second)).toEqual(before);
  });

  it('takes no body but a JSON object that is called so', async () => {
    const good = '{"label":"x"}';
    expect(wire(await raw(undefined))).toEqual(NOT_A_JSON_OBJECT);
    expect(wire(await raw(undefined, 'application/json'))).toEqual(
      invalidRequest('label: got nothing, takes a string or null.'),
    );
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'text/json', 'multipart/form-data', '']) {
      expect([type, wire(await raw(good, type))]).toEqual([type, NOT_A_JSON_OBJECT]);
    }
    expect(wire(await raw('label=x', 'application/x-www-form-urlencoded'))).toEqual(NOT_A_JSON_OBJECT);
    for (const body of ['null', '[]', '["label"]', '"label"', '7', 'true']) {
      expect([body, wire(await raw(body, 'application/json'))]).toEqual([body, NOT_A_JSON_OBJECT]);
    }
    for (const body of ['{"label":', 'label', '{"label":"x"}}']) {
      expect([body, wire(await raw(body, 'application/json'))]).toEqual([body, NOT_WHAT_ITS_TYPE_SAYS]);
    }
    expect(wire(await raw('{"label":"x","__proto__":{"a":1}}', 'application/json'))).toEqual(
      invalidRequest('body: got the unknown field "__proto__", takes label.'),
    );
    expect(wire(await raw(`${good}${' '.repeat(32 * 1_024)}`, 'application/json'))).toEqual(TOO_LARGE);
    expect(await labelOf(second)).toBeNull();
    expect(wire(await raw(good, 'application/merge-patch+json; charset=utf-8'))).toEqual(NO_CONTENT);
    expect(await labelOf(second)).toBe('x');
  });

  it("is 404 for another's, which keeps its name", async () => {
    await name(other, { label: 'mine' }, other.access_token);
    const before = await row(other);
    for (const label of ['yours', null]) expect(wire(await name(other, { label }))).toEqual(NOT_FOUND);
    expect(await row(other)).toEqual(before);
  });

  it('is 404 for one that has ended, which keeps its name', async () => {
    await logout(url, second.refresh_token);
    const before = await row(second);
    expect(wire(await name(second, { label: 'x' }))).toEqual(NOT_FOUND);
    expect(wire(await name(second, { label: 'x' }, SERVICE_KEY))).toEqual(NOT_FOUND);
    expect(await row(second)).toEqual(before);

    const idle = await signIn(url, own.subject);
    service.clock.advance(30 * DAY);
    const { access_token } = await signIn(url, own.subject);
    expect(wire(await name(idle, { label: 'x' }, access_token))).toEqual(NOT_FOUND);
    expect(wire(await name(idle, { label: 'x' }, SERVICE_KEY))).toEqual(NOT_FOUND);
    expect((await row(idle))?.label).toBeNull();
  });

  it.each(['a new one', 'x', 'current', '%00', "'%20OR%201=1%20--", '%7Bid%7D'])(
    'is 404 for what is no session: %s',
    async (id) => {
      const path = `/${id === 'a new one' ? randomUUID() : id}`;
      for (const credential of [own.access_token, SERVICE_KEY]) {
        expect(wire(await patchSessions(url, credential, path, { label: 'x' }))).toEqual(NOT_FOUND);
      }
    },
  );

  it('takes the id in upper case', async () => {
    const path = `/${second.session_id.toUpperCase()}`;
    expect(wire(await patchSessions(url, own.access_token, path, { label: 'x' }))).toEqual(NO_CONTENT);
    expect(await labelOf(second)).toBe('x');
  });

  it("names anybody's with a service key", async () => {
    expect(wire(await name(second, { label: 'x' }, SERVICE_KEY))).toEqual(NO_CONTENT);
    expect(wire(await name(other, { label: 'y' }, SERVICE_KEY))).toEqual(NO_CONTENT);
    expect([await labelOf(own), await labelOf(second), await labelOf(other)]).toEqual([null, 'x', 'y']);
  });

  it('knows no parameter', async () => {
    const path = `/${second.session_id}?subject=${encodeURIComponent(own.subject)}`;
    for (const credential of [own.access_token, SERVICE_KEY]) {
      expect(wire(await patchSessions(url, credential, path, { label: 'x' }))).toEqual(
        invalidRequest('query: got the unknown parameter "subject", takes none.'),
      );
    }
    expect(await labelOf(second)).toBeNull();
  });

  it('never brings back one that ends at the same time', async () => {
    const answers = await Promise.all([
      ...['a', 'b', 'c'].map((label) => name(second, { label })),
      deleteSessions(url, own.access_token, `/${second.session_id}`),
      ...['d', 'e'].map((label) => name(second, { label })),
    ]);
    const statuses = answers.map(({ status }) => status);
    expect(statuses[3]).toBe(204);
    expect(statuses.every((status) => status === 204 || status === 404)).toBe(true);
    expect(await idsOf(url, own.subject)).toEqual([own.session_id]);
  });
});
