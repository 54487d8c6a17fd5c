import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { IssuedSession, IssueOptions } from 'nest-refresh-token';
import { DataSource } from 'typeorm';
import {
  createDatabase,
  describeOnEachDatabase,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases/databases.js';
import { json, logout, postSession, refresh, refreshed, signIn } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { withService } from '../support/servers/running-service.js';
import {
  hostForTheSuite,
  ScriptedObserver,
  startScriptedHost,
  type HostOverrides,
  type ScriptedHost,
} from '../support/hosts/scripted-host.js';
import { endOf } from '../support/databases/session-rows.js';
import { DAY, HOUR, MINUTE, SECOND, TestClock } from '../support/test-clock.js';
import { invalidRequest, REFUSED, UNAVAILABLE, wire } from '../support/http/wire.js';
import { whileNothingEnds } from '../support/databases/failing-writes.js';

const parts = { sessionObserver: ScriptedObserver };

/** Logs a user in so many times, a minute apart. */
async function logins(
  { refreshTokens, clock }: ScriptedHost,
  subject: string,
  count: number,
): Promise<IssuedSession[]> {
  const sessions: IssuedSession[] = [];
  for (let login = 0; login < count; login += 1) {
    clock.advance(MINUTE);
    sessions.push(await refreshTokens.issue({ subject }));
  }
  return sessions;
}

/** Why each session was ended; `null` for those that live. */
function ends({ app }: ScriptedHost, sessions: readonly IssuedSession[]): Promise<(string | null)[]> {
  return Promise.all(sessions.map(async ({ session_id }) => (await endOf(app, session_id))?.reason ?? null));
}

function idsOf(sessions: readonly IssuedSession[]): string[] {
  return sessions.map(({ session_id }) => session_id);
}

/** Hosts on one database: one on SQLite, several instances on PostgreSQL. */
async function startInstances(
  name: DatabaseName,
  database: TestDatabase,
  count: number,
  overrides: HostOverrides,
): Promise<ScriptedHost[]> {
  const hosts: ScriptedHost[] = [];
  for (let instance = 0; instance < (name === 'PostgreSQL' ? count : 1); instance += 1) {
    hosts.push(await startScriptedHost(database, parts, overrides));
  }
  return hosts;
}

/** Logins of one user at once, spread over the instances. */
function loginsAtOnce(hosts: readonly ScriptedHost[], count: number, options: IssueOptions): Promise<IssuedSession[]> {
  return Promise.all(
    Array.from({ length: count }, (_, login) =>
      (hosts[login % hosts.length] as ScriptedHost).refreshTokens.issue(options),
    ),
  );
}

async function liveIds({ sessions }: ScriptedHost, subject: string): Promise<string[]> {
  return (await sessions.list(subject)).sessions.map(({ id }) => id);
}

/** Of whom the observers were told that he was ended, with the reason. */
function toldEnds(hosts: readonly ScriptedHost[], subject: string): string[][] {
  return hosts
    .flatMap(({ script }) => script.events)
    .flatMap((event) => (event.type === 'ended' && event.subject === subject ? [[event.sessionId, event.reason]] : []));
}

describeOnEachDatabase('maxSessionsPerSubject', (name) => {
  const running = hostForTheSuite(name, parts, { session: { maxSessionsPerSubject: 3 } });

  it('lets a user have that many, and ends the oldest at the login beyond', async () => {
    const { host } = running;
    const sessions = await logins(host, 'alice', 5);

    expect(await ends(host, sessions)).toEqual(['limit', 'limit', null, null, null]);
    const [first, , third, , fifth] = sessions as [IssuedSession, IssuedSession, IssuedSession, unknown, IssuedSession];
    expect(wire(await refresh(host.url, first.refresh_token))).toEqual(REFUSED);
    await refreshed(host.url, third.refresh_token);
    await refreshed(host.url, fifth.refresh_token);
    const ended = host.script.events.filter(({ type }) => type === 'ended');
    expect(ended.map(({ sessionId }) => sessionId)).toEqual(idsOf(sessions.slice(0, 2)));
    expect(ended[0]).toMatchObject({ subject: 'alice', reason: 'limit' });
  });

  it('takes the oldest for the one that began first, however lately it was used', async () => {
    const { host } = running;
    const sessions = await logins(host, 'busy', 3);
    await refreshed(host.url, sessions[0]?.refresh_token ?? '');
    sessions.push(...(await logins(host, 'busy', 1)));
    expect(await ends(host, sessions)).toEqual(['limit', null, null, null]);
  });

  it('does not count sessions that have ended, even where they are newer', async () => {
    const { host } = running;
    const live = await logins(host, 'bob', 1);
    const ended = await logins(host, 'bob', 2);
    for (const { refresh_token } of ended) await host.refreshTokens.revoke(refresh_token);
    live.push(...(await logins(host, 'bob', 2)));
    expect(await ends(host, [...live, ...ended])).toEqual([null, null, null, 'logout', 'logout']);

    await logins(host, 'bob', 1);
    expect(await ends(host, live)).toEqual(['limit', null, null]);
  });

  it('does not count sessions that have expired, even where they are newer, and leaves them as they were', async () => {
    const { host } = running;
    const live = await logins(host, 'ben', 1);
    const expired = await logins(host, 'ben', 2);
    host.clock.advance(20 * DAY);
    await refreshed(host.url, live[0]?.refresh_token ?? '');
    host.clock.advance(20 * DAY);
    live.push(...(await logins(host, 'ben', 2)));
    expect(await ends(host, [...live, ...expired])).toEqual([null, null, null, null, null]);

    await logins(host, 'ben', 1);
    expect(await ends(host, [...live, ...expired])).toEqual(['limit', null, null, null, null]);
  });

  it("leaves other users' sessions alone", async () => {
    const { host } = running;
    const others = [
      ...(await logins(host, 'Carol', 1)),
      ...(await logins(host, 'carol ', 1)),
      ...(await logins(host, 'caro_', 1)),
    ];
    await logins(host, 'carol', 5);
    expect(await ends(host, others)).toEqual([null, null, null]);
  });

  it('ends nobody at a refresh', async () => {
    const { host } = running;
    const sessions = await logins(host, 'dave', 3);
    for (const { refresh_token } of sessions) await refreshed(host.url, refresh_token);
    expect(await ends(host, sessions)).toEqual([null, null, null]);
  });

  it('is a 503 where the oldest can’t be ended: no token is handed out for a session too many', async () => {
    const { host } = running;
    const sessions = await logins(host, 'erin', 3);
    host.clock.advance(MINUTE);
    const login = whileNothingEnds(host.app, () => host.refreshTokens.issue({ subject: 'erin' }));
    await expect(login).rejects.toMatchObject({ code: 'temporarily_unavailable', reason: 'database' });
    expect(host.script.events.filter(({ type }) => type === 'ended')).toEqual([]);
    expect(await ends(host, sessions)).toEqual([null, null, null]);
  });

  it('is kept by the next login where it was broken', async () => {
    const { host } = running;
    const dataSource = host.app.get(DataSource);
    const sessions = await logins(host, 'frank', 3);
    await dataSource.query("UPDATE refresh_token_sessions SET subject = 'frankie' WHERE subject = 'frank'");
    const more = await logins(host, 'frank', 3);
    await dataSource.query("UPDATE refresh_token_sessions SET subject = 'frank' WHERE subject = 'frankie'");
    const last = await logins(host, 'frank', 1);
    expect(await ends(host, [...sessions, ...more, ...last])).toEqual([
      'limit',
      'limit',
      'limit',
      'limit',
      null,
      null,
      null,
    ]);
  });
});

describeOnEachDatabase('20 logins at once', (name) => {
  const hosts: ScriptedHost[] = [];
  const clock = new TestClock();
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createDatabase(name);
    hosts.push(...(await startInstances(name, database, 3, { clock, session: { maxSessionsPerSubject: 4 } })));
  });
  afterAll(async () => {
    await Promise.all(hosts.map(({ app }) => app.close()));
    await database.drop();
  });

  function atOnce(subject: string, between: number): Promise<IssuedSession[]> {
    return Promise.all(
      Array.from({ length: 20 }, (_, login) => {
        clock.advance(between);
        return (hosts[login % hosts.length] as ScriptedHost).refreshTokens.issue({ subject });
      }),
    );
  }

  it.each([
    ['a millisecond apart', 1],
    ['in one millisecond', 0],
  ])('leave exactly as many, on however many instances: %s', async (_, between) => {
    const host = hosts[0] as ScriptedHost;
    for (const round of [1, 2, 3]) {
      const subject = `${round}, ${between} ms`;
      const sessions = await atOnce(subject, between);
      const reasons = await ends(host, sessions);
      expect(reasons.filter((reason) => reason === null)).toHaveLength(4);
      expect(new Set(reasons)).toEqual(new Set([null, 'limit']));
      // Each once, whichever login it was that ended it.
      const ended = sessions.filter((_session, login) => reasons[login] === 'limit');
      expect(toldEnds(hosts, subject).toSorted()).toEqual(
        idsOf(ended)
          .map((id) => [id, 'limit'])
          .toSorted(),
      );
    }
  });

  it('leave the session of nobody else out, and none too few where there were some before', async () => {
    const host = hosts[0] as ScriptedHost;
    const others = await logins(host, 'other', 4);
    await logins(host, 'again', 4);
    for (const _ of [1, 2, 3, 4]) {
      await loginsAtOnce(hosts, 8, { subject: 'again' });
      expect(await liveIds(host, 'again')).toHaveLength(4);
    }
    // Two at once end two of those before, and neither of the two.
    clock.advance(MINUTE);
    const two = await loginsAtOnce(hosts, 2, { subject: 'again' });
    expect(await liveIds(host, 'again')).toEqual(expect.arrayContaining(idsOf(two)));
    expect(await ends(host, others)).toEqual([null, null, null, null]);
  });

  it('and an ending of all leave no more than as many, and nobody is answered 503', async () => {
    const host = hosts[0] as ScriptedHost;
    for (const _ of [1, 2, 3]) {
      await Promise.all([
        loginsAtOnce(hosts, 8, { subject: 'banned' }),
        ...hosts.map(({ sessions }) => sessions.endAll('banned')),
        ...hosts.map(({ sessions }) => sessions.update('banned', { scope: 'read' })),
      ]);
      expect((await liveIds(host, 'banned')).length).toBeLessThanOrEqual(4);
    }
  });
});

