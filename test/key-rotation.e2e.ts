import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { copiesOf } from './support/database-copies.js';
import { createDatabase, describeOnEachDatabase, type DatabaseName, type TestDatabase } from './support/databases.js';
import { logout, refresh, refreshed, signIn } from './support/http.js';
import { KeyFolder } from './support/key-folder.js';
import { cleanUp, stop, until, type ServiceProcess } from './support/process.js';
import { RefreshingClients } from './support/refreshing-clients.js';
import { ResourceServer } from './support/resource-server.js';
import { ISSUER, SERVICE_KEY } from './support/service.js';
import { MINUTE, SECOND } from './support/test-clock.js';
import { isMadeWith, keyIdOf, publishedBy, remade } from './support/token-parts.js';

/** How soon a running service sees what was added, in milliseconds. */
const SEEN_WITHIN = 5 * SECOND;

/** Production on a database, with keys in the folder. */
async function folderFor({ url }: TestDatabase, env: Record<string, string>): Promise<KeyFolder> {
  return KeyFolder.make({ NODE_ENV: 'production', ISSUER, SERVICE_KEYS: SERVICE_KEY, DATABASE_URL: url, ...env });
}

describe('A running service', () => {
  const DELAY = 3 * SECOND;
  let database: TestDatabase;
  let folder: KeyFolder;
  let service: ServiceProcess;

  beforeEach(async () => {
    database = await createDatabase('SQLite');
    folder = await folderFor(database, { KEY_ACTIVATION_DELAY: '3s', REFRESH_TOKEN_LEEWAY: '0' });
    await folder.addSigningKey();
    await folder.addSecret();
    service = await folder.start();
  });
  afterEach(async () => {
    await cleanUp();
    await database.drop();
  });

  it('publishes a new signing key within 5 s, and signs with it after the activation delay, not earlier', async () => {
    const [old] = await publishedBy(service.url);
    const added = await folder.addSigningKey();
    const addedAt = Date.parse(String((await folder.signingKeys())[0]?.['added_at']));
    await until(
      'the new key is published',
      async () => (await publishedBy(service.url)).includes(added) || undefined,
      SEEN_WITHIN,
    );

    let { refresh_token } = await signIn(service.url);
    await until('the new key signs', async () => {
      const tokens = await refreshed(service.url, refresh_token);
      ({ refresh_token } = tokens);
      const keyId = keyIdOf(tokens.access_token);
      expect([old, added]).toContain(keyId);
      if (keyId === old) return undefined;
      expect(Date.now()).toBeGreaterThanOrEqual(addedAt + DELAY);
      return true;
    });
    expect(await publishedBy(service.url)).toEqual([added, old]);
    expect(service.stdout.match(/"event":"keys.replaced"/g)).toHaveLength(1);
  });

  it('verifies a new secret within 5 s, and mints with it after the activation delay, not earlier', async () => {
    const old = (await folder.list()).find(({ kind }) => kind === 'secret')?.id as string;
    let { refresh_token } = await signIn(service.url);
    const added = await folder.addSecret();
    const addedAt = Date.now();
    const [{ secret: newSecret } = { secret: '' }] = (await folder.secretFile()).secrets;
    // Nobody has a token of it yet: whoever knows the secret can make one.
    await until(
      'the new secret verifies',
      async () => (await refresh(service.url, remade(refresh_token, newSecret))).status === 200 || undefined,
      SEEN_WITHIN,
    );

    refresh_token = remade(refresh_token, newSecret);
    const waited = await until('the new secret mints', async () => {
      ({ refresh_token } = await refreshed(service.url, refresh_token));
      if (isMadeWith(refresh_token, added)) return Date.now() - addedAt;
      expect(isMadeWith(refresh_token, old)).toBe(true);
      return undefined;
    });
    expect(waited).toBeGreaterThanOrEqual(DELAY);
    expect(await folder.stateOf(added)).toBe('mints');
  });
});

interface Rotated {
  readonly clients: RefreshingClients;
  readonly api: ResourceServer;
  readonly old: readonly [key: string, secret: string];
  readonly added: readonly [key: string, secret: string];
}

/** Adds a signing key and a secret to running instances while 50 clients refresh, until both are in use. */
async function rotate(database: TestDatabase, instances: number, env: Record<string, string>): Promise<Rotated> {
  const folder = await folderFor(database, { KEY_ACTIVATION_DELAY: '8s', ...env });
  const old = [await folder.addSigningKey(), await folder.addSecret()] as const;
  // One after the other: they look at the files at different times.
  const starting = Array.from({ length: instances }, (_, at) => delay(at * SECOND).then(() => folder.start()));
  const services = await Promise.all(starting);
  const urls = services.map(({ url }) => url);
  const api = await ResourceServer.of(urls, ISSUER);
  const clients = await RefreshingClients.start(urls, 50, (accessToken) => api.verify(accessToken));
  try {
    await until('all have refreshed', () => clients.refreshes > 100 || undefined);
    const added = [await folder.addSigningKey(), await folder.addSecret()] as const;
    const isInUse = () => api.keyIds.has(added[0]) && clients.secretIds.has(added[1].slice(0, 2));
    await until('both are in use', () => isInUse() || undefined, 30_000);
    const { refreshes } = clients;
    await until('all have refreshed again', () => clients.refreshes > refreshes + 100 || undefined);
    return { clients, api, old, added };
  } finally {
    await clients.stop();
    api.close();
  }
}

