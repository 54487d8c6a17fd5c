import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AccessTokenVerifier, ConfigurationError, type IssuedSession } from 'nest-refresh-token';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from '../support/databases/databases.js';
import { bearer, call, json, logout, refresh, refreshed, signIn } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { cleanUp, ended, launch } from '../support/servers/process.js';
import {
  ScriptedObserver,
  ScriptedPolicy,
  startScriptedHost,
  type ScriptedHost,
} from '../support/hosts/scripted-host.js';
import { SERVICE_KEY, startService, type TestService } from '../support/servers/service.js';
import { endOf, sessionRow } from '../support/databases/session-rows.js';
import { HOUR, MINUTE, SECOND, TestClock } from '../support/test-clock.js';
import { REFUSED, wire } from '../support/http/wire.js';

/** A session from before a break-in, and when that was. */
interface BreakIn {
  readonly before: IssuedSession;
  readonly at: number;
}

describeOnEachDatabase('SESSIONS_NOT_BEFORE', (name) => {
  let database: TestDatabase;
  let clock: TestClock;
  let service: TestService | undefined;

  beforeEach(async () => {
    database = await createDatabase(name);
    clock = new TestClock();
  });
  afterEach(async () => {
    await service?.close();
    service = undefined;
    await database.drop();
  });

  /** Starts the service, or starts it anew on the same database. */
  async function start(env: Record<string, string> = {}): Promise<TestService> {
    await service?.close();
    service = await startService(database.url, { env, clock });
    return service;
  }

  /** A session, and the brake pulled an hour later. */
  async function breakIn(): Promise<BreakIn> {
    const before = await signIn((await start()).url);
    clock.advance(HOUR / 2);
    return { before, at: clock.now() };
  }

  function brake(at: number): Record<string, string> {
    return { SESSIONS_NOT_BEFORE: new Date(at).toISOString() };
  }

  it('refuses the sessions created before it as any other, and writes nothing', async () => {
    const { before, at } = await breakIn();
    const { url, app, log } = await start(brake(at));
    const row = await sessionRow(app, before.session_id);

    expect(wire(await refresh(url, before.refresh_token))).toEqual(REFUSED);
    expect(await sessionRow(app, before.session_id)).toEqual(row);
    expect(eventsIn(log, 'refresh.refused')).toMatchObject([{ reason: 'revoked', session_id: before.session_id }]);
    expect(eventsIn(log, 'session.ended')).toEqual([]);
  });

  it('refuses all of their tokens, also within the leeway, and also where the store is behind', async () => {
    const { url } = await start();
    const session = await signIn(url);
    const second = await refreshed(url, session.refresh_token);
    clock.advance(2 * SECOND);
    const braked = await start(brake(clock.now()));
    for (const token of [session.refresh_token, second.refresh_token]) {
      expect(wire(await refresh(braked.url, token))).toEqual(REFUSED);
    }
    expect(await endOf(braked.app, session.session_id)).toBeNull();
  });

  it('lets new logins in, who refresh as ever', async () => {
    const { at } = await breakIn();
    const { url } = await start(brake(at));
    let { refresh_token } = await signIn(url);
    for (const _ of [1, 2, 3]) {
      clock.advance(MINUTE);
      ({ refresh_token } = await refreshed(url, refresh_token));
    }
  });

  it('draws the line to the millisecond', async () => {
    const { url } = await start();
    const before = await signIn(url);
    clock.advance(1);
    const at = clock.now();
    const after = await signIn(url);
    const braked = await start(brake(at));
    expect(wire(await refresh(braked.url, before.refresh_token))).toEqual(REFUSED);
    await refreshed(braked.url, after.refresh_token);
  });

  it('lets them go on once it is lifted', async () => {
    const { before, at } = await breakIn();
    const braked = await start(brake(at));
    for (const _ of [1, 2, 3]) expect((await refresh(braked.url, before.refresh_token)).status).toBe(401);

    const { url } = await start();
    clock.advance(MINUTE);
    const { refresh_token } = await refreshed(url, before.refresh_token);
    clock.advance(MINUTE);
    await refreshed(url, refresh_token);
  });

  it('keeps those who have logged out meanwhile logged out', async () => {
    const { before, at } = await breakIn();
    const braked = await start(brake(at));
    expect((await logout(braked.url, before.refresh_token)).status).toBe(204);
    const { url, app } = await start();
    expect(wire(await refresh(url, before.refresh_token))).toEqual(REFUSED);
    expect(await endOf(app, before.session_id)).toEqual({ at, reason: 'logout' });
  });

  it('closes the list of sessions to access tokens from before, and shows nobody sessions from before', async () => {
    const { before, at } = await breakIn();
    const { url } = await start(brake(at));
    const after = await signIn(url);
    const list = (token: string, query = '') =>
      call(`${url}/sessions${query}`, { method: 'GET', headers: bearer(token) });

    expect((await list(before.access_token)).status).toBe(401);
    for (const answer of [await list(after.access_token), await list(SERVICE_KEY, '?subject=alice')]) {
      expect(answer.status).toBe(200);
      expect(json<{ sessions: { id: string }[] }>(answer).sessions.map(({ id }) => id)).toEqual([after.session_id]);
    }
  });
});