describeOnEachDatabase('8 logins at once with revokeOthers', (name) => {
  let database: TestDatabase;
  let hosts: ScriptedHost[];
  const clock = new TestClock();

  beforeAll(async () => {
    database = await createDatabase(name);
    hosts = await startInstances(name, database, 2, { clock });
  });
  afterAll(async () => {
    await Promise.all(hosts.map(({ app }) => app.close()));
    await database.drop();
  });

  it.each([
    ['in one millisecond', 0],
    ['rounds a minute apart', MINUTE],
  ])('leave exactly one of them: %s', async (_, between) => {
    const host = hosts[0] as ScriptedHost;
    const subject = `alice, ${between} ms`;
    const all: IssuedSession[] = [];
    const [bob] = await logins(host, 'bob', 1);
    for (let round = 0; round < 6; round += 1) {
      clock.advance(between);
      const sessions = await loginsAtOnce(hosts, 8, { subject, revokeOthers: true });
      all.push(...sessions);
      const live = await liveIds(host, subject);
      expect(live).toHaveLength(1);
      expect(idsOf(sessions)).toContain(live[0]);

      const answers = await Promise.all(sessions.map(({ refresh_token }) => refresh(host.url, refresh_token)));
      expect(answers.map(({ status }) => status)).toEqual(
        sessions.map(({ session_id }) => (session_id === live[0] ? 200 : 401)),
      );
    }
    // Each of the others was ended once, and told of once.
    const [last] = await liveIds(host, subject);
    const ended = idsOf(all).filter((id) => id !== last);
    expect(toldEnds(hosts, subject).toSorted()).toEqual(ended.map((id) => [id, 'service']).toSorted());
    expect(await ends(host, [bob as IssuedSession])).toEqual([null]);
  });

  it('and 8 without leave one of the first, and none of the others was ended by one that had ended itself', async () => {
    const host = hosts[0] as ScriptedHost;
    for (const subject of ['mixed 1', 'mixed 2', 'mixed 3']) {
      const [alone] = await Promise.all([
        loginsAtOnce(hosts, 8, { subject, revokeOthers: true }),
        loginsAtOnce(hosts, 8, { subject }),
      ]);
      const live = await liveIds(host, subject);
      expect(idsOf(alone).filter((id) => live.includes(id))).toHaveLength(1);
    }
  });
});

