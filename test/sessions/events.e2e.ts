import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  type IssuedSession,
  type IssueOptions,
  LegacyTokens,
  RefreshTokenService,
  RefreshTokenSession,
  type SessionEvent,
  SessionObserver,
  SessionService,
} from 'nest-refresh-token';
import { DataSource } from 'typeorm';
import { connectTo } from '../support/databases/database-connection.js';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { whileNothingEnds } from '../support/databases/failing-writes.js';
import { bearer, call, json, logout, refresh, refreshed, type Answer } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { until } from '../support/servers/process.js';
import {
  hostForTheSuite,
  ScriptedObserver,
  ScriptedPolicy,
  type ScriptedHost,
} from '../support/hosts/scripted-host.js';
import { endOf, loseSession, sessionRow } from '../support/databases/session-rows.js';
import { MINUTE, SECOND } from '../support/test-clock.js';
import { NO_CONTENT, REFUSED, UNAVAILABLE, wire } from '../support/http/wire.js';
import { limit } from '../support/time.js';

/** The host's tokens of old: `old-token-of-<user>-<anything>`. */
@Injectable()
class OldTokens extends LegacyTokens {
  override resolve(token: string): IssueOptions | null {
    const [, subject] = /^old-token-of-(\w+)-/.exec(token) ?? [];
    return subject === undefined ? null : { subject, clientId: 'old app' };
  }
}

const parts = { sessionObserver: ScriptedObserver, sessionPolicy: ScriptedPolicy, legacyTokens: OldTokens };

function issue({ refreshTokens }: ScriptedHost, options: Partial<IssueOptions> = {}): Promise<IssuedSession> {
  return refreshTokens.issue({ subject: 'alice', ...options });
}

/** What happened to a session after it was created. */
function sinceCreated({ script }: ScriptedHost, { session_id }: IssuedSession): SessionEvent[] {
  return script.eventsOf(session_id).filter(({ type }) => type !== 'created');
}

function outcomes(events: readonly SessionEvent[]): string[] {
  return events.map((event) => (event.type === 'refreshed' ? event.outcome : event.type));
}

/** A session whose first token is displaced, and the newest one. */
async function displaced(host: ScriptedHost): Promise<{ session: IssuedSession; newest: string }> {
  const session = await issue(host);
  host.clock.advance(MINUTE);
  const second = await refreshed(host.url, session.refresh_token);
  host.clock.advance(MINUTE);
  const third = await refreshed(host.url, second.refresh_token);
  host.clock.advance(MINUTE);
  host.script.reset();
  return { session, newest: third.refresh_token };
}

/** Sets a session's row back to what it was, as a restored backup does. */
async function setBack({ app }: ScriptedHost, row: RefreshTokenSession | null): Promise<void> {
  await app
    .get(DataSource)
    .getRepository(RefreshTokenSession)
    .save(row as RefreshTokenSession);
}

function atOnce<T>(times: number, work: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: times }, work));
}

