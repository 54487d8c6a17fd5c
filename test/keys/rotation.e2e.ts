import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KeyFileWatcher } from '../../src/service/data-folder/key-file.watcher.js';
import {
  availableDatabases,
  createDatabase,
  describeOnEachDatabase,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases/databases.js';
import { logout, refresh, refreshed, signIn } from '../support/http/http.js';
import { KeyFolder } from '../support/servers/key-folder.js';
import { eventsIn } from '../support/servers/log.js';
import { cleanUp, stop, until, type ServiceProcess } from '../support/servers/process.js';
import { RefreshingClients } from '../support/clients/refreshing-clients.js';
import { ResourceServer } from '../support/hosts/resource-server.js';
import { ISSUER, SERVICE_KEY, startService, type TestService } from '../support/servers/service.js';
import { MINUTE, SECOND, TestClock } from '../support/test-clock.js';
import { isMadeWith, keyIdOf, publishedBy, remade } from '../support/http/token-parts.js';
import { limit } from '../support/time.js';

/** How soon a running service sees what was added, in milliseconds. */
const SEEN_WITHIN = 5 * SECOND + limit(SECOND);

/** Production on a database, with a signing key and a secret in the folder. */
async function folderFor({ url }: TestDatabase, env: Record<string, string>): Promise<Keys> {
  const common = { NODE_ENV: 'production', ISSUER, SERVICE_KEYS: SERVICE_KEY, DATABASE_URL: url };
  const folder = await KeyFolder.make({ ...common, ...env });
  const [key = ''] = await folder.putSigningKeys(1);
  const [secret = ''] = await folder.putSecrets(1);
  return { folder, key, secret };
}

interface Keys {
  readonly folder: KeyFolder;
  /** The ids of what stands in it. */
  readonly key: string;
  readonly secret: string;
}

afterAll(cleanUp);

describe('A running service', () => {
  const DELAY = 3 * SECOND;
  let database: TestDatabase;
  let folder: KeyFolder;
  let old: Keys;
  let service: ServiceProcess;
  let keyIsInUse: Promise<void>;
  let secretIsInUse: Promise<void>;

  // Both at once: they wait for most of their time.
  beforeAll(async () => {
    database = await createDatabase('SQLite');
    old = await folderFor(database, { KEY_ACTIVATION_DELAY: '3s', REFRESH_TOKEN_LEEWAY: '0' });
    ({ folder } = old);
    service = await folder.start();
    [keyIsInUse, secretIsInUse] = [useOfAKey(), useOfASecret()];
    await Promise.allSettled([keyIsInUse, secretIsInUse]);
  });
  afterAll(async () => {
    await stop(service);
    await database.drop();
  });

  async function useOfAKey(): Promise<void> {
    const addedAt = Date.now();
    const added = await folder.addSigningKey();
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
      expect([old.key, added]).toContain(keyId);
      if (keyId === old.key) return undefined;
      expect(Date.now()).toBeGreaterThanOrEqual(addedAt + DELAY);
      return true;
    });
    expect(await publishedBy(service.url)).toEqual([added, old.key]);
  }

  async function useOfASecret(): Promise<void> {
    let { refresh_token } = await signIn(service.url);
    // Before, not after: the service may see the secret before the command has ended.
    const addedAt = Date.now();
    const added = await folder.addSecret();
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
      expect(isMadeWith(refresh_token, old.secret)).toBe(true);
      return undefined;
    });
    expect(waited).toBeGreaterThanOrEqual(DELAY);
    expect(await folder.stateOf(added)).toBe('mints');
  }

  it('publishes a new signing key within 5 s, and signs with it after the activation delay, not earlier', async () => {
    await keyIsInUse;
  });

  it('verifies a new secret within 5 s, and mints with it after the activation delay, not earlier', async () => {
    await secretIsInUse;
  });

  it('says so once for each of the two', () => {
    expect(service.stdout.match(/"event":"keys.replaced"/g)).toHaveLength(2);
  });
});

interface Rotated {
  readonly clients: RefreshingClients;
  readonly api: ResourceServer;
  readonly old: readonly [key: string, secret: string];
  readonly added: readonly [key: string, secret: string];
}

/** Adds a signing key and a secret to running instances while 50 clients refresh, until both are in use. */
async function rotate({ folder, key, secret }: Keys, services: readonly ServiceProcess[]): Promise<Rotated> {
  const urls = services.map(({ url }) => url);
  const api = await ResourceServer.of(urls, ISSUER);
  const clients = await RefreshingClients.start(urls, 50, (accessToken) => api.verify(accessToken));
  try {
    await until('all have refreshed', () => clients.refreshes > 100 || undefined);
    const added = [await folder.addSigningKey(), await folder.addSecret()] as const;
    const isInUse = () => api.keyIds.has(added[0]) && clients.secretIds.has(added[1].slice(0, 2));
    await until('both are in use', () => isInUse() || undefined, limit(30_000));
    const { refreshes } = clients;
    await until('all have refreshed again', () => clients.refreshes > refreshes + 100 || undefined);
    return { clients, api, old: [key, secret], added };
  } finally {
    await clients.stop();
    api.close();
    await Promise.all(services.map(stop));
  }
}