describeOnEachDatabase('A login by itself', (name) => {
  it.each<[string, HostOverrides, Partial<IssueOptions>]>([
    ['maxSessionsPerSubject: 1', { session: { maxSessionsPerSubject: 1 } }, {}],
    ['revokeOthers', {}, { revokeOthers: true }],
  ])('is never the one that has to go, with %s, while the clock stands still', async (_, overrides, options) => {
    const database = await createDatabase(name);
    const host = await startScriptedHost(database, parts, overrides);
    try {
      for (let login = 0; login < 40; login += 1) {
        const { session_id } = await host.refreshTokens.issue({ subject: 'alice', ...options });
        expect(await liveIds(host, 'alice')).toEqual([session_id]);
      }
    } finally {
      await host.app.close();
      await database.drop();
    }
  });

  it.each<[string, HostOverrides['session'], Partial<IssueOptions>, number]>([
    ['maxSessionsPerSubject: 1', { maxSessionsPerSubject: 1 }, {}, 1],
    ['maxSessionsPerSubject: 2', { maxSessionsPerSubject: 2 }, {}, 2],
    ['revokeOthers', {}, { revokeOthers: true }, 1],
  ])('at an instance whose clock is 2 s behind keeps itself, with %s', async (_, session, options, left) => {
    const database = await createDatabase(name);
    const [ahead, behind] = [new TestClock(), new TestClock()];
    ahead.advance(2 * SECOND);
    const hosts = [
      await startScriptedHost(database, parts, { session, clock: ahead }),
      await startScriptedHost(database, parts, { session, clock: behind }),
    ] as const;
    try {
      for (let round = 0; round < 3; round += 1) {
        for (const host of hosts) {
          const { session_id, refresh_token } = await host.refreshTokens.issue({ subject: 'alice', ...options });
          const live = await liveIds(hosts[0], 'alice');
          expect(live).toContain(session_id);
          expect(live.length).toBeLessThanOrEqual(left);
          await refreshed(host.url, refresh_token);
        }
      }
      expect(await liveIds(hosts[0], 'alice')).toHaveLength(left);
    } finally {
      await Promise.all(hosts.map(({ app }) => app.close()));
      await database.drop();
    }
  });
});

