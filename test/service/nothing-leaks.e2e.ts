import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { JsonWebKeySet, TokenResponse } from 'nest-refresh-token';
import { generateSigningKeys } from '../../src/auth/keys/key-generation.js';
import { generateServiceKey } from '../../src/service/data-folder/service-key.js';
import {
  COOKIE,
  cookie,
  logoutByCookie,
  OWN_PAGE,
  refreshByCookie,
  tokenIn,
  WITH_COOKIES,
} from '../support/http/cookies.js';
import { dump } from '../support/databases/database-dump.js';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from '../support/databases/databases.js';
import {
  bearer,
  call,
  json,
  logout,
  postSession,
  refresh,
  refreshed,
  signIn,
  type Answer,
} from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { basic, exchange, exchanged, introspect, postForm, revoke } from '../support/http/oauth.js';
import {
  cleanUp,
  emptyFolder,
  ended,
  launch,
  runToEnd,
  startProcess,
  stop,
  until,
  type Ended,
} from '../support/servers/process.js';
import { postRaw } from '../support/http/raw-http.js';
import { refusedTokens, REFUSING } from '../support/http/refused-tokens.js';
import { SECRET, SERVICE_KEY, startService, type TestService } from '../support/servers/service.js';
import { deleteSessions, getSessions, patchSessions } from '../support/http/session-calls.js';

const SIGNING_KEYS = generateSigningKeys();
const SECOND_SERVICE_KEY = generateServiceKey();
const KEY_FILES = ['signing-keys.json', 'refresh-token-secret', 'service-key'];
const REFRESH_TOKEN = /^rt_[\w-]{60}$/;

