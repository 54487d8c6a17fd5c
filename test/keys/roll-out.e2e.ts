import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonWebKey } from 'node:crypto';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { ConfigurationError } from 'nest-refresh-token';
import { generateSigningKey } from '../../src/auth/keys/key-generation.js';
import { tokenSecret } from '../../src/auth/keys/token-secret.js';
import { keyFiles } from '../../src/service/config/data-folder-paths.js';
import { KeyFileWatcher } from '../../src/service/data-folder/key-file.watcher.js';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { TableCopies } from '../support/databases/table-copies.js';
import { putFile } from '../support/put-file.js';
import { RollOut } from '../support/servers/roll-out.js';
import { DAY, HOUR, MINUTE, SECOND } from '../support/test-clock.js';
import { limit } from '../support/time.js';

// A test starts up to ten instances, one after the other.
jest.setTimeout(limit(60_000));

const SECRETS = {
  old: 'the-old-refresh-token-secret-of-the-tests-0123456789',
  new: 'the-new-refresh-token-secret-of-the-tests-0123456789',
};
const KEYS = new Map(['old', 'new'].map((kid) => [kid, { ...generateSigningKey(), kid } as JsonWebKey]));

type Name = keyof typeof SECRETS;

const DELAY = 5 * MINUTE;
/** Within this a roll-out must reach every instance: the delay less the JWK set's max-age. */
const REACH = 4 * MINUTE;

function keySet(names: readonly Name[]): string {
  return JSON.stringify({ keys: names.map((name) => KEYS.get(name)) });
}

/** The environment with a key and a secret of each of these names, in this order. */
function keysOf(...names: Name[]): Record<string, string> {
  return { SIGNING_KEYS: keySet(names), REFRESH_TOKEN_SECRETS: names.map((name) => SECRETS[name]).join(',') };
}

/** What is used where keys and secrets of these names are. */
function made(...names: Name[]): string[] {
  return names.flatMap((name) => [name, tokenSecret(SECRETS[name]).fingerprint.slice(0, 2)]).toSorted();
}

