import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { IssuedSession } from 'nest-refresh-token';
import { isSessionId } from '../../src/auth/session/session.service.js';
import { commandLine } from '../support/servers/command-line.js';
import { copiesOf, type DatabaseCopies } from '../support/databases/database-copies.js';
import {
  createDatabase,
  describeOnEachDatabase,
  describePostgres,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases/databases.js';
import { bearer, call, logout, postSession, refresh, refreshed, signIn } from '../support/http/http.js';
import {
  cleanUp,
  emptyFolder,
  startProcess,
  stop,
  until,
  type Ended,
  type ServiceProcess,
} from '../support/servers/process.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { productionEnvironment, SERVICE_KEY } from '../support/servers/service.js';
import { endOf } from '../support/databases/session-rows.js';

const TABLE = 'refresh_token_sessions';

afterAll(cleanUp);

function end(ids: string, env: Record<string, string>): Promise<Ended> {
  return commandLine(['sessions', 'end', '--ids', '-'], ids, env);
}

/** What the command says; the database that it asked is named, without a password. */
function said(ended: number, before: number, unknown: number): object {
  const text = `^${ended} ended; ${before} had ended before; ${unknown} are not in the (SQLite|PostgreSQL|MariaDB) database \\S+\\.\n$`;
  return { code: 0, signal: null, stdout: expect.stringMatching(new RegExp(text)), stderr: '' };
}

describeOnEachDatabase('A restored backup', (name) => {
  let database: TestDatabase;
  let copies: DatabaseCopies;
  let service: ServiceProcess;

  beforeEach(async () => {
    database = await createDatabase(name);
    service = await start();
    copies = await copiesOf(database.url);
  });
  afterEach(async () => {
    await stop(service);
    await copies.close();
    await database.drop();
  });

  function start(): Promise<ServiceProcess> {
    const env = { ...productionEnvironment(database.url), REFRESH_TOKEN_LEEWAY: '0', MAX_SESSIONS_PER_SUBJECT: '3' };
    return startProcess({ env });
  }

  /** Ends each session in the way it is kept under: all that the service has. */
  async function endInAllWays(before: Record<string, IssuedSession>): Promise<void> {
    const { url } = service;
    const of = (how: string) => before[how] as IssuedSession;
    const remove = (path: string, token: string) =>
      call(`${url}/sessions${path}`, { method: 'DELETE', headers: bearer(token) });

    await logout(url, of('logout').refresh_token);
    await remove(`/${of('user').session_id}`, of('user').access_token);
    await remove('', of('user, all').access_token);
    await remove(`/${of('service').session_id}`, SERVICE_KEY);
    await remove('?subject=service,%20all', SERVICE_KEY);
    await postSession(url, { subject: 'revoke_others', revoke_others: true });
    for (const _ of [1, 2, 3]) await signIn(url, 'limit');
    const { refresh_token } = await refreshed(url, of('reuse').refresh_token);
    await refreshed(url, refresh_token);
    expect((await refresh(url, of('reuse').refresh_token)).status).toBe(401);
    // Its row is not in the backup at all.
    await logout(url, (await signIn(url, 'a later login')).refresh_token);
  }

  async function live(sessions: readonly IssuedSession[]): Promise<string[]> {
    const rows = await copies.query(`SELECT id FROM ${TABLE} WHERE revoked_at IS NULL`);
    const ids = new Set(rows.map(({ id }) => String(id)));
    return sessions.filter(({ session_id }) => ids.has(session_id)).map(({ subject }) => subject);
  }

  it('has the endings of the log replayed, and nobody else signed out', async () => {
    const ways = ['logout', 'user', 'user, all', 'service', 'service, all', 'revoke_others', 'limit', 'reuse'];
    const before: Record<string, IssuedSession> = {};
    for (const way of ways) before[way] = await signIn(service.url, way);
    const ended = Object.values(before);
    const [idle, busy] = [await signIn(service.url, 'idle'), await signIn(service.url, 'busy')];
    await copies.take('backup');

    await endInAllWays(before);
    const { refresh_token: newest } = await refreshed(service.url, busy.refresh_token);
    expect(await live([...ended, idle, busy])).toEqual(['idle', 'busy']);
    const lines = await until('all endings are in the log', () => {
      const found = service.stdout.split('\n').filter((line) => /"session\.ended".*\}$/.test(line));
      return found.length > ways.length ? found : undefined;
    });
    const ids = lines.map((line) => (JSON.parse(line) as { session_id: string }).session_id).join('\n');

    if (copies.needStop) await stop(service);
    await copies.putBack('backup');
    if (copies.needStop) service = await start();
    // Without a replay, all of them would be alive again.
    expect(await live([...ended, idle, busy])).toEqual([...ways, 'idle', 'busy']);
    const env = { DATABASE_URL: database.url };
    expect(await end(ids, env)).toEqual(said(ways.length, 0, 1));

    expect(await live([...ended, idle, busy])).toEqual(['idle', 'busy']);
    for (const { refresh_token } of ended) expect((await refresh(service.url, refresh_token)).status).toBe(401);
    await refreshed(service.url, idle.refresh_token);
    await refreshed(service.url, newest);

    const rows = await copies.query(`SELECT * FROM ${TABLE} ORDER BY id`);
    expect(await end(ids, env)).toEqual(said(0, ways.length, 1));
    expect(await copies.query(`SELECT * FROM ${TABLE} ORDER BY id`)).toEqual(rows);
  });
});