describeOnEachDatabase('after everything that can go right and wrong', (databaseName) => {
  let database: TestDatabase;
  let service: TestService;
  /** Every token that was handed out or made up, and every key. */
  const secrets = [SECRET, SERVICE_KEY, SECOND_SERVICE_KEY, privatePartOf(SIGNING_KEYS)];
  /** Every answer that isn't one with tokens in it. */
  const answers: Answer[] = [];
  let atRest: Buffer;

  beforeAll(async () => {
    database = await createDatabase(databaseName);
    service = await startService(database.url, {
      env: {
        ...REFUSING,
        SIGNING_KEYS: JSON.stringify(SIGNING_KEYS),
        SERVICE_KEYS: `${SERVICE_KEY},${SECOND_SERVICE_KEY}`,
        TRUST_PROXY: 'true',
        ...WITH_COOKIES,
      },
    });
    await goThroughEverything();
    atRest = await dump(database);
    await breakTheDatabase();
  });

  afterAll(async () => {
    await service.close();
    await database.drop();
  });

  async function goThroughEverything(): Promise<void> {
    const { url, clock } = service;
    for (const make of Object.values(refusedTokens)) {
      const { token, session } = await make(service);
      secrets.push(token, ...(session ? [session.refresh_token, session.access_token] : []));
      answers.push(
        await refresh(url, token),
        await logout(url, token),
        await call(`${url}/${encodeURIComponent(token)}`),
        await refreshByCookie(url, token),
        await logoutByCookie(url, token),
        await exchange(url, token),
        await introspect(url, token),
        await revoke(url, token),
      );
    }
    const session = await signIn(url);
    for (const _ of [1, 2, 3]) {
      const tokens = await refreshed(url, session.refresh_token);
      secrets.push(tokens.refresh_token, tokens.access_token);
      clock.advance(60_000);
    }
    await refreshOtherwise(session.refresh_token);
    secrets.push(session.refresh_token, session.access_token);
    for (const secret of [session.refresh_token, session.access_token, SECOND_SERVICE_KEY]) {
      answers.push(...(await misuse(secret)));
    }
    answers.push(await postSession(url, { subject: session.refresh_token.repeat(5) }));
    answers.push(await postSession(url, { subject: 'alice', scope: `"${session.refresh_token}` }));
    answers.push(await postSession(url, { subject: 'alice', claims: [session.refresh_token] }));
    answers.push(await logout(url, session.refresh_token));
    await seeToSessions();
  }

  /** The same token in a cookie, and in the form of an OAuth client. */
  async function refreshOtherwise(token: string): Promise<void> {
    const { url, clock } = service;
    clock.advance(60_000);
    const byCookie = await refreshByCookie(url, token);
    secrets.push(tokenIn(byCookie), json<TokenResponse>(byCookie).access_token);
    clock.advance(60_000);
    const { refresh_token, access_token } = await exchanged(url, token);
    secrets.push(refresh_token, access_token);
    for (const one of [refresh_token, access_token]) {
      for (const credentials of [bearer(SERVICE_KEY), basic('backend', SECOND_SERVICE_KEY)]) {
        answers.push(await introspect(url, one, credentials));
        expect(answers.at(-1)).toMatchObject({ status: 200, text: expect.stringContaining('"active":true') });
      }
    }
  }

  /** All that is done with a list of sessions, by a user and by a login backend. */
  async function seeToSessions(): Promise<void> {
    const { url } = service;
    const [own, other] = [await signIn(url), await signIn(url)];
    secrets.push(own.refresh_token, own.access_token, other.refresh_token, other.access_token);
    const byUser = own.access_token;
    answers.push(
      await getSessions(url, byUser, '?limit=1'),
      await getSessions(url, SERVICE_KEY, '?subject=alice'),
      await patchSessions(url, byUser, `/${own.session_id}`, { label: 'My phone' }),
      await patchSessions(url, SERVICE_KEY, '?subject=alice', { claims: { role: 'admin' }, scope: 'read' }),
      await deleteSessions(url, byUser, `/${other.session_id}`),
      await deleteSessions(url, byUser, '?except=current'),
      await deleteSessions(url, SERVICE_KEY, '?subject=alice'),
      await getSessions(url, byUser),
    );
    expect(answers.slice(-8).map(({ status }) => status)).toEqual([200, 200, 204, 200, 204, 200, 200, 401]);
  }

  /** Sends a secret wherever it doesn't belong. */
  async function misuse(secret: string): Promise<Answer[]> {
    const endpoint = `${service.url}/refresh_token`;
    const asJson = { 'Content-Type': 'application/json' };
    const asForm = { 'Content-Type': 'application/x-www-form-urlencoded' };
    return [
      await call(`${endpoint}?token=${secret}`, { headers: bearer(secret) }),
      await call(`${endpoint}?token[${secret}]=1`),
      await call(`${endpoint}/${secret}`, { method: 'GET' }),
      await call(endpoint, { headers: asJson, body: `{"token":"${secret}"}` }),
      await call(endpoint, { headers: asJson, body: `{"token":"${secret}` }),
      await call(endpoint, { headers: asForm, body: `token[${secret}]=${secret}` }),
      await call(endpoint, { headers: { 'Content-Type': `application/json; charset=${secret}` }, body: '{}' }),
      await call(endpoint, { headers: { ...asJson, 'Content-Encoding': secret }, body: '{}' }),
      await call(endpoint, { headers: { ...bearer(`${secret} ${secret}`), 'X-Request-Id': secret } }),
      await call(endpoint, { headers: { Authorization: `Basic ${secret}`, 'X-Request-Id': secret } }),
      await postRaw(endpoint, [`Authorization: Bearer ${secret}`, `Authorization: Bearer ${secret}`]),
      await call(`${service.url}/sessions`, { headers: { ...bearer(secret), ...asJson }, body: `["${secret}"]` }),
      await call(`${service.url}/sessions`, { headers: { ...bearer(`${secret}x`), ...asJson }, body: '{}' }),
      await call(`${service.url}/${secret}`, { headers: { ...bearer(secret), Origin: secret } }),
      ...(await misuseAtSessions(secret)),
      ...(await misuseInCookies(secret)),
      ...(await misuseOfOAuth(secret)),
    ];
  }

  async function misuseInCookies(secret: string): Promise<Answer[]> {
    const misused: Record<string, string>[] = [
      { ...cookie(`${secret}x`), ...OWN_PAGE },
      { ...cookie(`"${secret}"`), ...OWN_PAGE },
      { ...cookie(`${secret} ${secret}`), ...OWN_PAGE, 'X-Request-Id': secret },
      { ...cookie(secret), ...OWN_PAGE, ...bearer(secret) },
      { ...cookie(secret), ...OWN_PAGE, Authorization: `Bearer ${secret} x` },
      { Cookie: `${COOKIE}=${secret}; ${COOKIE}=${secret}`, ...OWN_PAGE },
      { Cookie: `${secret}=${secret}`, ...OWN_PAGE },
      cookie(secret),
      { ...cookie(secret), Origin: secret },
      { ...cookie(secret), Origin: `https://${secret}.example.com`, 'Sec-Fetch-Site': secret },
      { ...cookie(secret), Origin: `https://evil.example.com/${secret}`, 'Sec-Fetch-Site': 'cross-site' },
    ];
    const answered: Answer[] = [];
    for (const headers of misused) {
      for (const path of ['/refresh_token', '/logout']) answered.push(await call(service.url + path, { headers }));
    }
    return answered;
  }

  async function misuseOfOAuth(secret: string): Promise<Answer[]> {
    const { url } = service;
    const grant = { grant_type: 'refresh_token' };
    const asJson = { 'Content-Type': 'application/json' };
    const answered: Answer[] = [];
    for (const parameters of [
      { ...grant, refresh_token: `${secret}x`, client_id: secret },
      { ...grant, refresh_token: secret, client_secret: secret },
      { ...grant, refresh_token: secret, scope: `"${secret}` },
      { grant_type: secret, refresh_token: secret },
      { ...grant, [secret]: secret },
      [
        ['grant_type', 'refresh_token'],
        ['refresh_token', secret],
        ['refresh_token', secret],
      ] as [string, string][],
    ]) {
      answered.push(await postForm(`${url}/oauth/token`, parameters));
    }
    for (const path of ['token', 'revoke', 'introspect']) {
      const endpoint = `${url}/oauth/${path}`;
      for (const headers of [
        basic(secret, `${secret}x`),
        basic(`${secret}x`, ''),
        { Authorization: `Basic ${secret}` },
      ]) {
        answered.push(await postForm(endpoint, { ...grant, refresh_token: secret, token: secret }, headers));
      }
      for (const query of [`token=${secret}`, `refresh_token=${secret}`, `client_secret=${secret}`]) {
        answered.push(await postForm(`${endpoint}?${query}`, grant, bearer(SERVICE_KEY)));
        answered.push(await postForm(`${endpoint}?${query}`, grant));
      }
      answered.push(await call(endpoint, { headers: asJson, body: `{"token":"${secret}"}` }));
      answered.push(await call(`${endpoint}/${secret}`));
    }
    return [
      ...answered,
      await revoke(url, `${secret}x`, { token_type_hint: secret }),
      await introspect(url, `${secret}x`),
      await introspect(url, SERVICE_KEY),
      await introspect(url, secret, basic(secret, SERVICE_KEY)),
    ];
  }

  async function misuseAtSessions(secret: string): Promise<Answer[]> {
    const { url } = service;
    const answered: Answer[] = [];
    for (const query of [`subject=x&cursor=${secret}`, `limit=${secret}`, `except=${secret}`, `${secret}=1`, secret]) {
      for (const credential of [SERVICE_KEY, secret]) {
        answered.push(await getSessions(url, credential, `?${query}`));
        answered.push(await deleteSessions(url, credential, `?${query}`));
      }
    }
    return [
      ...answered,
      await call(`${url}/sessions`, { method: 'GET', headers: { ...bearer(`${secret}x`), 'X-Forwarded-For': secret } }),
      await call(`${url}/refresh_token`, {
        headers: { ...bearer(`${secret}x`), 'X-Forwarded-For': `${secret}, 192.0.2.1` },
      }),
      await deleteSessions(url, SERVICE_KEY, `/${secret}`),
      await patchSessions(url, SERVICE_KEY, `/${secret}`, { label: secret.repeat(5) }),
      await patchSessions(url, SERVICE_KEY, '?subject=alice', { [secret]: 1 }),
      await patchSessions(url, SERVICE_KEY, '?subject=alice', { scope: `"${secret}`, claims: [secret] }),
      await postSession(url, { subject: 'alice', ip: secret }),
      await postSession(url, { subject: 'alice', [secret]: 1 }),
    ];
  }

  async function breakTheDatabase(): Promise<void> {
    const session = await signIn(service.url);
    secrets.push(session.refresh_token, session.access_token);
    await service.app.get(DataSource).query('ALTER TABLE refresh_token_sessions RENAME TO gone');
    answers.push(await refresh(service.url, session.refresh_token));
    answers.push(await logout(service.url, session.refresh_token));
    answers.push(await postSession(service.url, { subject: 'alice' }));
    answers.push(await getSessions(service.url, session.access_token));
    answers.push(await deleteSessions(service.url, SERVICE_KEY, '?subject=alice'));
    answers.push(await patchSessions(service.url, SERVICE_KEY, '?subject=alice', { scope: 'read' }));
    answers.push(await refreshByCookie(service.url, session.refresh_token));
    answers.push(await logoutByCookie(service.url, session.refresh_token));
    answers.push(await exchange(service.url, session.refresh_token));
    answers.push(await revoke(service.url, session.refresh_token));
    answers.push(await introspect(service.url, session.refresh_token));
    expect(answers.slice(-11).map(({ status }) => status)).toEqual(Array.from({ length: 11 }, () => 503));
    expect(eventsIn(service.log, 'request.unavailable').map(({ reason }) => reason)).toEqual(
      Array.from({ length: 11 }, () => 'database'),
    );
  }

  it('no token, key or secret stands in the log, in whole or in part', () => {
    expect(service.log.length).toBeGreaterThan(20);
    for (const event of ['session.created', 'session.refreshed', 'session.ended', 'session.reuse_detected']) {
      expect(eventsIn(service.log, event)).not.toEqual([]);
    }
    for (const event of ['refresh.refused', 'service_key.refused', 'origin.refused']) {
      expect(eventsIn(service.log, event)).not.toEqual([]);
    }
    expect(tracesIn(Buffer.from(service.log.join('\n')))).toEqual([]);
  });

  it('no token, key or secret stands in an answer but those that hand out tokens', () => {
    expect(answers.filter(({ status }) => status >= 400).length).toBeGreaterThan(100);
    expect(tracesIn(Buffer.from(JSON.stringify(answers)))).toEqual([]);
  });

  it('no token, key or secret stands in the database, nor what a token could be made of', () => {
    expect(atRest.includes('alice')).toBe(true);
    expect(tracesIn(atRest)).toEqual([]);
  });

  /** What of the secrets stands in some bytes. */
  function tracesIn(bytes: Buffer): string[] {
    const undashed = bytes.toString('latin1').toLowerCase().replaceAll('-', '');
    const handles = secrets.filter((secret) => REFRESH_TOKEN.test(secret)).map(handleOf);
    expect(handles.length).toBeGreaterThan(10);
    return [
      ...[...new Set(secrets.flatMap(parts))].filter((part) => bytes.includes(part)),
      ...handles.filter((handle) => bytes.includes(handle)).map((handle) => handle.toString('base64url')),
      // As a UUID too.
      ...handles.map((handle) => handle.toString('hex')).filter((hex) => undashed.includes(hex)),
    ];
  }
});

