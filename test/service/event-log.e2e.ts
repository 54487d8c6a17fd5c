import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IssuedSession } from 'nest-refresh-token';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { bearer, call, logout, postSession, refresh, refreshed, signIn, json } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { cleanUp, startProcess, stop } from '../support/servers/process.js';
import { withService } from '../support/servers/running-service.js';
import { productionEnvironment, SERVICE_KEY } from '../support/servers/service.js';
import { loseSession, sessionRow, restoreSession } from '../support/databases/session-rows.js';
import { MINUTE } from '../support/test-clock.js';

type Line = Record<string, unknown>;

/** The lines of an output, each JSON. */
function linesOf(output: string): Line[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

/** What of a line is the event's: not what every line has. */
function fieldsOf({ level, message, context, pid, timestamp, ...event }: Line): Line {
  expect({ level, context }).toEqual({ level: 'log', context: 'Sessions' });
  expect([message, pid, timestamp]).toEqual([
    expect.stringMatching(/^A session: /),
    expect.any(Number),
    expect.any(Number),
  ]);
  return event;
}

describe('The log of the service', () => {
  let session: IssuedSession;
  let user: IssuedSession;
  let byService: IssuedSession;
  let byLogin: IssuedSession;
  let last: IssuedSession;
  let tokens: string[];
  let lines: Line[];
  let quiet: Line[];

  /** All that happens to sessions, but for what takes a lost database. */
  async function use(url: string): Promise<void> {
    session = json<IssuedSession>(await postSession(url, { subject: 'alice', client_id: 'web' }));
    const second = await refreshed(url, session.refresh_token);
    await refreshed(url, session.refresh_token);
    await refreshed(url, second.refresh_token);
    await refresh(url, session.refresh_token);

    user = await signIn(url, 'bob');
    await call(`${url}/sessions/${user.session_id}`, { method: 'DELETE', headers: bearer(user.access_token) });
    byService = await signIn(url, 'bob');
    await call(`${url}/sessions?subject=bob`, { method: 'DELETE', headers: bearer(SERVICE_KEY) });
    byLogin = await signIn(url, 'carol');
    last = json<IssuedSession>(await postSession(url, { subject: 'carol', revoke_others: true }));
    await logout(url, last.refresh_token);
    const all = [session, second, user, byService, byLogin, last];
    tokens = all.flatMap(({ access_token, refresh_token }) => [access_token, refresh_token]);
  }

  async function written(env: Record<string, string>): Promise<Line[]> {
    const service = await startProcess({
      env: { ...productionEnvironment('sqlite:sessions.sqlite'), REFRESH_TOKEN_LEEWAY: '0', ...env },
    });
    await use(service.url);
    const { stdout, stderr } = await stop(service);
    for (const token of tokens) expect(stdout + stderr).not.toContain(token);
    return [...linesOf(stdout), ...linesOf(stderr)];
  }

  beforeAll(async () => {
    quiet = await written({ LOG_LEVEL: 'warn' });
    lines = await written({});
  });
  afterAll(cleanUp);

  it('has one JSON line an event, in their order, with these fields and no others', () => {
    const events = lines.filter(({ event }) => String(event).startsWith('session.')).map(fieldsOf);
    const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const alice = { at, session_id: session.session_id, subject: 'alice' };
    const of = ({ session_id, subject }: IssuedSession) => ({ at, session_id, subject });

    const reuse = events.splice(4, 2);
    expect(reuse).toHaveLength(2);
    expect(reuse).toEqual(
      expect.arrayContaining([
        { event: 'session.reuse_detected', ...alice },
        { event: 'session.ended', ...alice, reason: 'reuse' },
      ]),
    );
    expect(events).toEqual([
      { event: 'session.created', ...alice, client_id: 'web' },
      { event: 'session.refreshed', ...alice, outcome: 'rotated' },
      { event: 'session.refreshed', ...alice, outcome: 'recovered' },
      { event: 'session.refreshed', ...alice, outcome: 'rotated' },
      { event: 'session.created', ...of(user) },
      { event: 'session.ended', ...of(user), reason: 'user' },
      { event: 'session.created', ...of(byService) },
      { event: 'session.ended', ...of(byService), reason: 'service' },
      { event: 'session.created', ...of(byLogin) },
      { event: 'session.created', ...of(last) },
      { event: 'session.ended', ...of(byLogin), reason: 'service' },
      { event: 'session.ended', ...of(last), reason: 'logout' },
    ]);
  });

  it('at LOG_LEVEL=warn has none of them, and still says who was refused', () => {
    expect(quiet.filter(({ event }) => String(event).startsWith('session.'))).toEqual([]);
    expect(quiet).toContainEqual(expect.objectContaining({ event: 'refresh.refused', reason: 'reuse' }));
    expect(lines).toContainEqual(expect.objectContaining({ event: 'refresh.refused', reason: 'reuse' }));
  });
});

describeOnEachDatabase('The log of the service', (name) => {
  it('tells repeats within the leeway, and a database that is behind', () =>
    withService(name, {}, async ({ url, app, clock, log }) => {
      const session = await signIn(url);
      const row = await sessionRow(app, session.session_id);
      clock.advance(MINUTE);
      await refreshed(url, session.refresh_token);
      const { refresh_token } = await refreshed(url, session.refresh_token);
      await loseSession(app, session.session_id);
      await restoreSession(app, row);
      await refreshed(url, refresh_token);

      const at = new Date(clock.now()).toISOString();
      const common = { event: 'session.refreshed', at, session_id: session.session_id, subject: 'alice' };
      expect(eventsIn(log, 'session.refreshed')).toEqual([
        { ...common, outcome: 'rotated' },
        { ...common, outcome: 'repeated' },
        { ...common, outcome: 'store_behind' },
      ]);
      expect(eventsIn(log, 'store_behind')).toEqual([{ event: 'store_behind', session_id: session.session_id }]);
    }));

  it('tells of a lost session once a request, and as an error', () =>
    withService(name, {}, async ({ url, app, log }) => {
      const session = await signIn(url);
      await loseSession(app, session.session_id);
      await refresh(url, session.refresh_token);
      expect(eventsIn(log, 'session_lost')).toEqual([{ event: 'session_lost', session_id: session.session_id }]);
      expect(eventsIn(log, 'session.session_lost')).toEqual([]);
    }));

  it('keeps a line a line, whatever the subject is', () =>
    withService(name, {}, async ({ url, log }) => {
      const subject = 'a\n{"event":"session.ended","session_id":"b"}\u2028"';
      const { session_id } = await signIn(url, subject);
      expect(eventsIn(log, 'session.created')).toEqual([expect.objectContaining({ session_id, subject })]);
      expect(log.filter((entry) => entry.includes('\n'))).toEqual([]);
    }));
});