describeOnEachDatabase('A signing key and a secret that are added while 50 clients refresh', (name) => {
  const cases: [string, number, Record<string, string>][] = [
    ['with a leeway of 0, at one instance', 1, { REFRESH_TOKEN_LEEWAY: '0' }],
    ['with the default leeway, at two instances of one DATA_DIR', 2, {}],
  ];
  const databases: TestDatabase[] = [];
  let rotations: Promise<Rotated>[];

  // All at once: they wait for most of their time.
  beforeAll(async () => {
    for (const _ of cases) databases.push(await createDatabase(name));
    rotations = cases.map(([, instances, env], at) => rotate(databases[at] as TestDatabase, instances, env));
    await Promise.allSettled(rotations);
  });
  afterAll(async () => {
    await cleanUp();
    await Promise.all(databases.map((database) => database.drop()));
  });

  it.each(cases.map(([what], at) => [what, at] as const))(
    'sign nobody out, and no token is refused by whoever verifies offline: %s',
    async (_, at) => {
      const { clients, api, old, added } = (await rotations[at]) as Rotated;

      expect(clients.signedOut).toBe(0);
      expect([...new Set(api.refusals)]).toEqual([]);
      expect([...api.keyIds]).toEqual([old[0], added[0]]);
      expect([...clients.secretIds]).toEqual([old[1], added[1]].map((fingerprint) => fingerprint.slice(0, 2)));
    },
  );
});

describeOnEachDatabase('keys retire of a secret of a running service', (name: DatabaseName) => {
  let database: TestDatabase;
  let folder: KeyFolder;
  let service: ServiceProcess;
  let old: string;
  let added: string;
  /** Tokens of three sessions: two of the old secret, one of the secret that has taken its place. */
  let left: string;
  let used: string;
  let moved: string;

  beforeEach(async () => {
    database = await createDatabase(name);
    folder = await folderFor(database, { KEY_ACTIVATION_DELAY: '1s', REFRESH_TOKEN_LEEWAY: '0' });
    await folder.addSigningKey();
    old = await folder.addSecret();
    service = await folder.start();
    [left, used, moved] = (await Promise.all([1, 2, 3].map(() => signIn(service.url)))).map(
      ({ refresh_token }) => refresh_token,
    ) as [string, string, string];
    added = await folder.addSecret();
  });
  afterEach(async () => {
    await cleanUp();
    await database.drop();
  });

  /** Waits until the added secret has taken the old one's place. */
  async function handOver(): Promise<void> {
    await until('the new secret mints', async () => {
      moved = (await refreshed(service.url, moved)).refresh_token;
      return isMadeWith(moved, added) || undefined;
    });
  }

  it('is refused while it mints and while sessions need it; forced, it signs out those who hold its tokens', async () => {
    expect(await folder.refused(['retire', old])).toBe(
      `keys retire: ${old} is needed: it mints. Add another first, and wait until that one mints; or retire it all the same, with --force.`,
    );
    await handOver();
    const successor = (await refreshed(service.url, used)).refresh_token;
    expect(await folder.stateOf(old)).toMatch(/^verifies; needed by 3 live sessions, until \S+ at most$/);
    expect(await folder.refused(['retire', old])).toMatch(
      new RegExp(`^keys retire: ${old} is needed: 3 live sessions may hold a token of it\\. It isn't needed from `),
    );

    expect(await folder.keys('retire', old, '--force')).toBe(
      `Retired the secret ${old}: its tokens are refused within 5 s.\n`,
    );
    // Of a session that goes on, the first token was of that secret too.
    await until('its tokens are refused', async () => (await refresh(service.url, used)).status === 401 || undefined);
    expect((await refresh(service.url, left)).status).toBe(401);
    await refreshed(service.url, successor);
    await refreshed(service.url, moved);
  });

  it('is kept in the file, so that a later start and another retirement are not refused', async () => {
    await handOver();
    await folder.keys('retire', old, '--force');
    await stop(service);

    service = await folder.start();
    expect((await refresh(service.url, left)).status).toBe(401);
    moved = (await refreshed(service.url, moved)).refresh_token;
    const third = await folder.addSecret();
    await folder.keys('retire', added, '--force');
    expect((await folder.secretFile()).retired).toEqual([old, added]);
    await stop(service);

    service = await folder.start();
    expect((await refresh(service.url, moved)).status).toBe(401);
    expect(isMadeWith((await signIn(service.url)).refresh_token, third)).toBe(true);
  });

  it('is not refused once the sessions from before have ended, and signs nobody out then', async () => {
    await handOver();
    const copies = await copiesOf(database.url);
    // The sessions began before it was replaced, and that is long ago.
    await copies.query(`UPDATE refresh_token_sessions SET created_at = created_at - ${5 * MINUTE}`);
    await copies.query(
      `UPDATE refresh_token_secrets SET replaced_at = replaced_at - ${2 * MINUTE} WHERE replaced_at IS NOT NULL`,
    );
    await copies.close();
    const { refresh_token } = await signIn(service.url);

    expect(await folder.refused(['retire', old])).toContain('3 live sessions may hold a token of it');
    await logout(service.url, left);
    await logout(service.url, used);
    expect(await folder.refused(['retire', old])).toContain('1 live session may hold a token of it');
    await logout(service.url, moved);
    expect(await folder.stateOf(old)).toBe('verifies; can be retired');

    await folder.keys('retire', old);
    await until('it is gone', () => (service.stdout.match(/"keys.replaced"/g) ?? []).length === 2 || undefined);
    await refreshed(service.url, refresh_token);
  });
});