describeOnEachDatabase('revokeOthers', (name) => {
  const running = hostForTheSuite(name, parts);

  it('at a login ends all other sessions of the user, and no one else’s', async () => {
    const { host } = running;
    const before = await logins(host, 'alice', 2);
    const [bob] = await logins(host, 'bob', 1);
    const session = await host.refreshTokens.issue({ subject: 'alice', revokeOthers: true });

    expect(await ends(host, [...before, session, bob as IssuedSession])).toEqual(['service', 'service', null, null]);
    expect(wire(await refresh(host.url, before[1]?.refresh_token ?? ''))).toEqual(REFUSED);
    await refreshed(host.url, session.refresh_token);
    expect(
      host.script.events
        .filter(({ type }) => type === 'ended')
        .map(({ sessionId }) => sessionId)
        .toSorted(),
    ).toEqual(idsOf(before).toSorted());
  });

  it.each([[{}], [{ revokeOthers: false }], [{ revokeOthers: undefined }]])('ends none with %j', async (options) => {
    const { host } = running;
    const before = await logins(host, 'carol', 1);
    await host.refreshTokens.issue({ subject: 'carol', ...options });
    expect(await ends(host, before)).toEqual([null]);
  });

  it('leaves no token behind where the others can’t be ended', async () => {
    const { host } = running;
    const before = await logins(host, 'dave', 1);
    const login = whileNothingEnds(host.app, () => host.refreshTokens.issue({ subject: 'dave', revokeOthers: true }));
    await expect(login).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    expect(await ends(host, before)).toEqual([null]);
  });
});