describeOnEachDatabase('a roll-out of a new key and a new secret, while all are at work,', (name) => {
  let rollOut: RollOut;
  let dataDir: string;

  beforeEach(async () => {
    rollOut = await RollOut.on(name);
    dataDir = await mkdtemp(join(tmpdir(), 'refresh-token-'));
  });
  afterEach(async () => {
    await rollOut.end();
    await rm(dataDir, { recursive: true });
  });

  /** Replaces both instances, the other one as late as it may be, until the new keys have long been used. */
  async function rollOutNew(): Promise<void> {
    await rollOut.replace(0, keysOf('new', 'old'));
    await rollOut.pass(0, MINUTE, MINUTE, REACH - 2 * MINUTE - 2);
    await rollOut.replace(1, keysOf('new', 'old'));
    await rollOut.pass(1, 30 * SECOND, 30 * SECOND);
    expect(rollOut.usedKeys()).toEqual(made('old'));
    await rollOut.pass(1, 1, 1, MINUTE);
    expect(rollOut.usedKeys()).toEqual(made('new'));
  }

  async function refusalOf(env: Record<string, string>): Promise<string> {
    const error: unknown = await rollOut.start(env).then(
      async (instance) => instance.close(),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).message;
  }

  it('uses them after the delay and refuses nobody, also when the order is turned back afterwards', async () => {
    await rollOut.begin(keysOf('old'));
    await rollOut.pass(MINUTE);
    await rollOutNew();

    await rollOut.replace(1, keysOf('old', 'new'));
    await rollOut.pass(0, MINUTE, MINUTE);
    expect(rollOut.usedKeys()).toEqual(made('new', 'old'));
    await rollOut.replace(0, keysOf('old', 'new'));
    await rollOut.pass(MINUTE);
    expect(rollOut.usedKeys()).toEqual(made('old'));

    // Once its tokens have died, the new signing key can go; the secret is needed for as long as a session lives.
    await rollOut.pass(HOUR);
    const left = { ...keysOf('old', 'new'), SIGNING_KEYS: keySet(['old']) };
    for (const at of [0, 1]) {
      await rollOut.replace(at, left);
      await rollOut.pass(MINUTE);
    }
    expect(rollOut.refusals).toEqual([]);
  });

  it.each([
    ['two minutes', 2 * MINUTE],
    ['a week', 7 * DAY],
  ])('refuses nobody where they are rolled back before they are used, and brought back %s later', async (_, later) => {
    await rollOut.begin(keysOf('old'));
    await rollOut.replace(0, keysOf('new', 'old'));
    await rollOut.pass(0, 30 * SECOND);
    await rollOut.replace(0, keysOf('old'));
    await rollOut.pass(0, later);
    await rollOutNew();
    expect(rollOut.refusals).toEqual([]);
  });

  it('refuses nobody where an instance takes them away that others wait with', async () => {
    await rollOut.begin(keysOf('old'));
    await rollOut.replace(0, keysOf('new', 'old'));
    await rollOut.pass(0, MINUTE);
    // It crashed, and started again as it was.
    await rollOut.replace(1, keysOf('old'));
    await rollOut.pass(MINUTE);
    await rollOut.replace(1, keysOf('new', 'old'));
    await rollOut.pass(MINUTE, 2 * MINUTE);
    expect(rollOut.usedKeys()).toEqual(made('old'));
    await rollOut.pass(2 * MINUTE, MINUTE);
    expect(rollOut.usedKeys()).toEqual(made('new'));
    expect(rollOut.refusals).toEqual([]);
  });

  it('refuses nobody where they are added to the files of running instances', async () => {
    const files = keyFiles(dataDir);
    const put = async (...names: Name[]) => {
      await putFile(files.signingKeys, keySet(names));
      await putFile(files.secrets, JSON.stringify({ secrets: names.map((secret) => ({ secret: SECRETS[secret] })) }));
    };
    await put('old');
    await rollOut.begin({ DATA_DIR: dataDir, SIGNING_KEYS: '', REFRESH_TOKEN_SECRETS: '' });
    await rollOut.pass(MINUTE);
    await put('new', 'old');
    await rollOut.instance(0).app.get(KeyFileWatcher).look();
    await rollOut.pass(0, 5 * SECOND);
    await rollOut.instance(1).app.get(KeyFileWatcher).look();
    await rollOut.pass(0, 4 * MINUTE, DELAY - 4 * MINUTE - 5 * SECOND - 1);
    expect(rollOut.usedKeys()).toEqual(made('old'));
    await rollOut.pass(1, MINUTE);
    expect(rollOut.usedKeys()).toEqual(made('new'));
    expect(rollOut.refusals).toEqual([]);
  });

  it('is refused where a key or a secret is missing that is needed, and each way out works', async () => {
    await rollOut.begin(keysOf('old'));
    await rollOutNew();
    const { SIGNING_KEYS, REFRESH_TOKEN_SECRETS } = keysOf('new') as Record<
      'SIGNING_KEYS' | 'REFRESH_TOKEN_SECRETS',
      string
    >;
    const withoutKey = { ...keysOf('new', 'old'), SIGNING_KEYS };
    const withoutSecret = { ...keysOf('new', 'old'), REFRESH_TOKEN_SECRETS };

    expect(await refusalOf(withoutKey)).toBe(
      'SIGNING_KEYS (accessToken.keys): the key with the kid "old" signed access tokens that are still in use, and is not configured. ' +
        'Put it back behind the first one; or, where it is lost or a backup was restored, start once with KEY_ACTIVATION_DELAY=0 (keyActivationDelay): the first key signs at once then, and verifiers refuse what the missing one signed.',
    );
    const [, line = ''] = /set RETIRED_SECRETS=(\w+) /.exec(await refusalOf(withoutSecret)) ?? [];
    expect(line).toBe(tokenSecret(SECRETS.old).fingerprint);
    await rollOut.pass(MINUTE);
    expect(rollOut.refusals).toEqual([]);

    const ways = [keysOf('new', 'old'), { ...withoutKey, KEY_ACTIVATION_DELAY: '0' }, withoutKey];
    for (const env of [...ways, { ...withoutSecret, RETIRED_SECRETS: line }]) await (await rollOut.start(env)).close();
  });

  it('refuses nobody where a backup from before it is restored; a start without what that needs has its way out', async () => {
    const copies = await TableCopies.of(rollOut.database.url);
    try {
      await rollOut.begin(keysOf('old'));
      await copies.take('before');
      await rollOutNew();
      await copies.putBack('before');
      await rollOut.pass(MINUTE);
      await rollOut.replace(0, keysOf('new', 'old'));
      await rollOut.pass(0, MINUTE, DELAY, MINUTE);
      expect(rollOut.refusals).toEqual([]);

      await copies.putBack('before');
      const env = { ...keysOf('new', 'old'), SIGNING_KEYS: keySet(['new']) };
      expect(await refusalOf(env)).toContain('the key with the kid "old" signed');
      for (const way of [{ ...env, KEY_ACTIVATION_DELAY: '0' }, env]) await rollOut.replace(0, way);
      rollOut.usedKeys();
      await rollOut.pass(0);
      expect(rollOut.usedKeys()).toContain('new');
    } finally {
      await copies.close();
    }
  });
});