describe('The key files, the commands that change them, and the service that reads them', () => {
  /** All that was written where somebody reads it. */
  const shown: string[] = [];
  /** Every text that has stood in a key file. */
  const contents = new Set<string>();
  let data: string;

  beforeAll(async () => {
    const cwd = await emptyFolder();
    data = join(cwd, 'data');
    const service = await startProcess({ cwd, env: { LOG_LEVEL: 'debug' } });
    const logged = (event: string) => (service.stdout + service.stderr).split(`"event":"${event}"`).length - 1;
    const command = async (...args: string[]): Promise<Ended> => {
      await noteContents();
      const done = await runToEnd(process.execPath, [resolve('dist/service/cli/cli.js'), ...args], { cwd });
      shown.push(done.stdout, done.stderr);
      return done;
    };

    await command('keys', 'add');
    await command('keys', 'add', '--secret');
    await until('other keys are in use', () => logged('keys.replaced') >= 2 || undefined);
    const { stdout: list } = await command('keys', 'list');
    const ids = list.split('\n').flatMap((line) => /^(?:signing key|secret) +(\S+)/.exec(line)?.[1] ?? []);
    expect(ids).toHaveLength(4);
    // What is needed, and the keys and secrets themselves where an id is taken.
    const secrets = await secretsIn(data);
    for (const id of [ids[1], ids[3], ...secrets.slice(1, 3)]) await command('keys', 'retire', String(id));
    await writeFile(join(cwd, 'ids'), secrets.toReversed().join('\n'));
    await command('sessions', 'end', '--ids', 'ids');

    for (const name of KEY_FILES.slice(0, 2)) await cutShort(join(data, name));
    await until('both files are refused', () => logged('keys.refused') >= 2 || undefined);
    expect((await command('keys', 'list')).code).toBe(1);
    const { stdout, stderr } = await stop(service);
    const refused = await ended(await launch({ cwd }));
    expect(refused.code).toBe(1);
    shown.push(stdout, stderr, refused.stdout, refused.stderr);
  });
  afterAll(cleanUp);

  async function noteContents(): Promise<void> {
    for (const name of KEY_FILES) contents.add(await readFile(join(data, name), 'utf8'));
  }

  /** Takes the last of its characters away, and whatever closes it. */
  async function cutShort(path: string): Promise<void> {
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.trimEnd().slice(0, -10));
  }

  it('show no key and no secret', () => {
    const texts = [...contents].flatMap((text) => secretTextsOf(text));
    // Two keys, two secrets, and the key of the login backend.
    expect(new Set(texts).size).toBe(5);
    const everything = shown.join('\n');
    expect(everything).toContain('mints');
    expect(texts.flatMap(parts).filter((part) => everything.includes(part))).toEqual([]);
  });

  it('are for their owner only, and nothing is left beside them', async () => {
    const names = (await readdir(data)).filter((name) => !name.startsWith('refresh-tokens.sqlite'));
    expect(names.toSorted()).toEqual(KEY_FILES.toSorted());
    const modes = await Promise.all([data, ...KEY_FILES.map((name) => join(data, name))].map((path) => stat(path)));
    expect(modes.map(({ mode }) => mode & 0o077)).toEqual([0, 0, 0, 0]);
  });
});