describeOnEachDatabase('A session observer', (name) => {
  const running = hostForTheSuite(name, parts, { session: { maxSessionsPerSubject: 50 } });

  describe('is told, with exactly this,', () => {
    it.each([
      ['a client', { clientId: 'web app' }, 'web app'],
      ['no client', {}, null],
    ])('that a session was created: with %s', async (_, options, clientId) => {
      const { host } = running;
      const { session_id: sessionId } = await issue(host, options);
      expect(host.script.events).toEqual([
        { type: 'created', at: host.clock.now(), sessionId, subject: 'alice', clientId },
      ]);
    });

    it('that a session was created for a token of old, once, and then refreshed', async () => {
      const { host } = running;
      const token = `old-token-of-olga-${name}`;
      await refreshed(host.url, token);
      host.clock.advance(MINUTE);
      await refreshed(host.url, token);

      const [created] = host.script.events;
      const { sessionId, at } = created as SessionEvent;
      const common = { sessionId, subject: 'olga' };
      expect(host.script.events).toEqual([
        { type: 'created', at, ...common, clientId: 'old app' },
        { type: 'refreshed', at, ...common, outcome: 'rotated' },
        { type: 'refreshed', at: at + MINUTE, ...common, outcome: 'recovered' },
      ]);
    });

    it('how a refresh was answered', async () => {
      const { host } = running;
      const session = await issue(host);
      const row = await sessionRow(host.app, session.session_id);
      const times: number[] = [];
      const present = async (token: string) => {
        times.push(host.clock.now());
        return (await refreshed(host.url, token)).refresh_token;
      };
      host.clock.advance(MINUTE);
      await present(session.refresh_token);
      host.clock.advance(10 * SECOND - 1);
      await present(session.refresh_token);
      host.clock.advance(1);
      const sibling = await present(session.refresh_token);
      host.clock.advance(MINUTE);
      const newest = await present(sibling);
      await setBack(host, row);
      await present(newest);

      const common = { type: 'refreshed', sessionId: session.session_id, subject: 'alice' };
      expect(sinceCreated(host, session)).toEqual(
        ['rotated', 'repeated', 'recovered', 'rotated', 'store_behind'].map((outcome, index) => ({
          ...common,
          at: times[index],
          outcome,
        })),
      );
    });

    it.each<[string, string, (host: ScriptedHost, session: IssuedSession) => Promise<unknown>]>([
      ['logout', 'its refresh token at /logout', ({ url }, { refresh_token }) => logout(url, refresh_token)],
      ['logout', 'RefreshTokenService.revoke', (host, session) => host.refreshTokens.revoke(session.refresh_token)],
      [
        'user',
        'DELETE /sessions/:id',
        ({ url }, session) =>
          call(`${url}/sessions/${session.session_id}`, { method: 'DELETE', headers: bearer(session.access_token) }),
      ],
      [
        'user',
        'DELETE /sessions',
        ({ url }, session) => call(`${url}/sessions`, { method: 'DELETE', headers: bearer(session.access_token) }),
      ],
      [
        'user',
        'SessionService.end by the user',
        (host, { session_id }) => host.sessions.end(session_id, { by: 'user' }),
      ],
      ['service', 'SessionService.end', (host, { session_id }) => host.sessions.end(session_id)],
      ['service', 'SessionService.endAll', (host, { subject }) => host.sessions.endAll(subject)],
      ['service', 'a login with revokeOthers', (host, { subject }) => issue(host, { subject, revokeOthers: true })],
    ])('that it was ended, with the reason %s, by %s, and not again', async (reason, _, end) => {
      const { host } = running;
      const subject = `ended by ${_}`;
      const session = await issue(host, { subject });
      await end(host, session);
      const ended = { type: 'ended', at: host.clock.now(), sessionId: session.session_id, subject, reason };
      expect(sinceCreated(host, session)).toEqual([ended]);

      host.clock.advance(MINUTE);
      expect(wire(await logout(host.url, session.refresh_token))).toEqual(NO_CONTENT);
      await end(host, session);
      await host.sessions.end(session.session_id);
      await host.sessions.endAll(subject);
      expect(wire(await refresh(host.url, session.refresh_token))).toEqual(REFUSED);
      expect(sinceCreated(host, session)).toEqual([ended]);
    });

    it('that the policy ended it, with what the policy said', async () => {
      const { host } = running;
      const session = await issue(host);
      host.script.onRefresh = () => ({ allow: false, reason: 'banned' });
      await refresh(host.url, session.refresh_token);
      const common = { at: host.clock.now(), sessionId: session.session_id, subject: 'alice' };
      expect(sinceCreated(host, session)).toEqual([
        { type: 'ended', ...common, reason: 'policy', policyReason: 'banned' },
      ]);
    });

    it('of each session that is ended together with others, expired ones too, and of none that was spared', async () => {
      const { host } = running;
      const [one, two, spared] = [
        await issue(host, { subject: 'together' }),
        await issue(host, { subject: 'together' }),
        await issue(host, { subject: 'together' }),
      ];
      await host.sessions.endAll('together', { exceptSessionId: spared.session_id });
      for (const session of [one, two]) expect(sinceCreated(host, session)).toMatchObject([{ reason: 'service' }]);
      expect(sinceCreated(host, spared)).toEqual([]);
    });

    it('that a limit ended it, after the session that it makes room for was created', async () => {
      const { host } = running;
      const sessions: IssuedSession[] = [];
      for (let login = 0; login < 51; login += 1) {
        host.clock.advance(1);
        sessions.push(await issue(host, { subject: 'many' }));
      }
      expect(host.script.events.slice(-2)).toMatchObject([
        { type: 'created', sessionId: sessions[50]?.session_id },
        {
          type: 'ended',
          at: host.clock.now(),
          sessionId: sessions[0]?.session_id,
          subject: 'many',
          reason: 'limit',
        },
      ]);
      expect(host.script.events).toHaveLength(52);
    });

    it('of a second holder, and of the end of the session', async () => {
      const { host } = running;
      const { session, newest } = await displaced(host);
      expect(wire(await refresh(host.url, session.refresh_token))).toEqual(REFUSED);

      const common = { at: host.clock.now(), sessionId: session.session_id, subject: 'alice' };
      const told = [
        { type: 'ended', ...common, reason: 'reuse' },
        { type: 'reuse_detected', ...common },
      ];
      expect(host.script.events).toHaveLength(2);
      expect(host.script.events).toEqual(expect.arrayContaining(told));
      // A dead session proves nothing any more.
      for (const token of [newest, session.refresh_token]) await refresh(host.url, token);
      expect(host.script.events).toHaveLength(2);
    });

    it('of a session that the database has lost', async () => {
      const { host } = running;
      const session = await issue(host);
      await loseSession(host.app, session.session_id);
      expect(wire(await refresh(host.url, session.refresh_token))).toEqual(UNAVAILABLE);
      const lost = { type: 'session_lost', at: host.clock.now(), sessionId: session.session_id };
      expect(sinceCreated(host, session)).toEqual([lost]);
      expect(wire(await logout(host.url, session.refresh_token))).toEqual(UNAVAILABLE);
      expect(sinceCreated(host, session)).toEqual([lost, lost]);
    });
  });

  describe('is told nothing', () => {
    it('of what is refused without a change', async () => {
      const { host } = running;
      const { refresh_token } = await issue(host);
      const last = refresh_token.endsWith('A') ? 'B' : 'A';
      const forged = refresh_token.slice(0, -1) + last;
      host.script.reset();
      for (const token of [forged, 'nonsense']) {
        await refresh(host.url, token);
        await logout(host.url, token);
      }
      await host.sessions.end('00000000-0000-0000-0000-000000000000');
      await host.sessions.endAll('nobody');
      expect(host.script.events).toEqual([]);
    });

    it.each<[string, (host: ScriptedHost, session: IssuedSession) => Promise<unknown>]>([
      ['logout', ({ url }, { refresh_token }) => expectUnavailable(logout(url, refresh_token))],
      ['end', (host, { session_id }) => host.sessions.end(session_id)],
      ['endAll', (host, { subject }) => host.sessions.endAll(subject)],
      ['revokeOthers', (host, { subject }) => issue(host, { subject, revokeOthers: true })],
    ])('of an end that the database refused: %s', async (how, end) => {
      const { host } = running;
      const session = await issue(host, { subject: `not ended by ${how}` });
      await whileNothingEnds(host.app, () => end(host, session).catch((error: unknown) => error));
      expect(host.script.events.filter(({ type }) => type === 'ended')).toEqual([]);
      await host.sessions.end(session.session_id);
      expect(sinceCreated(host, session)).toHaveLength(1);
    });

    it('of a reuse whose end the database refused: the next try is told of', async () => {
      const { host } = running;
      const { session } = await displaced(host);
      await whileNothingEnds(host.app, () => expectUnavailable(refresh(host.url, session.refresh_token)));
      expect(host.script.events).toEqual([]);
      expect(wire(await refresh(host.url, session.refresh_token))).toEqual(REFUSED);
      expect(host.script.events.map(({ type }) => type).toSorted()).toEqual(['ended', 'reuse_detected']);
    });
  });

  describe('in a race', () => {
    it('of 10 reuses is told of one, and of one end', async () => {
      const { host } = running;
      const { session } = await displaced(host);
      const refused = await atOnce(10, () =>
        host.refreshTokens.refresh(session.refresh_token).catch((error: unknown) => error),
      );
      for (const error of refused) expect(error).toMatchObject({ code: 'invalid_refresh_token' });
      expect(host.script.events.map(({ type }) => type).toSorted()).toEqual(['ended', 'reuse_detected']);
      expect(host.script.events).toContainEqual(expect.objectContaining({ type: 'ended', reason: 'reuse' }));
    });

    it('of all that ends a session is told of one end', async () => {
      const { host } = running;
      const session = await issue(host, { subject: 'ended by all' });
      await Promise.all([
        logout(host.url, session.refresh_token),
        host.sessions.end(session.session_id),
        host.sessions.end(session.session_id, { by: 'user' }),
        host.sessions.endAll('ended by all'),
        logout(host.url, session.refresh_token),
      ]);
      expect(sinceCreated(host, session)).toHaveLength(1);
      const { reason } = (await endOf(host.app, session.session_id)) ?? {};
      expect(sinceCreated(host, session)).toMatchObject([{ type: 'ended', reason }]);
    });
  });

  it('never reads a token, nor does the log', async () => {
    const { host } = running;
    const logged = host.log.length;
    const tokens: string[] = [];
    const keep = (answer: Answer) => {
      const { access_token, refresh_token } = json<Partial<IssuedSession>>(answer);
      tokens.push(...[access_token, refresh_token].filter((token) => token !== undefined));
    };
    const old = `old-token-of-wanda-${name}-0123456789abcdef`;
    keep(await refresh(host.url, old));
    const { session, newest } = await displaced(host);
    tokens.push(session.refresh_token, session.access_token, newest, old);
    keep(await refresh(host.url, newest));
    await whileNothingEnds(host.app, () => logout(host.url, newest));
    keep(await refresh(host.url, session.refresh_token));
    const lost = await issue(host);
    tokens.push(lost.refresh_token, lost.access_token);
    host.script.observe = () => fail();
    await loseSession(host.app, lost.session_id);
    await refresh(host.url, lost.refresh_token);
    await logout(host.url, lost.refresh_token);

    const written = JSON.stringify([host.script.events, host.log.slice(logged)]);
    expect(written).toContain(session.session_id);
    expect(tokens.length).toBeGreaterThan(8);
    const traces = tokens.flatMap((token) => {
      const handle = Buffer.from(token.slice(3), 'base64url').subarray(1, 17);
      const jwtParts = token.split('.').filter((part) => part.length > 40);
      return token.startsWith('rt_')
        ? [token, handle.toString('hex'), handle.toString('base64url')]
        : [token, ...jwtParts];
    });
    expect(traces.filter((trace) => written.includes(trace))).toEqual([]);
  });
});