describe('While keys are rolled', () => {
  /** By database, and by leeway. */
  const rotations = new Map<string, Promise<Rotated>>();
  const databases: TestDatabase[] = [];

  // They wait for most of their time: begun here, and looked at last.
  beforeAll(async () => {
    const begin = async (name: DatabaseName, leeway: string, env: Record<string, string>) => {
      const database = await createDatabase(name);
      databases.push(database);
      const keys = await folderFor(database, { KEY_ACTIVATION_DELAY: '8s', ...env });
      // One after the other: they look at the files at different times.
      const services = [await keys.folder.start(), await keys.folder.start()];
      const rotation = rotate(keys, services);
      rotation.catch(() => undefined);
      rotations.set(`${name}, ${leeway}`, rotation);
    };
    for (const name of availableDatabases()) await begin(name, '0', { REFRESH_TOKEN_LEEWAY: '0' });
    await begin('SQLite', 'default', {});
  });
  afterAll(async () => {
    await Promise.allSettled(rotations.values());
    await Promise.all(databases.map((database) => database.drop()));
  });

  describeOnEachDatabase('keys retire of a secret of a running service', (name) => {
    let database: TestDatabase;
    let clock: TestClock;
    let folder: KeyFolder;
    let old: string;
    let service: TestService;

    beforeAll(async () => {
      database = await createDatabase(name);
      clock = new TestClock(Date.now());
      ({ folder, secret: old } = await folderFor(database, {}));
      const fromFiles = { DATA_DIR: dirname(folder.files.secrets), SIGNING_KEYS: '', REFRESH_TOKEN_SECRETS: '' };
      service = await startService(database.url, { env: fromFiles, clock });
    });
    afterAll(async () => {
      await service.close();
      await database.drop();
    });

    /** Has the service look at the files, as it does by itself every few seconds. */
    function look(): Promise<void> {
      return service.app.get(KeyFileWatcher).look();
    }

    it('is refused while it mints and while sessions need it; once they have ended, it signs nobody out', async () => {
      const sessions = await Promise.all([1, 2, 3].map(() => signIn(service.url)));
      const added = await folder.addSecret();
      await look();
      expect(await folder.refused(['retire', old])).toBe(
        `keys retire: ${old} is needed: it mints. Add another first, and wait until that one mints; or retire it all the same, with --force.`,
      );

      clock.advance(5 * MINUTE);
      const [left, used, moved] = sessions.map(({ refresh_token }) => refresh_token) as [string, string, string];
      expect(isMadeWith((await refreshed(service.url, moved)).refresh_token, added)).toBe(true);
      // This one began long after that, and needs the new secret only.
      clock.advance(5 * MINUTE);
      const { refresh_token } = await signIn(service.url);
      expect(await folder.refused(['retire', old])).toMatch(
        new RegExp(`^keys retire: ${old} is needed: 3 live sessions may hold a token of it\\. It isn't needed from `),
      );
      await logout(service.url, left);
      await logout(service.url, used);
      expect(await folder.refused(['retire', old])).toContain('1 live session may hold a token of it');

      await logout(service.url, moved);
      expect(await folder.stateOf(old)).toBe('verifies; can be retired');
      await folder.keys('retire', old);
      await look();
      expect(eventsIn(service.log, 'keys.replaced').at(-1)).toMatchObject({ secrets: [added] });
      await refreshed(service.url, refresh_token);
    });
  });

  describe('keys retire --force of a secret of a running service', () => {
    let database: TestDatabase;

    beforeAll(async () => {
      database = await createDatabase('SQLite');
    });
    afterAll(() => database.drop());

    it('signs out those who hold its tokens, and is kept in the file: no later start or retirement is refused', async () => {
      const env = { KEY_ACTIVATION_DELAY: '1s', REFRESH_TOKEN_LEEWAY: '0' };
      const { folder, secret: old } = await folderFor(database, env);
      let service = await folder.start();
      const sessions = await Promise.all([1, 2, 3].map(() => signIn(service.url)));
      let [left, used, moved] = sessions.map(({ refresh_token }) => refresh_token) as [string, string, string];
      const added = await folder.addSecret();
      await until('the new secret mints', async () => {
        moved = (await refreshed(service.url, moved)).refresh_token;
        return isMadeWith(moved, added) || undefined;
      });
      const successor = (await refreshed(service.url, used)).refresh_token;
      expect(await folder.stateOf(old)).toMatch(/^verifies; needed by 3 live sessions, until \S+ at most$/);

      expect(await folder.keys('retire', old, '--force')).toBe(
        `Retired the secret ${old}: its tokens are refused within 5 s.\n`,
      );
      // Of a session that goes on, the first token was of that secret too.
      await until('its tokens are refused', async () => (await refresh(service.url, used)).status === 401 || undefined);
      expect((await refresh(service.url, left)).status).toBe(401);
      await refreshed(service.url, successor);
      await refreshed(service.url, moved);
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
      await stop(service);
    });
  });

  describeOnEachDatabase('A signing key and a secret that are added while 50 clients refresh', (name) => {
    // Leeway and database have nothing to do with each other: within it, nothing is written.
    const leeways = name === 'SQLite' ? ['0', 'default'] : ['0'];

    it.each(leeways)(
      'sign nobody out, and no token is refused by whoever verifies offline, with the leeway %s, at two instances',
      async (leeway) => {
        const { clients, api, old, added } = (await rotations.get(`${name}, ${leeway}`)) as Rotated;

        expect(clients.signedOut).toBe(0);
        expect([...new Set(api.refusals)]).toEqual([]);
        expect([...api.keyIds]).toEqual([old[0], added[0]]);
        expect([...clients.secretIds]).toEqual([old[1], added[1]].map((fingerprint) => fingerprint.slice(0, 2)));
      },
    );
  });
});