describeOnEachDatabase('The service', (name) => {
  it('keeps MAX_SESSIONS_PER_SUBJECT, and writes down whom it has ended', () =>
    withService(name, { MAX_SESSIONS_PER_SUBJECT: '2' }, async ({ url, clock, log }) => {
      const sessions: IssuedSession[] = [];
      for (const _ of [1, 2, 3]) {
        sessions.push(await signIn(url));
        clock.advance(HOUR);
      }
      const answers = await Promise.all(sessions.map(({ refresh_token }) => refresh(url, refresh_token)));
      expect(answers.map(({ status }) => status)).toEqual([401, 200, 200]);
      expect(eventsIn(log, 'session.ended')).toEqual([
        expect.objectContaining({ session_id: sessions[0]?.session_id, subject: 'alice', reason: 'limit' }),
      ]);
    }));

  it('lets a user have any number where nothing is said', () =>
    withService(name, {}, async ({ url, log }) => {
      for (let login = 0; login < 25; login += 1) await signIn(url);
      expect(eventsIn(log, 'session.ended')).toEqual([]);
    }));

  it('ends the others with revoke_others, and says so where it can’t be meant', () =>
    withService(name, {}, async ({ url, app, clock }) => {
      const before = await signIn(url);
      const bob = await signIn(url, 'bob');
      clock.advance(HOUR);
      for (const [value, got] of [
        ['yes', 'a string'],
        [1, 'a number'],
        [null, 'null'],
      ]) {
        const answer = await postSession(url, { subject: 'alice', revoke_others: value });
        expect(wire(answer)).toEqual(invalidRequest(`revoke_others: got ${got}, takes true or false.`));
      }
      const kept = await postSession(url, { subject: 'alice', revoke_others: false });
      expect(await endOf(app, before.session_id)).toBeNull();

      const answer = await postSession(url, { subject: 'alice', revoke_others: true });
      expect(answer.status).toBe(201);
      expect(await endOf(app, before.session_id)).toEqual({ at: clock.now(), reason: 'service' });
      expect(await endOf(app, json<IssuedSession>(kept).session_id)).toMatchObject({ reason: 'service' });
      await refreshed(url, json<IssuedSession>(answer).refresh_token);
      await refreshed(url, bob.refresh_token);
      expect((await logout(url, before.refresh_token)).status).toBe(204);

      const failed = await whileNothingEnds(app, () => postSession(url, { subject: 'alice', revoke_others: true }));
      expect(wire(failed)).toEqual(UNAVAILABLE);
    }));
});

describe('maxSessionsPerSubject', () => {
  let database: TestDatabase | undefined;
  afterEach(() => database?.drop());

  it.each([[0], [-1], [1.5], [Infinity], [NaN], ['3'], [null]])(
    'refuses %j at boot, and says what it takes',
    async (value) => {
      database = await createDatabase('SQLite');
      const session = { maxSessionsPerSubject: value } as HostOverrides['session'];
      await expect(startScriptedHost(database, parts, { session })).rejects.toThrow(
        `session.maxSessionsPerSubject: got ${JSON.stringify(value)}, takes a whole number of at least 1.`,
      );
    },
  );
});