describeOnEachDatabase('A session observer without a leeway, in one millisecond,', (name) => {
  const running = hostForTheSuite(name, { sessionObserver: ScriptedObserver }, { refreshToken: { leeway: 0 } });

  it('is told rotations from lost answers', async () => {
    const { host } = running;
    const session = await issue(host);
    const second = await refreshed(host.url, session.refresh_token);
    await refreshed(host.url, session.refresh_token);
    const third = await refreshed(host.url, session.refresh_token);
    await refreshed(host.url, third.refresh_token);
    await refreshed(host.url, third.refresh_token);
    await refresh(host.url, second.refresh_token);

    expect(outcomes(sinceCreated(host, session)).slice(0, 5)).toEqual([
      'rotated',
      'recovered',
      'recovered',
      'rotated',
      'recovered',
    ]);
    expect(outcomes(sinceCreated(host, session)).slice(5).toSorted()).toEqual(['ended', 'reuse_detected']);
    expect(new Set(sinceCreated(host, session).map(({ at }) => at))).toEqual(new Set([host.clock.now()]));
  });

  it('of 20 refreshes at once is told of one rotation', async () => {
    const { host } = running;
    const session = await issue(host);
    await atOnce(20, () => refreshed(host.url, session.refresh_token));
    expect(outcomes(sinceCreated(host, session)).toSorted()).toEqual([
      ...Array.from({ length: 19 }, () => 'recovered'),
      'rotated',
    ]);
  });

  it('of 20 refreshes at once with a token ahead of its row is told that once', async () => {
    const { host } = running;
    const session = await issue(host);
    const row = await sessionRow(host.app, session.session_id);
    const { refresh_token } = await refreshed(host.url, session.refresh_token);
    await setBack(host, row);
    host.script.reset();
    await atOnce(20, () => refreshed(host.url, refresh_token));
    expect(outcomes(sinceCreated(host, session)).toSorted()).toEqual([
      ...Array.from({ length: 19 }, () => 'recovered'),
      'store_behind',
    ]);
  });
});

