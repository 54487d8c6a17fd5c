import { beforeEach, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { AccessTokenVerifier, type IssuedSession } from 'nest-refresh-token';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { bearer, call, json, logout, refresh, refreshed, signIn, type Answer } from '../support/http/http.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { SERVICE_KEY, type TestService } from '../support/servers/service.js';
import { deleteSessions, idsOf, patchSessions, signInWith } from '../support/http/session-calls.js';
import { sessionRow } from '../support/databases/session-rows.js';
import { DAY, MINUTE, SECOND } from '../support/test-clock.js';
import { invalidRequest, json as jsonAnswer, wire, WRONG_SERVICE_KEY, type Wire } from '../support/http/wire.js';

const NOT_A_JSON_OBJECT = invalidRequest(
  'body: got something else, takes a JSON object with Content-Type: application/json.',
);
const REGISTERED = 'iss sub aud exp nbf iat jti sid client_id scope auth_time cnf'.split(' ');
const CLAIMS_TAKES = 'takes an object of at most 4096 bytes of JSON.';
const SCOPE_TAKES = 'takes space-separated words of printable ASCII without " and \\, at most 1024 characters.';

function updated(count: number): Wire {
  return jsonAnswer(200, `{"updated":${count}}`);
}

/** What the host has put into an access token. */
function said(accessToken: string): Record<string, unknown> {
  const { roles, tenant, scope, client_id } = decodeJwt(accessToken);
  return JSON.parse(JSON.stringify({ roles, tenant, scope, client_id })) as Record<string, unknown>;
}

describeOnEachDatabase('PATCH /sessions?subject=', (databaseName) => {
  const running = serviceForTheSuite(databaseName);
  let service: TestService;
  let url: string;
  let session: IssuedSession;
  let other: IssuedSession;
  let count = 0;

  const BEFORE = { roles: ['user'], tenant: 't1', scope: 'read', client_id: 'web' };

  beforeEach(async () => {
    ({ service } = running);
    ({ url } = service);
    count += 1;
    const options = { claims: { roles: ['user'], tenant: 't1' }, scope: 'read', client_id: 'web' };
    session = await signInWith(url, { subject: `user ${count}`, ...options });
    other = await signInWith(url, { subject: `other ${count}`, ...options });
    service.clock.advance(MINUTE);
  });

  function update(body: unknown, subject = session.subject): Promise<Answer> {
    return patchSessions(url, SERVICE_KEY, `?subject=${encodeURIComponent(subject)}`, body);
  }

  const row = ({ session_id }: IssuedSession) => sessionRow(service.app, session_id);

  it.each<[string, object, object]>([
    ['claims, all of them', { claims: { roles: ['admin'] } }, { roles: ['admin'], scope: 'read', client_id: 'web' }],
    ['scope, and keeps the claims', { scope: 'read write' }, { ...BEFORE, scope: 'read write' }],
    ['both', { claims: { tenant: 't2' }, scope: 'write' }, { tenant: 't2', scope: 'write', client_id: 'web' }],
    ['claims to none with null', { claims: null }, { scope: 'read', client_id: 'web' }],
    ['claims to none with {}', { claims: {} }, { scope: 'read', client_id: 'web' }],
    ['scope to none with null', { scope: null }, { roles: ['user'], tenant: 't1', client_id: 'web' }],
    ['both to none', { claims: null, scope: null }, { client_id: 'web' }],
    ['claims to none, and the scope', { claims: null, scope: 'write' }, { scope: 'write', client_id: 'web' }],
  ])('changes %s, in the next access token', async (_, body, after) => {
    expect(wire(await update(body))).toEqual(updated(1));
    const { access_token, refresh_token } = await refreshed(url, session.refresh_token);
    expect(said(access_token)).toEqual(after);

    service.clock.advance(DAY);
    expect(said((await refreshed(url, refresh_token)).access_token)).toEqual(after);
  });

  it('is in the next access token within the leeway as well, where the refresh token is the same again', async () => {
    const first = await refreshed(url, session.refresh_token);
    service.clock.advance(5 * SECOND);
    expect(wire(await update({ claims: { roles: ['admin'] }, scope: null }))).toEqual(updated(1));

    const repeated = await refreshed(url, session.refresh_token);
    expect(repeated.refresh_token).toBe(first.refresh_token);
    expect(said(first.access_token)).toEqual(BEFORE);
    expect(said(repeated.access_token)).toEqual({ roles: ['admin'], client_id: 'web' });
  });

  it('leaves access tokens that are out as they are, and good', async () => {
    await update({ claims: { roles: [] }, scope: null });
    const verifier = service.app.get(AccessTokenVerifier, { strict: false });
    expect(await verifier.verify(session.access_token, { checkSession: true })).toMatchObject(BEFORE);
  });

  it('changes nothing else of the session: it is no refresh', async () => {
    const before = await row(session);
    service.clock.advance(DAY);
    await update({ claims: { roles: ['admin'] }, scope: 'write' });
    expect(await row(session)).toEqual({ ...before, claims: '{"roles":["admin"]}', scope: 'write' });
  });

  it('changes all live sessions of the subject, says how many, and leaves every other subject alone', async () => {
    const more = [await signIn(url, session.subject), await signIn(url, session.subject)];
    const [over] = [await signIn(url, session.subject)];
    await logout(url, over.refresh_token);
    const neighbours = [
      other,
      over,
      await signIn(url, `${session.subject} `),
      await signIn(url, session.subject.toUpperCase()),
    ];
    const before = await Promise.all(neighbours.map(row));

    expect(wire(await update({ claims: { roles: ['admin'] } }))).toEqual(updated(3));
    for (const { refresh_token } of [session, ...more]) {
      expect(said((await refreshed(url, refresh_token)).access_token)).toMatchObject({ roles: ['admin'] });
    }
    expect(await Promise.all(neighbours.map(row))).toEqual(before);
  });

  it('counts live ones only', async () => {
    service.clock.advance(30 * DAY);
    expect(wire(await update({ scope: 'write' }))).toEqual(updated(0));
    await signIn(url, session.subject);
    expect(wire(await update({ scope: 'write' }))).toEqual(updated(1));
  });

  it('is 0 for a subject that has none', async () => {
    for (const subject of ['nobody', '%', '*', ' '])
      expect(wire(await update({ scope: 'x' }, subject))).toEqual(updated(0));
  });

  it('makes no session and brings none back', async () => {
    await deleteSessions(url, SERVICE_KEY, `/${session.session_id}`);
    await update({ scope: 'write' });
    expect(await idsOf(url, session.subject)).toEqual([]);
    expect((await refresh(url, session.refresh_token)).status).toBe(401);
  });

  it('takes claims up to 4,096 bytes, and keeps them to the letter', async () => {
    const roles = ['Zoë 🦉', `'; DROP TABLE x; --`, 'x'.repeat(4_000)];
    const claims = { roles, pad: '' };
    claims.pad = 'x'.repeat(4_096 - Buffer.byteLength(JSON.stringify(claims)));
    expect(wire(await update({ claims }))).toEqual(updated(1));
    expect(decodeJwt((await refreshed(url, session.refresh_token)).access_token)).toMatchObject(claims);
  });

  describe('is 400, and changes nothing', () => {
    const bad: [string, unknown, string][] = [
      ['neither', {}, 'claims, scope: got neither, takes one of them or both.'],
      ['claims too large', { claims: { pad: 'x'.repeat(4_087) } }, `claims: got 4097 bytes, ${CLAIMS_TAKES}`],
      ['a list for claims', { claims: [] }, `claims: got an array, ${CLAIMS_TAKES}`],
      ['text for claims', { claims: '{}' }, `claims: got a string, ${CLAIMS_TAKES}`],
      ['false for claims', { claims: false }, `claims: got a boolean, ${CLAIMS_TAKES}`],
      [
        'U+0000 in claims',
        { claims: { a: '\0' } },
        `claims: got U+0000 or half a character in a string, ${CLAIMS_TAKES}`,
      ],
      ...REGISTERED.map((name): [string, unknown, string] => [
        `the claim ${name}`,
        { claims: { roles: ['admin'], [name]: 'x' } },
        `claims: got the reserved name "${name}", takes any but ${REGISTERED.join(', ')}.`,
      ]),
      ['a good scope beside bad claims', { scope: 'write', claims: 7 }, `claims: got a number, ${CLAIMS_TAKES}`],
      ['good claims beside a bad scope', { claims: {}, scope: 7 }, `scope: got a number, ${SCOPE_TAKES}`],
      ['an empty scope', { scope: '' }, `scope: got something else, ${SCOPE_TAKES}`],
      ['a scope too long', { scope: 'a'.repeat(1_025) }, `scope: got 1025 characters, ${SCOPE_TAKES}`],
      ['two spaces in a scope', { scope: 'a  b' }, `scope: got something else, ${SCOPE_TAKES}`],
      ['a list for a scope', { scope: ['a'] }, `scope: got an array, ${SCOPE_TAKES}`],
      ...['subject', 'label', 'client_id', 'Claims', 'roles', 'constructor', 'revoke_others'].map(
        (name): [string, unknown, string] => [
          `the field ${name}`,
          { claims: {}, [name]: 'x' },
          `body: got the unknown field "${name}", takes claims, scope.`,
        ],
      ),
    ];

    it.each(bad)('with %s', async (_, body, description) => {
      const before = await row(session);
      expect(wire(await update(body))).toEqual(invalidRequest(description));
      expect(await row(session)).toEqual(before);
    });

    it('without a subject', async () => {
      const before = [await row(session), await row(other)];
      for (const query of ['', '?', '?subject=', '?subject']) {
        expect(wire(await patchSessions(url, SERVICE_KEY, query, { claims: {} }))).toEqual(
          invalidRequest("subject: got nothing, takes the user's id."),
        );
      }
      expect([await row(session), await row(other)]).toEqual(before);
    });

    it('with another parameter, or two subjects', async () => {
      const query = `?subject=${encodeURIComponent(session.subject)}`;
      const patch = (more: string) => patchSessions(url, SERVICE_KEY, query + more, { claims: {} });
      expect(wire(await patch('&limit=1'))).toEqual(
        invalidRequest('query: got the unknown parameter "limit", takes subject.'),
      );
      expect(wire(await patch('&subject=bob'))).toEqual(invalidRequest('subject: got it more than once, takes one.'));
      const takes = 'takes a string of 1 to 255 characters.';
      expect(wire(await update({ claims: {} }, 'a'.repeat(256)))).toEqual(
        invalidRequest(`subject: got 256 characters, ${takes}`),
      );
      expect(wire(await update({ claims: {} }, '\0'))).toEqual(
        invalidRequest(`subject: got U+0000 or half a character, ${takes}`),
      );
    });

    it('without a JSON body', async () => {
      const target = `${url}/sessions?subject=${encodeURIComponent(session.subject)}`;
      const patch = (headers: Record<string, string>, body?: string) =>
        call(target, {
          method: 'PATCH',
          headers: { ...bearer(SERVICE_KEY), ...headers },
          ...(body !== undefined && { body }),
        });
      expect(wire(await patch({}))).toEqual(NOT_A_JSON_OBJECT);
      expect(wire(await patch({}, '{"scope":"x"}'))).toEqual(NOT_A_JSON_OBJECT);
      expect(wire(await patch({ 'Content-Type': 'text/plain' }, '{"scope":"x"}'))).toEqual(NOT_A_JSON_OBJECT);
      expect(wire(await patch({ 'Content-Type': 'application/json' }, '[]'))).toEqual(NOT_A_JSON_OBJECT);
      expect(said((await refreshed(url, session.refresh_token)).access_token)).toEqual(BEFORE);
    });
  });

  it("is nothing for a user: its own token is no service key, whoever's sessions it names", async () => {
    const before = [await row(session), await row(other)];
    for (const subject of [session.subject, other.subject, '']) {
      const query = `?subject=${encodeURIComponent(subject)}`;
      const answer = await patchSessions(url, session.access_token, query, { claims: { roles: ['admin'] } });
      expect(wire(answer)).toEqual(WRONG_SERVICE_KEY);
    }
    expect(wire(await patchSessions(url, session.refresh_token, '', { claims: {} }))).toEqual(WRONG_SERVICE_KEY);
    expect([await row(session), await row(other)]).toEqual(before);
  });

  it('holds whatever happens at the same time: refreshes keep what it says', async () => {
    const sessions = await Promise.all(Array.from({ length: 10 }, () => signIn(url, `raced ${count}`)));
    const [answer, ...answers] = await Promise.all([
      update({ claims: { roles: ['admin'] } }, `raced ${count}`),
      ...sessions.map(({ refresh_token }) => refresh(url, refresh_token)),
    ]);
    expect(wire(answer)).toEqual(updated(10));
    service.clock.advance(MINUTE);
    for (const { refresh_token } of answers.map((refreshedOnce) => json<IssuedSession>(refreshedOnce))) {
      expect(said((await refreshed(url, refresh_token)).access_token)).toEqual({ roles: ['admin'] });
    }
  });
});
