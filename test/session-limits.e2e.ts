import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { IssuedSession } from 'nest-refresh-token';
import { DataSource } from 'typeorm';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from './support/databases.js';
import { json, logout, postSession, refresh, refreshed, signIn } from './support/http.js';
import { eventsIn } from './support/log.js';
import { withService } from './support/running-service.js';
import {
  hostForTheSuite,
  ScriptedObserver,
  startScriptedHost,
  type HostOverrides,
  type ScriptedHost,
} from './support/scripted-host.js';
import { endOf } from './support/session-rows.js';
import { DAY, HOUR, MINUTE, TestClock } from './support/test-clock.js';
import { invalidRequest, REFUSED, UNAVAILABLE, wire } from './support/wire.js';
import { whileNothingEnds } from './support/failing-writes.js';

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
    for (const _ of name === 'PostgreSQL' ? [1, 2, 3] : [1]) {
      hosts.push(await startScriptedHost(database, parts, { clock, session: { maxSessionsPerSubject: 4 } }));
    }
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

  it('leave exactly the newest, on however many instances', async () => {
    for (const subject of ['one', 'two', 'three']) {
      const sessions = await atOnce(subject, 1);
      const expected = sessions.map((_, login) => (login < 16 ? 'limit' : null));
      expect(await ends(hosts[0] as ScriptedHost, sessions)).toEqual(expected);
      const told = hosts.flatMap(({ script }) => script.events).filter((event) => event.type === 'ended');
      const endedIds = told.filter((event) => event.subject === subject).map(({ sessionId }) => sessionId);
      // Each once, whichever login it was that ended it.
      expect(endedIds.toSorted()).toEqual(idsOf(sessions.slice(0, 16)).toSorted());
    }
  });

  it('leave exactly as many where all come in one millisecond', async () => {
    const sessions = await atOnce('at the same time', 0);
    const left = (await ends(hosts[0] as ScriptedHost, sessions)).filter((end) => end === null);
    expect(left).toHaveLength(4);
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