describeOnEachDatabase('A session observer is told after the commit:', (name) => {
  const running = hostForTheSuite(name, parts);

  it('another connection reads at once what it is told', async () => {
    const { host, database } = running;
    const beside = await connectTo(database.url);
    const session = await issue(host);
    const seen: Promise<Record<string, unknown>[]>[] = [];
    host.script.reset();
    host.script.observe = ({ sessionId }) => {
      const columns = 'used, issued, revoked_reason';
      seen.push(beside.query(`SELECT ${columns} FROM refresh_token_sessions WHERE id = '${sessionId}'`));
    };
    const { session_id } = await issue(host);
    host.clock.advance(MINUTE);
    await refreshed(host.url, session.refresh_token);
    await host.sessions.end(session.session_id);

    const [[created], [rotated], [ended]] = (await Promise.all(seen)) as [
      Record<string, unknown>[],
      Record<string, unknown>[],
      Record<string, unknown>[],
    ];
    await beside.close();
    expect(host.script.events.map(({ sessionId }) => sessionId)).toEqual([
      session_id,
      session.session_id,
      session.session_id,
    ]);
    expect(created).toMatchObject({ revoked_reason: null });
    expect(Number(created?.['used'])).toBe(0);
    expect(Number(rotated?.['issued'])).toBe(host.clock.now());
    expect(ended).toMatchObject({ revoked_reason: 'service' });
  });
});

