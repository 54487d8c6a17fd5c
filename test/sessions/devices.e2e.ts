import { beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Post, Req } from '@nestjs/common';
import {
  deviceOf as deviceOfRequest,
  type IssuedSession,
  RefreshTokenService,
  SessionService,
  type TokenResponse,
} from 'nest-refresh-token';
import { DataSource } from 'typeorm';
import type { AuthRequest } from '../../src/auth/http/auth.request.js';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { startGuardedHost } from '../support/hosts/guarded-host.js';
import { bearer, call, json, postSession, refresh, refreshed, signIn } from '../support/http/http.js';
import { withInstance } from '../support/servers/instances.js';
import { eventsIn } from '../support/servers/log.js';
import { serviceForTheSuite, withService } from '../support/servers/running-service.js';
import { SERVICE_KEY, type TestService } from '../support/servers/service.js';
import { deleteSessions, listed, patchSessions, sessionsOf, signInWith } from '../support/http/session-calls.js';
import { sessionRow } from '../support/databases/session-rows.js';
import { gist, watchStatements } from '../support/databases/statements.js';
import { MINUTE, SECOND } from '../support/test-clock.js';
import { invalidRequest, REFUSED, wire } from '../support/http/wire.js';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const SAFARI = 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/605.1.15';
const LABEL_TAKES = 'takes a string of 1 to 100 characters.';
const USER_AGENT_TAKES = 'takes a string, the User-Agent header of the login.';
const IP_TAKES = 'takes an IPv4 or IPv6 address.';

/** What a list shows of a device. */
async function deviceOf(url: string, { subject, session_id }: IssuedSession): Promise<object> {
  const found = (await sessionsOf(url, subject)).find(({ id }) => id === session_id);
  return { label: found?.label, user_agent: found?.user_agent, ip: found?.ip };
}

/** A refresh with headers that tell of a device, which must succeed. */
async function refreshedFrom(
  url: string,
  token: string,
  headers: Record<string, string | string[]>,
): Promise<TokenResponse> {
  const answer = await call(`${url}/refresh_token`, { headers: { ...bearer(token), ...headers } });
  expect(answer.status).toBe(200);
  return json<TokenResponse>(answer);
}