/** The secrets of the key files in a folder, as their texts have them. */
async function secretsIn(folder: string): Promise<string[]> {
  const texts = await Promise.all(KEY_FILES.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap(secretTextsOf);
}

/** What is secret in the text of a key file: private parts of keys, secrets, or a service key as it is. */
function secretTextsOf(text: string): string[] {
  const named = [...text.matchAll(/"(?:d|secret)": ?"([^"]+)"/g)].map(([, secret]) => secret as string);
  return text.startsWith('{') ? named : [text.trim()];
}

/** The random part of a refresh token: with it and the secret, a token could be made. */
function handleOf(token: string): Buffer {
  return Buffer.from(token.slice(3), 'base64url').subarray(1, 17);
}

/** A secret, and the pieces of it that say something: a token without its prefix, its halves, a JWT's parts. */
function parts(secret: string): string[] {
  const pieces = secret.split('.').flatMap((piece) => [piece, piece.replace(/^(rt|sk)_/, '')]);
  const halves = pieces.flatMap((piece) => [piece.slice(0, piece.length / 2), piece.slice(piece.length / 2)]);
  return [secret, ...pieces, ...halves].filter((piece) => piece.length >= 16);
}

function privatePartOf(set: JsonWebKeySet): string {
  return (set as { keys: { d: string }[] }).keys[0]?.d as string;
}