/** What a query builder returns: no promise, but to be waited for all the same. */
class Query {
  constructor(private readonly error: Error) {}

  // oxlint-disable-next-line no-thenable
  then(_: unknown, reject: (error: Error) => void): void {
    reject(this.error);
  }
}

describeOnEachDatabase('A session observer that', (name) => {
  const running = hostForTheSuite(name, parts);

  it.each<[string, (event: SessionEvent) => unknown, RegExp | undefined]>([
    ['throws', () => fail(), /Error: the mailer is out of order\n/],
    ['rejects', () => Promise.reject(new Error('the mailer is out of order')), /^Error: the mailer is out of order\n/],
    ['throws no error', () => Promise.reject('hunter2'), /^string$/], // oxlint-disable-line prefer-promise-reject-errors
    ['throws undefined', () => Promise.reject(undefined), /^undefined$/], // oxlint-disable-line prefer-promise-reject-errors
    [
      'rejects by a promise of another kind',
      () => new Query(new Error('the mailer is out of order')),
      /^Error: the mailer is out of order\n/,
    ],
    ['hangs', () => new Promise(() => undefined), undefined],
    ['changes the event', (event) => Object.assign(event, { sessionId: 'changed' }), /^TypeError: /],
    [
      'takes the event apart',
      (event) => Reflect.deleteProperty(event, 'at') || fail(),
      /^Error: the mailer is out of order\n/,
    ],
  ])('%s disturbs nothing, and the log says that it failed', async (_, observe, cause) => {
    const { host } = running;
    const logged = host.log.length;
    host.script.observe = observe;
    const begun = performance.now();
    const session = await issue(host, { subject: 'observed' });
    host.clock.advance(MINUTE);
    const { refresh_token } = await refreshed(host.url, session.refresh_token);
    host.clock.advance(MINUTE);
    await refreshed(host.url, refresh_token);
    host.clock.advance(MINUTE);
    expect(wire(await refresh(host.url, session.refresh_token))).toEqual(REFUSED);
    expect(await endOf(host.app, session.session_id)).toMatchObject({ reason: 'reuse' });
    const other = await issue(host, { subject: 'observed' });
    expect(wire(await logout(host.url, other.refresh_token))).toEqual(NO_CONTENT);
    expect(performance.now() - begun).toBeLessThan(limit(1_300));

    expect(host.script.events).toHaveLength(7);
    for (const { sessionId } of host.script.events) {
      expect([session.session_id, other.session_id]).toContain(sessionId);
    }
    const failures = () => eventsIn(host.log.slice(logged), 'observer.failed');
    if (cause) {
      await until('the failures are logged', () => failures().length === 7 || undefined);
      expect(failures().map(({ observed, session_id }) => ({ observed, session_id }))).toEqual(
        host.script.events.map(({ type, sessionId }) => ({ observed: type, session_id: sessionId })),
      );
      for (const failure of failures()) expect(failure['cause']).toMatch(cause);
    } else {
      expect(failures()).toEqual([]);
    }
    expect(host.log.slice(logged).join('\n')).not.toContain('hunter2');
  });

  it('throws an error with secrets on it leaves them out of the log', async () => {
    const { host } = running;
    const logged = host.log.length;
    const config = { headers: { Authorization: 'Bearer hunter2-key' } };
    host.script.observe = () => {
      const cause = new Error('smtp://app:hunter2@mail', { cause: 'hunter2' });
      throw Object.assign(new Error('HTTP 500', { cause }), { config, code: 'hunter2' });
    };
    await issue(host, { claims: { private: 'hunter2' }, label: 'hunter2' });
    const written = host.log.slice(logged);
    expect(eventsIn(written, 'observer.failed')).toHaveLength(1);
    expect(written.join('\n')).not.toContain('hunter2');
  });
});