describeOnEachDatabase("A session's device", (databaseName) => {
  const running = serviceForTheSuite(databaseName);
  let service: TestService;
  let url: string;
  let subject: string;
  let count = 0;

  beforeEach(() => {
    ({ service } = running);
    ({ url } = service);
    subject = `user ${(count += 1)}`;
  });

  describe('at the login', () => {
    it('is what the backend says of it, and not the backend', async () => {
      const said = { label: 'Zoë’s phone 🦉', user_agent: FIREFOX, ip: '203.0.113.7' };
      expect(await deviceOf(url, await signInWith(url, { subject, ...said }))).toEqual(said);

      const headers = { ...bearer(SERVICE_KEY), 'Content-Type': 'application/json', 'User-Agent': 'backend/1.0' };
      const silent = json<IssuedSession>(await call(`${url}/sessions`, { headers, body: JSON.stringify({ subject }) }));
      expect(await deviceOf(url, silent)).toEqual({ label: null, user_agent: null, ip: null });
    });

    it('is not in the answer, nor in the access token', async () => {
      const said = { label: 'My phone', user_agent: FIREFOX, ip: '203.0.113.7' };
      const answer = await postSession(url, { subject, ...said });
      const [, payload = ''] = json<IssuedSession>(answer).access_token.split('.');
      for (const text of Object.values(said)) {
        expect(answer.text).not.toContain(text);
        expect(Buffer.from(payload, 'base64url').toString()).not.toContain(text);
      }
    });

    it.each<[object, string]>([
      [{ label: '' }, `label: got 0 characters, ${LABEL_TAKES}`],
      [{ label: null }, `label: got null, ${LABEL_TAKES}`],
      [{ label: 7 }, `label: got a number, ${LABEL_TAKES}`],
      [{ label: 'a'.repeat(101) }, `label: got 101 characters, ${LABEL_TAKES}`],
      [{ label: 'a\0' }, `label: got U+0000 or half a character, ${LABEL_TAKES}`],
      [{ label: '\uD83E' }, `label: got U+0000 or half a character, ${LABEL_TAKES}`],
      [{ user_agent: 7 }, `user_agent: got a number, ${USER_AGENT_TAKES}`],
      [{ user_agent: [FIREFOX] }, `user_agent: got an array, ${USER_AGENT_TAKES}`],
      [{ user_agent: 'a\0' }, `user_agent: got U+0000 or half a character, ${USER_AGENT_TAKES}`],
      [{ user_agent: '\uD83E' }, `user_agent: got U+0000 or half a character, ${USER_AGENT_TAKES}`],
      [{ ip: 7 }, `ip: got a number, ${IP_TAKES}`],
      [{ ip: ['127.0.0.1'] }, `ip: got an array, ${IP_TAKES}`],
      ...[
        ' ',
        'localhost',
        'localhost:443',
        '256.0.0.1',
        '1.2.3',
        '010.0.0.1',
        '1.2.3.4:port',
        '1.2.3.4:123456',
        '[::1]',
        '[1.2.3.4]:443:443',
        '::g',
        '10.0.0.0/8',
        '203.0.113.7, 10.0.0.1',
        '203.0.113.7\n',
        `::1%${'a'.repeat(43)}`,
      ].map((ip): [object, string] => [{ ip }, `ip: got something else, ${IP_TAKES}`]),
    ])('is 400, and no session begins: %.60j', async (device, description) => {
      expect(wire(await postSession(url, { subject, ...device }))).toEqual(invalidRequest(description));
      expect(await sessionsOf(url, subject)).toEqual([]);
    });

    it.each<[string, object, object]>([
      ['a label of 100 emojis', { label: '🦉'.repeat(100) }, { label: '🦉'.repeat(100) }],
      ['512 characters', { user_agent: 'a'.repeat(512) }, { user_agent: 'a'.repeat(512) }],
      ['513 characters, cut', { user_agent: `${'a'.repeat(512)}b` }, { user_agent: 'a'.repeat(512) }],
      ['30,000 characters, cut', { user_agent: 'ab'.repeat(15_000) }, { user_agent: 'ab'.repeat(256) }],
      ['513 emojis, cut between two', { user_agent: '🦉'.repeat(513) }, { user_agent: '🦉'.repeat(512) }],
      ['an empty user agent, which is none', { user_agent: '' }, { user_agent: null }],
      ['null for a user agent, which is none', { user_agent: null }, { user_agent: null }],
      ['an empty address, which is none', { ip: '' }, { ip: null }],
      ['null for an address, which is none', { ip: null }, { ip: null }],
      ['a proxy’s word for no address (RFC 7239 §6)', { ip: 'unknown' }, { ip: null }],
      ['IPv4 with a port', { ip: '203.0.113.7:443' }, { ip: '203.0.113.7' }],
      ['IPv6 with a port', { ip: '[2001:db8::7]:443' }, { ip: '2001:db8::7' }],
      ['IPv4', { ip: '203.0.113.7' }, { ip: '203.0.113.7' }],
      ['IPv6', { ip: '2001:db8::7' }, { ip: '2001:db8::7' }],
      ['IPv4 that came over IPv6', { ip: '::ffff:203.0.113.7' }, { ip: '203.0.113.7' }],
      ['the same in upper case', { ip: '::FFFF:203.0.113.7' }, { ip: '203.0.113.7' }],
      [
        'the longest address there is',
        { ip: '2001:0db8:0000:0000:0000:ffff:255.255.255.255' },
        { ip: '2001:0db8:0000:0000:0000:ffff:255.255.255.255' },
      ],
    ])('takes %s', async (_, device, expected) => {
      expect(await deviceOf(url, await signInWith(url, { subject, ...device }))).toMatchObject(expected);
    });
  });

  describe('at a refresh', () => {
    const LOGIN = { label: 'My phone', user_agent: FIREFOX, ip: '203.0.113.7' };
    let session: IssuedSession;

    beforeEach(async () => {
      session = await signInWith(url, { subject, ...LOGIN });
      service.clock.advance(MINUTE);
    });

    it('is recorded anew, all but the label', async () => {
      const { refresh_token } = await refreshedFrom(url, session.refresh_token, { 'User-Agent': SAFARI });
      expect(await deviceOf(url, session)).toEqual({ label: 'My phone', user_agent: SAFARI, ip: '127.0.0.1' });

      service.clock.advance(MINUTE);
      await refreshedFrom(url, refresh_token, { 'User-Agent': FIREFOX });
      expect(await deviceOf(url, session)).toMatchObject({ user_agent: FIREFOX });
    });

    it('is recorded anew where the answer was lost, too', async () => {
      await refreshedFrom(url, session.refresh_token, { 'User-Agent': SAFARI });
      service.clock.advance(MINUTE);
      await refreshedFrom(url, session.refresh_token, { 'User-Agent': 'app/2.0' });
      expect(await deviceOf(url, session)).toMatchObject({ user_agent: 'app/2.0' });
    });

    it('is kept where the request tells nothing', async () => {
      await refreshed(url, session.refresh_token);
      expect(await deviceOf(url, session)).toMatchObject({ user_agent: FIREFOX });
      service.clock.advance(MINUTE);
      await refreshedFrom(url, session.refresh_token, { 'User-Agent': '' });
      expect(await deviceOf(url, session)).toMatchObject({ user_agent: FIREFOX });
    });

    it('is not recorded at a repeat: nothing is written within the leeway', async () => {
      const { refresh_token } = await refreshedFrom(url, session.refresh_token, { 'User-Agent': SAFARI });
      const before = await sessionRow(service.app, session.session_id);
      service.clock.advance(5 * SECOND);

      for (const token of [session.refresh_token, refresh_token]) {
        const repeated = await refreshedFrom(url, token, { 'User-Agent': 'another/1.0' });
        expect(repeated.refresh_token).toBe(refresh_token);
      }
      expect(await sessionRow(service.app, session.session_id)).toEqual(before);
    });

    it('is not recorded where the token is refused: a thief does not leave his name on it', async () => {
      const { refresh_token } = await refreshedFrom(url, session.refresh_token, { 'User-Agent': SAFARI });
      service.clock.advance(MINUTE);
      await refreshedFrom(url, refresh_token, { 'User-Agent': SAFARI });
      const thief = { ...bearer(session.refresh_token), 'User-Agent': 'thief/1.0' };
      expect(wire(await call(`${url}/refresh_token`, { headers: thief }))).toEqual(REFUSED);
      expect((await sessionRow(service.app, session.session_id))?.userAgent).toBe(SAFARI);
    });

    it('takes no more statements than a refresh without', async () => {
      const statements: string[] = [];
      const stop = await watchStatements(service.app.get(DataSource), (sql) => statements.push(gist(sql)));
      await refreshedFrom(url, session.refresh_token, { 'User-Agent': SAFARI });
      stop();
      expect(statements).toEqual(['UPDATE SET floor']);
    });

    it('is cut to 512 characters, and takes any byte that a header may have', async () => {
      await refreshedFrom(url, session.refresh_token, { 'User-Agent': 'a'.repeat(5_000) });
      expect(await deviceOf(url, session)).toMatchObject({ user_agent: 'a'.repeat(512) });
      service.clock.advance(MINUTE);
      const odd = `é\t"'\\;--\u0080\u00FF${'ÿ'.repeat(600)}`;
      await refreshedFrom(url, session.refresh_token, { 'User-Agent': odd });
      expect(await deviceOf(url, session)).toMatchObject({ user_agent: odd.slice(0, 512) });
    });

    it('is the first of two User-Agent headers, as Node has it', async () => {
      await refreshedFrom(url, session.refresh_token, { 'User-Agent': ['one/1.0', 'two/1.0'] });
      expect(await deviceOf(url, session)).toMatchObject({ user_agent: 'one/1.0' });
    });

    it('changes by nothing else: not by listing, naming, or a change of claims', async () => {
      const headers = { ...bearer(session.access_token), 'User-Agent': SAFARI, 'Content-Type': 'application/json' };
      await call(`${url}/sessions`, { method: 'GET', headers });
      await call(`${url}/sessions/${session.session_id}`, { method: 'PATCH', headers, body: '{"label":"x"}' });
      await patchSessions(url, SERVICE_KEY, `?subject=${encodeURIComponent(subject)}`, { claims: {} });
      expect(await deviceOf(url, session)).toEqual({ ...LOGIN, label: 'x' });
    });

    it('with RECORD_DEVICE=false is forgotten, all but the label', async () => {
      await withInstance(running, { RECORD_DEVICE: 'false' }, async (instance) => {
        // Not before it refreshes: nothing is rewritten at the start.
        expect(await deviceOf(instance.url, session)).toEqual(LOGIN);
        const { refresh_token } = await refreshedFrom(instance.url, session.refresh_token, { 'User-Agent': SAFARI });
        const nothing = { label: 'My phone', user_agent: null, ip: null };
        expect(await deviceOf(instance.url, session)).toEqual(nothing);
        service.clock.advance(MINUTE);
        await refreshedFrom(instance.url, refresh_token, { 'User-Agent': SAFARI });
        expect(await deviceOf(instance.url, session)).toEqual(nothing);

        const later = await signInWith(instance.url, { subject, ...LOGIN });
        expect(await deviceOf(instance.url, later)).toEqual(nothing);
      });
    });

    it('with RECORD_DEVICE=false is validated all the same', () =>
      withInstance(running, { RECORD_DEVICE: 'false' }, async (instance) => {
        const { status } = await postSession(instance.url, { subject, ip: 'nonsense' });
        expect(status).toBe(400);
      }));
  });
});

