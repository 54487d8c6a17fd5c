import { beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { IssuedSession } from 'nest-refresh-token';
import { createDatabase, describeOnEachDatabase, describePostgres } from '../support/databases/databases.js';
import { bearer, call, json, postSession, refreshed, signIn, type Answer } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { SERVICE_KEY, startService, type TestService } from '../support/servers/service.js';
import { deleteSessions, ended, getSessions, idsOf, listed, patchSessions } from '../support/http/session-calls.js';
import { until } from '../support/servers/process.js';
import { gist, watchStatements } from '../support/databases/statements.js';
import { TcpProxy } from '../support/databases/tcp-proxy.js';
import { HOUR, MINUTE } from '../support/test-clock.js';
import {
  INVALID_TOKEN,
  invalidRequest,
  MISSING_TOKEN,
  NO_CONTENT,
  NOT_FOUND,
  TWO_AUTHORIZATIONS,
  UNAVAILABLE,
  wire,
  WRONG_SERVICE_KEY,
} from '../support/http/wire.js';

const ID = '00000000-0000-4000-8000-000000000000';
const JSON_TYPE = { 'Content-Type': 'application/json' };

/** A request to a route, good but for its credential. */
interface Route {
  readonly method: string;
  readonly rest: string;
  readonly body?: string;
}

/** What a user may do with its access token, and its backend with a service key. */
const USERS_ROUTES: readonly Route[] = [
  { method: 'GET', rest: '' },
  { method: 'DELETE', rest: '' },
  { method: 'DELETE', rest: '?except=current' },
  { method: 'DELETE', rest: `/${ID}` },
  { method: 'PATCH', rest: `/${ID}`, body: '{"label":"x"}' },
];
/** What a backend may do with its service key, the last two for itself alone. */
const BACKENDS_ROUTES: readonly Route[] = [
  { method: 'GET', rest: '?subject=alice' },
  { method: 'DELETE', rest: '?subject=alice' },
  { method: 'DELETE', rest: `/${ID}` },
  { method: 'PATCH', rest: `/${ID}`, body: '{"label":"x"}' },
  { method: 'PATCH', rest: '?subject=alice', body: '{"scope":"x"}' },
  { method: 'POST', rest: '', body: '{"subject":"alice"}' },
];
const KEPT_ROUTES = BACKENDS_ROUTES.slice(-2);

function send(url: string, { method, rest, body }: Route, headers: Record<string, string | string[]>): Promise<Answer> {
  const typed = body === undefined ? headers : { ...JSON_TYPE, ...headers };
  return call(`${url}/sessions${rest}`, { method, headers: typed, ...(body !== undefined && { body }) });
}

describe('Whoever comes to /sessions', () => {
  const running = serviceForTheSuite('SQLite');
  let service: TestService;
  let url: string;
  let session: IssuedSession;

  beforeEach(async () => {
    ({ service } = running);
    ({ url } = service);
    session = await signIn(url);
  });

  /** Nobody got through. */
  async function expectUntouched(): Promise<void> {
    const { sessions } = await listed(url, session.access_token);
    expect(sessions.find(({ id }) => id === session.session_id)).toMatchObject({ label: null });
  }

  describe.each([...USERS_ROUTES, ...KEPT_ROUTES])('to $method $rest', (route) => {
    it('without a token is asked for one', async () => {
      for (const headers of [{}, { Authorization: '' }, { Authorization: 'Bearer' }, { Authorization: 'Basic eDp5' }]) {
        expect(wire(await send(url, route, headers))).toEqual(MISSING_TOKEN);
      }
    });

    it('with what is neither is refused, the same bytes for all', async () => {
      const refusal = KEPT_ROUTES.includes(route) ? WRONG_SERVICE_KEY : INVALID_TOKEN;
      const [head, payload, signature] = session.access_token.split('.') as [string, string, string];
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
      const raised = Buffer.from(JSON.stringify({ ...claims, sub: 'mallory' })).toString('base64url');
      const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
      const wrong = [
        'x',
        session.refresh_token,
        SERVICE_KEY.slice(0, -1),
        `${SERVICE_KEY}x`,
        SERVICE_KEY.toUpperCase(),
        `${head}.${raised}.${signature}`,
        `${none}.${payload}.`,
        `${session.access_token} x`,
        session.session_id,
      ];
      for (const token of wrong) {
        expect([token, wire(await send(url, route, bearer(token)))]).toEqual([token, refusal]);
      }
      await expectUntouched();
    });

    it('with two tokens is told to decide', async () => {
      const both = { Authorization: [`Bearer ${session.access_token}`, `Bearer ${SERVICE_KEY}`] };
      expect(wire(await send(url, route, both))).toEqual(TWO_AUTHORIZATIONS);
      await expectUntouched();
    });

    it('with a good token in the query is refused, and let in with none', async () => {
      const query = `${route.rest}${route.rest.includes('?') ? '&' : '?'}access_token=${session.access_token}`;
      expect(wire(await send(url, { ...route, rest: query }, {}))).toMatchObject({
        status: KEPT_ROUTES.includes(route) ? 401 : 400,
      });
      expect((await send(url, { ...route, rest: query }, bearer(session.access_token))).status).toBe(
        KEPT_ROUTES.includes(route) ? 401 : 400,
      );
      await expectUntouched();
    });
  });

  it('with an access token that has expired is refused', async () => {
    service.clock.advance(HOUR);
    for (const route of USERS_ROUTES) {
      expect(wire(await send(url, route, bearer(session.access_token)))).toEqual(INVALID_TOKEN);
    }
    const { access_token } = await refreshed(url, session.refresh_token);
    expect((await getSessions(url, access_token)).status).toBe(200);
  });

  it('with an access token can do nothing that is for backends', async () => {
    for (const route of KEPT_ROUTES) {
      expect(wire(await send(url, route, bearer(session.access_token)))).toEqual(WRONG_SERVICE_KEY);
    }
    await expectUntouched();
  });

  it('is refused before the input is looked at', async () => {
    for (const rest of ['?nonsense=1', '?limit=x', '?cursor=x', `/${ID}?x=1`]) {
      expect(wire(await send(url, { method: 'DELETE', rest }, bearer('x')))).toEqual(INVALID_TOKEN);
    }
    const bad = { method: 'PATCH', rest: '', body: '[]' };
    expect(wire(await send(url, bad, bearer('x')))).toEqual(WRONG_SERVICE_KEY);
    expect(wire(await send(url, { ...bad, rest: '/x' }, bearer('x')))).toEqual(INVALID_TOKEN);
  });

  it('with a token in the body is told where it belongs, or that it is no field', async () => {
    const route = { method: 'PATCH', rest: `/${session.session_id}`, body: '{"label":"x","access_token":"x"}' };
    expect(wire(await send(url, route, bearer(session.access_token)))).toEqual(
      invalidRequest('body: got the unknown field "access_token", takes label.'),
    );
    const headers = { ...bearer(session.access_token), 'Content-Type': 'application/x-www-form-urlencoded' };
    const form = await call(`${url}/sessions/${session.session_id}`, {
      method: 'PATCH',
      headers,
      body: `label=x&access_token=${session.access_token}`,
    });
    expect(wire(form)).toEqual(
      invalidRequest('access_token: got it in the body, takes a token in the Authorization header only.'),
    );
    await expectUntouched();
  });

  it.each([
    ['PUT', ''],
    ['PUT', `/${ID}`],
    ['POST', `/${ID}`],
    ['GET', `/${ID}`],
    ['GET', `/${ID}/x`],
  ])('finds nothing at %s %s', async (method, rest) => {
    for (const token of [session.access_token, SERVICE_KEY]) {
      expect(wire(await send(url, { method, rest }, bearer(token)))).toEqual(NOT_FOUND);
    }
  });

  it('is written to the log where it was refused, with the reason and without the token', async () => {
    const before = service.log.length;
    const send1 = (token: string) =>
      call(`${url}/sessions`, { method: 'GET', headers: { ...bearer(token), 'X-Request-Id': 'request-1' } });
    await send1(session.refresh_token);
    await deleteSessions(url, SERVICE_KEY, `/${session.session_id}`);
    await send1(session.access_token);

    const lines = service.log.slice(before);
    expect(eventsIn(lines, 'access_token.refused')).toEqual([
      { event: 'access_token.refused', reason: 'malformed', request_id: 'request-1' },
      { event: 'access_token.refused', reason: 'session_ended', request_id: 'request-1' },
    ]);
    for (const token of [session.refresh_token, session.access_token]) expect(lines.join()).not.toContain(token);
  });
});

describeOnEachDatabase('Without a service key, in production, /sessions', (databaseName) => {
  const running = serviceForTheSuite(databaseName, { SERVICE_KEYS: '' });

  /** There is no other way in: the sessions come from an instance that has a key. */
  async function signInElsewhere(subject: string): Promise<IssuedSession> {
    const backend = await startService(running.database.url, { clock: running.service.clock });
    try {
      return await signIn(backend.url, subject);
    } finally {
      await backend.close();
    }
  }

  it('is there for users, and for nobody else', async () => {
    const { url } = running.service;
    const own = await signInElsewhere('alice');
    const second = await signInElsewhere('alice');
    const other = await signInElsewhere('bob');
    for (const route of KEPT_ROUTES) {
      for (const headers of [{}, bearer(SERVICE_KEY), bearer('undefined'), bearer(own.access_token)]) {
        expect(wire(await send(url, route, headers))).toEqual(NOT_FOUND);
      }
    }
    for (const route of [...USERS_ROUTES, ...BACKENDS_ROUTES.slice(0, 4)]) {
      expect(wire(await send(url, route, {}))).toEqual(MISSING_TOKEN);
      for (const token of [SERVICE_KEY, 'undefined', own.refresh_token]) {
        expect(wire(await send(url, route, bearer(token)))).toEqual(INVALID_TOKEN);
      }
    }

    expect((await listed(url, own.access_token)).sessions.length).toBe(2);
    expect(wire(await patchSessions(url, own.access_token, `/${second.session_id}`, { label: 'x' }))).toEqual(
      NO_CONTENT,
    );
    expect(wire(await deleteSessions(url, own.access_token, `/${other.session_id}`))).toEqual(NOT_FOUND);
    expect(wire(await deleteSessions(url, own.access_token, `/${second.session_id}`))).toEqual(NO_CONTENT);
    expect(wire(await deleteSessions(url, own.access_token))).toEqual(ended(1));
    expect(wire(await getSessions(url, own.access_token))).toEqual(INVALID_TOKEN);
    expect((await getSessions(url, other.access_token)).status).toBe(200);
  });

  it('is documented as it is', async () => {
    const answer = await call(`${running.service.url}/openapi.json`, { method: 'GET' });
    const { paths } = json<{ paths: Record<string, object> }>(answer);
    expect(Object.keys(paths['/sessions'] ?? {})).toEqual(['get', 'delete']);
    expect(Object.keys(paths['/sessions/{id}'] ?? {}).toSorted()).toEqual(['delete', 'parameters', 'patch']);
  });
});

describeOnEachDatabase('While the table is gone', (databaseName) => {
  const running = serviceForTheSuite(databaseName);

  it('every route is 503 with Retry-After, never 401 or 404, and afterwards as before', async () => {
    const { url, app } = running.service;
    const session = await signIn(url);
    const own = { method: 'DELETE', rest: `/${session.session_id}` };
    const database = app.get(DataSource);
    await database.query('ALTER TABLE refresh_token_sessions RENAME TO elsewhere');
    try {
      for (const route of [...USERS_ROUTES, own]) {
        expect(wire(await send(url, route, bearer(session.access_token)))).toEqual(UNAVAILABLE);
      }
      for (const route of [...BACKENDS_ROUTES, own]) {
        expect(wire(await send(url, route, bearer(SERVICE_KEY)))).toEqual(UNAVAILABLE);
      }
      // What needs no database is answered as ever.
      expect(wire(await getSessions(url, 'x'))).toEqual(INVALID_TOKEN);
      expect(wire(await getSessions(url, SERVICE_KEY))).toMatchObject({ status: 400 });
      expect(wire(await deleteSessions(url, SERVICE_KEY, '/x'))).toEqual(NOT_FOUND);
    } finally {
      await database.query('ALTER TABLE elsewhere RENAME TO refresh_token_sessions');
    }
    expect(await idsOf(url, 'alice')).toEqual([session.session_id]);
  });
});

describePostgres('While PostgreSQL is out of reach', () => {
  it('every route is 503 with Retry-After, never 401 or 404, and afterwards as before', async () => {
    const database = await createDatabase('PostgreSQL');
    const network = await TcpProxy.before(database.url);
    const service = await startService(network.url);
    try {
      const { url } = service;
      const session = await signIn(url);
      await network.refuse();
      const answers = await Promise.all([
        ...USERS_ROUTES.map((route) => send(url, route, bearer(session.access_token))),
        ...BACKENDS_ROUTES.map((route) => send(url, route, bearer(SERVICE_KEY))),
      ]);
      expect(answers.map(wire)).toEqual(answers.map(() => UNAVAILABLE));

      await network.pass();
      const back = await until('it answers again', async () => {
        const answer = await getSessions(url, session.access_token);
        if (answer.status === 503) return undefined;
        return answer;
      });
      expect(json<{ sessions: object[] }>(back).sessions).toEqual([
        expect.objectContaining({ id: session.session_id }),
      ]);
    } finally {
      await service.close();
      await network.close();
      await database.drop();
    }
  });
});

describeOnEachDatabase('The statements of a request to /sessions', (databaseName) => {
  const running = serviceForTheSuite(databaseName);
  let url: string;
  let session: IssuedSession;

  beforeEach(async () => {
    ({ url } = running.service);
    session = await signIn(url);
    running.service.clock.advance(MINUTE);
  });

  async function costOf(status: number, request: () => Promise<Answer>): Promise<string[]> {
    const statements: string[] = [];
    const dataSource = running.service.app.get(DataSource);
    const stop = await watchStatements(dataSource, (sql) => statements.push(gist(sql)));
    const answer = await request();
    stop();
    expect(answer.status).toBe(status);
    return statements.filter((statement) => statement !== 'PRAGMA');
  }

  it.each([1, 120])('are the same however many sessions there are: %d more', async (many) => {
    const subject = `${many} more`;
    const fill = () => Promise.all(Array.from({ length: many }, () => signIn(url, subject)));
    const [first] = await fill();
    const { access_token: token } = await signIn(url, subject);
    const query = `?subject=${encodeURIComponent(subject)}`;
    const path = `/${first?.session_id}`;
    const ofService = (request: (key: string) => Promise<Answer>) => costOf(200, () => request(SERVICE_KEY));

    expect(await ofService((key) => getSessions(url, key, query))).toEqual(['SELECT']);
    expect(await costOf(200, () => getSessions(url, token, '?limit=100'))).toEqual(['SELECT', 'SELECT']);
    expect(await costOf(204, () => patchSessions(url, token, path, { label: 'x' }))).toEqual([
      'SELECT',
      'UPDATE SET label',
    ]);
    expect(await ofService((key) => patchSessions(url, key, query, { claims: {} }))).toEqual(['UPDATE SET claims']);
    expect(await costOf(204, () => deleteSessions(url, token, path))).toEqual(['SELECT', 'UPDATE SET revoked_at']);
    expect(await costOf(200, () => deleteSessions(url, token, '?except=current'))).toEqual([
      'SELECT',
      'UPDATE SET revoked_at',
    ]);
    await fill();
    expect(await ofService((key) => deleteSessions(url, key, query))).toEqual(['UPDATE SET revoked_at']);
  });

  it('are one more where nothing was ended: whether it is there', async () => {
    const end = (credential: string) => () => deleteSessions(url, credential, `/${ID}`);
    expect(await costOf(404, end(session.access_token))).toEqual(['SELECT', 'UPDATE SET revoked_at', 'SELECT']);
    expect(await costOf(404, end(SERVICE_KEY))).toEqual(['UPDATE SET revoked_at', 'SELECT']);
  });

  it('are none for bad input, but for the session of who asks', async () => {
    const none: [number, () => Promise<Answer>][] = [
      [400, () => getSessions(url, SERVICE_KEY)],
      [400, () => getSessions(url, SERVICE_KEY, '?subject=alice&limit=0')],
      [400, () => getSessions(url, SERVICE_KEY, '?subject=alice&cursor=x')],
      [400, () => deleteSessions(url, SERVICE_KEY)],
      [404, () => deleteSessions(url, SERVICE_KEY, '/x')],
      [400, () => patchSessions(url, SERVICE_KEY, `/${ID}`, { label: '' })],
      [404, () => patchSessions(url, SERVICE_KEY, '/x', { label: 'x' })],
      [400, () => patchSessions(url, SERVICE_KEY, '?subject=alice', {})],
      [400, () => postSession(url, { subject: 'alice', ip: 'x' })],
      [401, () => getSessions(url, session.refresh_token)],
      [401, () => getSessions(url, 'x')],
      [401, () => patchSessions(url, session.access_token, '?subject=alice', { claims: {} })],
    ];
    for (const [status, request] of none) expect(await costOf(status, request)).toEqual([]);

    const own: [number, () => Promise<Answer>][] = [
      [400, () => getSessions(url, session.access_token, '?subject=alice')],
      [400, () => getSessions(url, session.access_token, '?limit=0')],
      [400, () => deleteSessions(url, session.access_token, '?except=x')],
      [404, () => deleteSessions(url, session.access_token, '/x')],
    ];
    for (const [status, request] of own) expect(await costOf(status, request)).toEqual(['SELECT']);
  });
});