@Injectable()
class Guardian extends SessionObserver {
  readonly done: Promise<unknown>[] = [];

  constructor(
    private readonly sessions: SessionService,
    private readonly refreshTokens: RefreshTokenService,
  ) {
    super();
  }

  /** Where a token was stolen, no session of the user's is trusted any more. */
  override async observe(event: SessionEvent): Promise<void> {
    if (event.type !== 'reuse_detected') return;
    await this.sessions.endAll(event.subject);
    await this.refreshTokens.issue({ subject: `warned: ${event.subject}` });
  }
}

describeOnEachDatabase("A session observer that injects the module's own services", (name) => {
  const running = hostForTheSuite(name, { sessionObserver: Guardian });

  it('may end sessions, and start some', async () => {
    const { host } = running;
    const { session } = await displaced(host);
    const [other, bob] = [await issue(host), await issue(host, { subject: 'bob' })];
    expect(wire(await refresh(host.url, session.refresh_token))).toEqual(REFUSED);

    await until('the user is warned', async () => {
      const { sessions } = await host.sessions.list('warned: alice');
      return sessions.length === 1 || undefined;
    });
    expect(await endOf(host.app, other.session_id)).toMatchObject({ reason: 'service' });
    expect(await endOf(host.app, bob.session_id)).toBeNull();
  });
});

async function expectUnavailable(answer: Promise<Answer>): Promise<void> {
  expect(wire(await answer)).toEqual(UNAVAILABLE);
}

function fail(): never {
  throw new Error('the mailer is out of order');
}