/** A service on its database, two sessions of each test, and what was ended of them. */
function twoSessions(name: DatabaseName) {
  const running = serviceForTheSuite(name);
  const context = {} as { url: string; env: Record<string, string>; one: IssuedSession; other: IssuedSession };
  beforeEach(async () => {
    const { url } = running.service;
    const env = { DATABASE_URL: running.database.url };
    Object.assign(context, { url, env, one: await signIn(url), other: await signIn(url) });
  });

  async function ended(): Promise<(string | null)[]> {
    const sessions = [context.one, context.other];
    const ends = await Promise.all(sessions.map(({ session_id }) => endOf(running.service.app, session_id)));
    return ends.map((found) => found && found.reason);
  }
  return Object.assign(context, { ended });
}

describeOnEachDatabase('sessions end --ids', (name) => {
  const context = twoSessions(name);

  it('ends those that are named, once each, while the service runs', async () => {
    const { one, other, env, url } = context;
    const input = `\n${one.session_id}\r\n\n  ${one.session_id.toUpperCase()}  \n${randomUUID()}\n`;
    expect(await end(input, env)).toEqual(said(1, 0, 1));

    expect((await refresh(url, one.refresh_token)).status).toBe(401);
    await refreshed(url, other.refresh_token);
    expect(await context.ended()).toEqual(['service', null]);
  });

  it('says on stderr how far it is with 1,100 ids, and ends the last of them', async () => {
    const { one, other, env } = context;
    const ids = [...Array.from({ length: 1_098 }, () => randomUUID()), one.session_id, other.session_id];
    const { code, stdout, stderr } = await end(ids.join('\n'), env);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^2 ended; 0 had ended before; 1098 are not in /);
    expect(stderr).toMatch(/^(\d+ of 1100.*\n)+$/);
    expect(await context.ended()).toEqual(['service', 'service']);
  });
});

describe('sessions end --ids', () => {
  const context = twoSessions('SQLite');

  it('takes a file by its path, too', async () => {
    const { one, other, env } = context;
    const path = join(await emptyFolder(), 'ids');
    await writeFile(path, one.session_id);
    expect(await commandLine(['sessions', 'end', '--ids', path], other.session_id, env)).toEqual(said(1, 0, 0));
    expect(await context.ended()).toEqual(['service', null]);
  });

  it('refuses a bad line before anything is ended', async () => {
    const { one, other, env } = context;
    const bad = ['everybody', `${randomUUID()},`];
    const refused = await Promise.all(bad.map((line) => end(`${one.session_id}\n${line}\n${other.session_id}\n`, env)));
    for (const { code, stdout, stderr } of refused) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(
        /^nest-refresh-token: sessions end: line 2: got (".+"|\d+ characters), takes a session's id, a UUID\. Nothing was ended\.\n$/,
      );
    }
    expect(await context.ended()).toEqual([null, null]);
  });

  it.each(['%', `' OR '1'='1`, '00000000-0000-0000-0000', '-1'])('takes no %s for an id', (line) => {
    expect(isSessionId(line)).toBe(false);
  });

  it('refuses a whole log, and a token in the wrong place, without repeating it', async () => {
    const { one, env } = context;
    const line = `{"event":"session.ended","session_id":"${one.session_id}"}`;
    await Promise.all(
      [one.refresh_token, one.access_token, line].map(async (bad) => {
        const { code, stderr } = await end(`${one.session_id}\n${bad}\n`, env);
        expect(code).toBe(1);
        expect(stderr).toMatch(/: line 2: got .*Nothing was ended\.\n$/);
        expect(stderr).not.toContain(bad);
      }),
    );
    expect(await context.ended()).toEqual([null, null]);
  });

  it('ends nobody where it reads nothing', async () => {
    const nothing = { code: 0, signal: null, stdout: 'Got no ids: nothing to end.\n', stderr: '' };
    const inputs = ['', '\n \n\r\n'];
    expect(await Promise.all(inputs.map((input) => end(input, context.env)))).toEqual([nothing, nothing]);
    expect(await context.ended()).toEqual([null, null]);
  });

  it('says what it takes where no list is given', async () => {
    const { code, stdout, stderr } = await commandLine(['sessions', 'end'], '');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('sessions end takes --ids <file>, "-" for stdin');
  });

  it('names a list that is not there', async () => {
    const { code, stderr } = await commandLine(['sessions', 'end', '--ids', 'nowhere'], '');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^nest-refresh-token: sessions end: got "nowhere" \(ENOENT\), takes .*readable file\.\n$/);
  });

  it('says in one line that there is no database, and makes none', async () => {
    const path = join(await emptyFolder(), 'sessions.sqlite');
    // The first must not have made it for the second.
    for (const env of [{ DATABASE_URL: `sqlite:${path}` }, { DATABASE_URL: `sqlite:${path}` }, {}]) {
      const { code, stdout, stderr } = await end(randomUUID(), env);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(
        /^nest-refresh-token: DATABASE_URL: got the SQLite file ".*", which is not there; takes .+\.\n$/,
      );
    }
  });

  it('says in one line that a database is not the service’s', async () => {
    const empty = await createDatabase('SQLite');
    const copies = await copiesOf(empty.url);
    await copies.query('CREATE TABLE something_else (id integer)');
    const { code, stdout, stderr } = await end(randomUUID(), { DATABASE_URL: empty.url });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^nest-refresh-token: .*no such table: refresh_token_sessions.*\n$/);
    await empty.drop();
  });
});

describePostgres('sessions end --ids', () => {
  it('says in one line that PostgreSQL does not let it in, and not with which password', async () => {
    const url = new URL(process.env['TEST_POSTGRES_URL'] as string);
    url.pathname = '/no_such_database';
    url.password = 'hunter2';
    const { code, stdout, stderr } = await end(randomUUID(), { DATABASE_URL: url.href });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^nest-refresh-token: .*database "no_such_database" does not exist.*\n$/);
    expect(stderr).not.toContain('hunter2');
  });
});