describeOnEachDatabase('session.notBefore in a host', (name) => {
  let database: TestDatabase;
  let host: ScriptedHost | undefined;

  beforeEach(async () => {
    database = await createDatabase(name);
  });
  afterEach(async () => {
    await host?.app.close();
    host = undefined;
    await database.drop();
  });

  it('as a Date or a text refuses tokens of both kinds, offline too, asks no policy and tells of no end', async () => {
    const clock = new TestClock();
    const parts = { sessionObserver: ScriptedObserver, sessionPolicy: ScriptedPolicy };
    host = await startScriptedHost(database, parts, { clock });
    const before = await host.refreshTokens.issue({ subject: 'alice' });
    await host.app.get(AccessTokenVerifier).verify(before.access_token);
    clock.advance(MINUTE);
    const at = new Date(clock.now());

    for (const notBefore of [at, at.toISOString()]) {
      await host.app.close();
      host = await startScriptedHost(database, parts, { clock, session: { notBefore } });
      const verifier = host.app.get(AccessTokenVerifier);
      expect(wire(await refresh(host.url, before.refresh_token))).toEqual(REFUSED);
      // Whoever holds it can't use it in the host's routes, whether or not the session is looked up.
      for (const checkSession of [false, true]) {
        await expect(verifier.verify(before.access_token, { checkSession })).rejects.toMatchObject({
          reason: 'session_ended',
        });
      }
      const after = await host.refreshTokens.issue({ subject: 'alice' });
      for (const checkSession of [false, true]) {
        expect(await verifier.verify(after.access_token, { checkSession })).toMatchObject({ sub: 'alice' });
      }
      expect(host.script.asked).toEqual([]);
      expect(host.script.events.map(({ type }) => type)).toEqual(['created']);
      expect(await endOf(host.app, before.session_id)).toBeNull();
    }
  });
});

describe('The emergency brake', () => {
  afterEach(cleanUp);

  it('is refused at boot where its time has not come, by the clock of the host', async () => {
    const database = await createDatabase('SQLite');
    const clock = new TestClock();
    const notBefore = new Date(clock.now() + 1);
    const refused: unknown = await startScriptedHost(database, {}, { clock, session: { notBefore } }).catch(
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(ConfigurationError);
    expect((refused as Error).message).toBe(
      'session.notBefore: got "2026-01-01T00:00:00.001Z", takes a time that has passed, such as 2026-01-31T09:30:00Z.',
    );
    const started = await startScriptedHost(database, {}, { clock, session: { notBefore: new Date(clock.now()) } });
    await started.app.close();
    await database.drop();
  });

  it.each([
    ['a time to come', () => new Date(Date.now() + MINUTE).toISOString()],
    ['a day', () => '2026-01-31'],
    ['a time without its offset', () => '2026-01-31T09:30:00'],
    ['a number', () => '1767225600000'],
    ['a word', () => 'yesterday'],
  ])('is refused at the start of the service, in one line that names it: %s', async (_, value) => {
    const SESSIONS_NOT_BEFORE = value();
    const { code, stderr } = await ended(await launch({ env: { SESSIONS_NOT_BEFORE } }));
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `nest-refresh-token can't start: SESSIONS_NOT_BEFORE: got ${JSON.stringify(SESSIONS_NOT_BEFORE)}, takes a time that has passed, such as 2026-01-31T09:30:00Z.\n`,
    });
  });
});
