import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { JsonWebKeySet } from '../src/auth/access-token/access-token.keys.js';
import { generateServiceKey, generateSigningKeys } from '../src/auth/key-generation.js';
import { dump } from './support/database-dump.js';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from './support/databases.js';
import { bearer, call, logout, postSession, refresh, refreshed, signIn, type Answer } from './support/http.js';
import { eventsIn } from './support/log.js';
import { postRaw } from './support/raw-http.js';
import { refusedTokens, REFUSING } from './support/refused-tokens.js';
import { SECRET, SERVICE_KEY, startService, type TestService } from './support/service.js';

const SIGNING_KEYS = generateSigningKeys();
const SECOND_SERVICE_KEY = generateServiceKey();
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
      );
    }
    const session = await signIn(url);
    for (const _ of [1, 2, 3]) {
      const tokens = await refreshed(url, session.refresh_token);
      secrets.push(tokens.refresh_token, tokens.access_token);
      clock.advance(60_000);
    }
    secrets.push(session.refresh_token, session.access_token);
    for (const secret of [session.refresh_token, session.access_token, SECOND_SERVICE_KEY]) {
      answers.push(...(await misuse(secret)));
    }
    answers.push(await postSession(url, { subject: session.refresh_token.repeat(5) }));
    answers.push(await postSession(url, { subject: 'alice', scope: `"${session.refresh_token}` }));
    answers.push(await postSession(url, { subject: 'alice', claims: [session.refresh_token] }));
    answers.push(await logout(url, session.refresh_token));
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
    ];
  }

  async function breakTheDatabase(): Promise<void> {
    const session = await signIn(service.url);
    secrets.push(session.refresh_token, session.access_token);
    await service.app.get(DataSource).query('ALTER TABLE refresh_token_sessions RENAME TO gone');
    answers.push(await refresh(service.url, session.refresh_token));
    answers.push(await logout(service.url, session.refresh_token));
    answers.push(await postSession(service.url, { subject: 'alice' }));
    expect(eventsIn(service.log, 'request.unavailable').map(({ reason }) => reason)).toEqual(
      Array.from({ length: 3 }, () => 'database'),
    );
  }

  it('no token, key or secret stands in the log, in whole or in part', () => {
    expect(service.log.length).toBeGreaterThan(20);
    expect(tracesIn(Buffer.from(service.log.join('\n')))).toEqual([]);
  });

  it('no token, key or secret stands in an answer that is an error', () => {
    const errors = answers.filter(({ status }) => status >= 400);
    expect(errors.length).toBeGreaterThan(50);
    expect(tracesIn(Buffer.from(JSON.stringify(errors)))).toEqual([]);
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