describe('The address of a session', () => {
  const CHAIN = '203.0.113.7, 198.51.100.9, 10.0.0.3';

  it.each<[string, string, string | string[] | undefined, string]>([
    ['false', 'no header', undefined, '127.0.0.1'],
    ['false', 'a forged header', CHAIN, '127.0.0.1'],
    ['0', 'a forged header', CHAIN, '127.0.0.1'],
    ['true', 'no header', undefined, '127.0.0.1'],
    ['true', 'a chain', CHAIN, '203.0.113.7'],
    ['true', 'two headers', ['203.0.113.7', '10.0.0.3'], '203.0.113.7'],
    ['true', 'IPv6', '2001:db8::7', '2001:db8::7'],
    ['true', 'IPv4 over IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
    ['1', 'a chain', CHAIN, '10.0.0.3'],
    ['2', 'a chain', CHAIN, '198.51.100.9'],
    ['3', 'a chain', CHAIN, '203.0.113.7'],
    ['9', 'a chain that is shorter', CHAIN, '203.0.113.7'],
    ['loopback', 'a chain', CHAIN, '10.0.0.3'],
    ['loopback, uniquelocal', 'a chain', CHAIN, '198.51.100.9'],
    ['127.0.0.0/8,10.0.0.0/8', 'a chain', CHAIN, '198.51.100.9'],
    ['127.0.0.1,10.0.0.3,198.51.100.0/24', 'a chain', CHAIN, '203.0.113.7'],
    ['10.0.0.0/8', 'a header from elsewhere', CHAIN, '127.0.0.1'],
    ['::1', 'a header from elsewhere', CHAIN, '127.0.0.1'],
  ])('with TRUST_PROXY=%s and %s', (trustProxy, _, forwarded, expected) =>
    withService('SQLite', { TRUST_PROXY: trustProxy }, async ({ url }) => {
      const session = await signIn(url);
      const headers = forwarded === undefined ? {} : { 'X-Forwarded-For': forwarded };
      await refreshedFrom(url, session.refresh_token, headers);
      expect(await deviceOf(url, session)).toMatchObject({ ip: expected });
    }),
  );

  it('is believed from X-Forwarded-For only, whoever is trusted', () =>
    withService('SQLite', { TRUST_PROXY: 'true' }, async ({ url }) => {
      const session = await signIn(url);
      await refreshedFrom(url, session.refresh_token, {
        Forwarded: 'for=203.0.113.7',
        'X-Real-IP': '203.0.113.7',
        'True-Client-IP': '203.0.113.7',
        'X-Forwarded-Host': '203.0.113.7',
      });
      expect(await deviceOf(url, session)).toMatchObject({ ip: '127.0.0.1' });
    }));

  it.each([
    ['203.0.113.7:443', '203.0.113.7'],
    ['[2001:db8::7]:443', '2001:db8::7'],
  ])('is without the port that a trusted proxy sends: %s', (forwarded, expected) =>
    withService('SQLite', { TRUST_PROXY: 'true' }, async ({ url }) => {
      const session = await signIn(url);
      await refreshedFrom(url, session.refresh_token, { 'X-Forwarded-For': forwarded });
      expect(await deviceOf(url, session)).toMatchObject({ ip: expected });
    }),
  );

  it.each(['unknown', '_hidden', '[2001:db8::7]', '', '<script>', "'; --", 'a'.repeat(5_000)])(
    'is the one before where a trusted proxy sends none: "%.20s"',
    (forwarded) =>
      withService('SQLite', { TRUST_PROXY: 'true' }, async ({ url }) => {
        const session = await signInWith(url, { subject: 'alice', ip: '198.51.100.9' });
        await refreshedFrom(url, session.refresh_token, { 'X-Forwarded-For': `${forwarded}` });
        const kept = forwarded === '' ? '127.0.0.1' : '198.51.100.9';
        expect(await deviceOf(url, session)).toMatchObject({ ip: kept });
      }),
  );
});

describeOnEachDatabase('A host’s login with ...deviceOf(request)', (databaseName) => {
  @Controller('login')
  class LoginController {
    constructor(private readonly refreshTokens: RefreshTokenService) {}

    @Post()
    login(@Req() request: AuthRequest): Promise<IssuedSession> {
      return this.refreshTokens.issue({ subject: 'alice', ...deviceOfRequest(request) });
    }
  }

  it.each<[string, Record<string, string>, object]>([
    [
      'all of it',
      { 'User-Agent': FIREFOX, 'X-Forwarded-For': '203.0.113.7' },
      { userAgent: FIREFOX, ip: '203.0.113.7' },
    ],
    ['a port', { 'X-Forwarded-For': '[2001:db8::7]:443' }, { userAgent: null, ip: '2001:db8::7' }],
    ['no User-Agent', {}, { userAgent: null, ip: '127.0.0.1' }],
    ['an empty User-Agent', { 'User-Agent': '' }, { userAgent: null, ip: '127.0.0.1' }],
    ['no address', { 'User-Agent': SAFARI, 'X-Forwarded-For': 'unknown' }, { userAgent: SAFARI, ip: null }],
    ['garbage for one', { 'X-Forwarded-For': '<script>' }, { userAgent: null, ip: null }],
  ])('does not fail for a request with %s', async (_, headers, expected) => {
    const host = await startGuardedHost({
      databaseName,
      controllers: [LoginController],
      trustProxy: true,
    });
    try {
      const answer = await call(`${host.url}/login`, { headers });
      expect(answer.status).toBe(201);
      const [session] = (await host.app.get(SessionService).list('alice')).sessions;
      expect(session).toMatchObject({ id: json<IssuedSession>(answer).session_id, ...expected });
    } finally {
      await host.close();
    }
  });
});

describeOnEachDatabase('The log', (databaseName) => {
  it('has no device, no label and no token, whatever becomes of a request', () =>
    withService(databaseName, { TRUST_PROXY: 'true' }, async ({ url, app, clock, log }) => {
      const device = { label: 'the-label', user_agent: 'the-agent-of-the-login', ip: '203.0.113.77' };
      const session = await signInWith(url, { subject: 'alice', ...device });
      const more = { 'User-Agent': 'the-agent-of-the-refresh', 'X-Forwarded-For': '198.51.100.88' };
      clock.advance(MINUTE);
      const tokens = await refreshedFrom(url, session.refresh_token, more);
      await refreshedFrom(url, session.refresh_token, more);
      await postSession(url, { subject: 'alice', user_agent: 'the-agent\0', ip: 'the-address', label: 'the-label' });
      await listed(url, tokens.access_token);
      await patchSessions(url, tokens.access_token, `/${session.session_id}`, { label: 'the-label-anew' });
      await patchSessions(url, SERVICE_KEY, '?subject=alice', { claims: { secret: 'the-claim' } });
      await call(`${url}/sessions?${tokens.refresh_token}`, { method: 'GET', headers: bearer(tokens.access_token) });
      await call(`${url}/sessions?cursor=${tokens.refresh_token}`, {
        method: 'GET',
        headers: { ...bearer(tokens.access_token), 'X-Request-Id': tokens.refresh_token },
      });
      await deleteSessions(url, tokens.refresh_token, `/${tokens.refresh_token}`);
      await call(`${url}/refresh_token`, { headers: { ...bearer('rt_forged'), ...more } });

      const database = app.get(DataSource);
      await database.query('ALTER TABLE refresh_token_sessions RENAME TO elsewhere');
      const lost = [
        await refresh(url, tokens.refresh_token),
        await postSession(url, { subject: 'alice', ...device }),
        await patchSessions(url, SERVICE_KEY, `/${session.session_id}`, { label: 'the-label' }),
        await patchSessions(url, SERVICE_KEY, '?subject=alice', { claims: { secret: 'the-claim' } }),
      ];
      expect(lost.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
      await database.query('ALTER TABLE elsewhere RENAME TO refresh_token_sessions');
      await deleteSessions(url, tokens.access_token);

      expect(eventsIn(log, 'request.unavailable').length).toBe(4);
      expect(eventsIn(log, 'session.ended').length).toBe(1);
      const secrets = [
        session.refresh_token,
        session.access_token,
        tokens.refresh_token,
        tokens.access_token,
        SERVICE_KEY,
      ];
      const hidden = [
        'the-label',
        'the-agent',
        'the-address',
        'the-claim',
        '203.0.113.77',
        '198.51.100.88',
        ...secrets,
      ];
      const text = log.join('\n');
      expect(hidden.filter((word) => text.includes(word))).toEqual([]);
    }));
});
