import { readdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { tokenSecret } from '../../src/auth/keys/token-secret.js';
import { serviceConfig } from '../../src/service/service.config.js';
import { refreshed, signIn } from '../support/http/http.js';
import { KeyFolder } from '../support/servers/key-folder.js';
import { cleanUp, ended, run, runToEnd, stop, until } from '../support/servers/process.js';
import { ISSUER, productionEnvironment, SECRET, SERVICE_KEY, SIGNING_KEYS } from '../support/servers/service.js';
import { HOUR, MINUTE } from '../support/test-clock.js';
import { isMadeWith, keyIdOf, publishedBy } from '../support/http/token-parts.js';

/** Production, but for its keys. */
const PRODUCTION = {
  NODE_ENV: 'production',
  ISSUER,
  DATABASE_URL: 'sqlite:sessions.sqlite',
  SERVICE_KEYS: SERVICE_KEY,
};
const DELAY = 5 * MINUTE;
/** For how long verifiers keep the JWK set. */
const MAX_AGE = MINUTE;

let folder: KeyFolder;
/** A command that waits for seconds, begun before the tests. */
let refusedAtLast: Promise<string>;

beforeAll(async () => {
  const locked = await KeyFolder.make();
  const [, old = ''] = await locked.putSigningKeys(2);
  await writeFile(join(locked.cwd, 'data/keys.lock'), '');
  refusedAtLast = locked.refused(['retire', old, '--force']);
  refusedAtLast.catch(() => undefined);
});
beforeEach(async () => {
  folder = await KeyFolder.make();
});
afterAll(cleanUp);

describe('keys add and keys add --secret, in an empty DATA_DIR', () => {
  it('make a start in production possible, on those keys and no others', async () => {
    const keyId = await folder.addSigningKey();
    const fingerprint = await folder.addSecret();

    const service = await folder.start(PRODUCTION);
    const { access_token, refresh_token } = await signIn(service.url);
    expect(keyIdOf(access_token)).toBe(keyId);
    expect(isMadeWith(refresh_token, fingerprint)).toBe(true);
    expect(await publishedBy(service.url)).toEqual([keyId]);
    await stop(service);

    const again = await folder.start(PRODUCTION);
    await refreshed(again.url, refresh_token);
    await stop(again);
    expect((await readdir(join(folder.cwd, 'data'))).toSorted()).toEqual(['refresh-token-secret', 'signing-keys.json']);
  });

  it('are wanted by name: production without either refuses to start, and says both ways', async () => {
    const production = { ...PRODUCTION, DATA_DIR: join(folder.cwd, 'data') };
    const { REFRESH_TOKEN_SECRETS } = productionEnvironment('');
    expect(() => serviceConfig({ ...production, REFRESH_TOKEN_SECRETS })).toThrow(
      /^SIGNING_KEYS: got nothing, .+"nest-refresh-token keys generate".+DATA_DIR: "nest-refresh-token keys add"\.$/,
    );
    expect(() => serviceConfig({ ...production, SIGNING_KEYS })).toThrow(
      /^REFRESH_TOKEN_SECRETS: got nothing, .+"nest-refresh-token keys generate".+DATA_DIR: "nest-refresh-token keys add --secret"\.$/,
    );
    expect(await readdir(folder.cwd)).toEqual([]);
  });
});

describe('keys add and keys add --secret, each twice, whatever the umask', () => {
  let added: KeyFolder;
  let printed: string[];

  beforeAll(async () => {
    added = await KeyFolder.make();
    const command = `umask 0; '${process.execPath}' '${resolve('dist/service/cli/cli.js')}' keys add`;
    printed = [];
    for (const more of ['', ' --secret', '', ' --secret']) {
      const { code, stderr, stdout } = await runToEnd('sh', ['-c', command + more], { cwd: added.cwd });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      printed.push(stdout);
    }
  });

  it('put the new one first, are for the owner only, and leave nothing else behind', async () => {
    const ids = printed.map((text) => /^Added the .+? (\S+): /.exec(text)?.[1]);
    expect((await added.list()).map(({ id }) => id)).toEqual([ids[2], ids[0], ids[3], ids[1]]);

    const data = join(added.cwd, 'data');
    const names = await readdir(data);
    expect(names.toSorted()).toEqual(['refresh-token-secret', 'signing-keys.json']);
    for (const path of ['.', ...names]) {
      expect([path, (await stat(join(data, path))).mode & 0o777]).toEqual([path, path === '.' ? 0o700 : 0o600]);
    }
  });

  it('say from when the key is used: the first at once, another after the activation delay', () => {
    const [firstKey, firstSecret, secondKey, secondSecret] = printed;
    expect(firstKey).toMatch(/: it is published within 5 s, and signs at once\./);
    expect(firstSecret).toMatch(/: it verifies within 5 s, and mints at once\./);
    const later = '300 s after the first instance has it ("keys list" says when).';
    expect(secondKey).toContain(`: it is published within 5 s, and signs ${later}`);
    expect(secondSecret).toContain(`: it verifies within 5 s, and mints ${later}`);
  });
});

describe('keys that are added while others are', () => {
  it('are all in the file, which is whole for whoever reads it', async () => {
    const [first] = await folder.putSigningKeys(1);
    await folder.putSecrets(1);
    const adding = await Promise.all([addMany(25), addMany(25)]);
    const counts: number[][] = [];
    await until('all have been added', async () => {
      // It throws on half a file, and counts none where there is no file.
      counts.push([(await folder.signingKeys()).length, (await folder.secretFile()).secrets.length]);
      return adding.every(({ hasExited }) => hasExited) || undefined;
    });

    const results = await Promise.all(adding.map((adder) => ended(adder)));
    expect(results.map(({ code, stderr }) => `${code}${stderr}`)).toEqual(['0', '0']);
    for (const column of [0, 1]) {
      const seen = counts.map((count) => Number(count[column]));
      expect(seen).toEqual(seen.toSorted((one, other) => one - other));
      expect(seen[0]).toBeGreaterThanOrEqual(1);
    }
    const added = results.flatMap(({ stdout }) => [...stdout.matchAll(/^Added the .+? (\S+): /gm)].map(([, id]) => id));
    expect(added).toHaveLength(50);
    const ids = (await folder.list()).map(({ id }) => id);
    expect(ids).toHaveLength(52);
    expect(ids).toEqual(expect.arrayContaining([first, ...added]));
    for (const { mode } of await Promise.all(
      Object.values(folder.files)
        .slice(0, 2)
        .map((path) => stat(path)),
    )) {
      expect(mode & 0o777).toBe(0o600);
    }
  });

  it('wait for one that is being added, and say what to do where that one has died', async () => {
    expect(await refusedAtLast).toMatch(/another command changes the keys; .*delete data\/keys\.lock\.$/);
  });

  /** One process that adds signing keys and secrets in turn. */
  function addMany(count: number) {
    const code = `
      const { keysAdd } = await import(${JSON.stringify(resolve('dist/service/cli/keys.commands.js'))});
      for (let n = 0; n < ${count}; n++) process.stdout.write(await keysAdd.run([], { secret: n % 2 === 0 }));`;
    const load = ['--import', resolve('node_modules/reflect-metadata/Reflect.js'), '--input-type=module'];
    return run(process.execPath, [...load, '-e', code], { cwd: folder.cwd });
  }
});

describe('keys list', () => {
  it('says that there are none', async () => {
    expect(await folder.keys('list')).toBe(`There are no keys in ${join(folder.cwd, 'data')}.\n`);
    expect(await readdir(folder.cwd)).toEqual([]);
  });

  it('says of each what the database knows: since when, and until or from when', async () => {
    const [newKey, usedKey, oldKey, deadKey, strangeKey] = (await folder.putSigningKeys(5)) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const [newSecret, oldSecret] = (await folder.putSecrets(2)) as [string, string];
    await stop(await folder.start());
    const now = Date.now();
    const replaced = now - HOUR;
    await folder.note(
      'access_token_keys',
      [newKey, now],
      [usedKey, 0, 0],
      [oldKey, 0, 0, replaced],
      [deadKey, 0, 0, 0],
    );
    await folder.note('refresh_token_secrets', [newSecret, now], [oldSecret, 0, 0]);

    const at = (time: number) => new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
    expect(await folder.list()).toEqual([
      { kind: 'signing key', id: newKey, firstSeen: at(now), state: `published; signs from ${at(now + DELAY)} on` },
      { kind: 'signing key', id: usedKey, firstSeen: at(0), state: 'signs' },
      {
        kind: 'signing key',
        id: oldKey,
        firstSeen: at(0),
        state: `published; needed until ${at(replaced + HOUR + MAX_AGE)}`,
      },
      { kind: 'signing key', id: deadKey, firstSeen: at(0), state: 'published; can be retired' },
      { kind: 'signing key', id: strangeKey, firstSeen: '-', state: 'no instance has it yet' },
      { kind: 'secret', id: newSecret, firstSeen: at(now), state: `verifies; mints from ${at(now + DELAY)} on` },
      { kind: 'secret', id: oldSecret, firstSeen: at(0), state: 'mints' },
    ]);

    for (const [id, why] of [
      [usedKey, 'it signs. Add another first, and wait until that one signs'],
      [oldKey, `access tokens that it signed are good until ${at(replaced + HOUR + MAX_AGE)}. Retire it then`],
      [oldSecret, 'it mints. Add another first, and wait until that one mints'],
    ]) {
      expect(await folder.refused(['retire', String(id)])).toBe(
        `keys retire: ${id} is needed: ${why}; or retire it all the same, with --force.`,
      );
    }
    // One that was never used can be taken back.
    for (const id of [deadKey, newKey]) {
      expect(await folder.keys('retire', id)).toBe(
        `Retired the signing key ${id}: it is published no more within 5 s.\n`,
      );
    }
    // A running service asks for none that it was forced to give up.
    await folder.keys('retire', oldKey, '--force');
    await stop(await folder.start());
  });

  it('lists them where the database can’t be asked, and says how long a roll-out may take', async () => {
    const [key = ''] = await folder.putSigningKeys(1);
    const [secret = ''] = await folder.putSecrets(1);
    expect(await folder.stateOf(key)).toMatch(/^published \(the database could not be asked: .+ not there/);
    expect(await folder.stateOf(secret)).toMatch(/^verifies \(the database could not be asked: .+ not there/);

    const nowhere = await folder.run(['list'], { DATABASE_URL: 'postgres://user:hunter2@127.0.0.1:1/sessions' });
    expect(nowhere).toMatchObject({ code: 0, stderr: '' });
    expect(nowhere.stdout.match(/could not be asked/g)).toHaveLength(2);
    expect(nowhere.stdout).not.toContain('hunter2');
    expect(nowhere.stdout).toMatch(
      /\n\nA new first key must reach every instance within 240 s \(KEY_ACTIVATION_DELAY /,
    );
  });

  it('lists the keys of the environment where the service takes them from there', async () => {
    const { keys } = JSON.parse(SIGNING_KEYS) as { keys: { kid: string }[] };
    const { stdout } = await folder.run(['list'], { SIGNING_KEYS, REFRESH_TOKEN_SECRETS: SECRET });
    expect(stdout).toMatch(/^SIGNING_KEYS is set: .+\nREFRESH_TOKEN_SECRETS is set: .+\nKIND +ID +FIRST SEEN +STATE\n/);
    for (const id of [keys[0]?.kid, tokenSecret(SECRET).fingerprint]) expect(stdout).toContain(` ${id} `);
    expect(stdout).not.toContain(SECRET);
  });
});

describe('keys retire', () => {
  it('takes whatever it is forced to, but the last', async () => {
    const [next = '', old = ''] = await folder.putSigningKeys(2);
    await folder.keys('retire', old, '--force');

    expect(await folder.refused(['retire', next, '--force'])).toBe(
      'keys retire: it is the only signing key; add another first, with "keys add".',
    );
    const [secret = ''] = await folder.putSecrets(1);
    expect(await folder.refused(['retire', secret, '--force'])).toBe(
      'keys retire: it is the only secret; add another first, with "keys add --secret".',
    );
  });

  it('asks the database first, and takes nothing where that can’t be asked', async () => {
    const [, key = ''] = await folder.putSigningKeys(2);
    const [, secret = ''] = await folder.putSecrets(2);
    for (const id of [key, secret]) {
      expect(await folder.refused(['retire', id])).toMatch(/^DATABASE_URL: .*not there/);
      await folder.keys('retire', id, '--force');
    }
  });

  it('says what to do where the database can’t be told that a signing key was given up', async () => {
    const [, key = ''] = await folder.putSigningKeys(2);
    const forced = await folder.run(['retire', key, '--force'], {
      DATABASE_URL: 'postgres://user:hunter2@127.0.0.1:1/sessions',
    });

    expect(forced).toMatchObject({ code: 0, stderr: '' });
    expect(forced.stdout).toMatch(
      /^Retired the signing key .+\nThe database could not be told \(.+\)\. .+ start the service once with KEY_ACTIVATION_DELAY=0\.\n$/,
    );
    expect(forced.stdout).not.toContain('hunter2');
  });
});

describe('a command that is refused', () => {
  it.each<[string, string[], string]>([
    ['SIGNING_KEYS', ['add'], SIGNING_KEYS],
    ['REFRESH_TOKEN_SECRETS', ['add', '--secret'], SECRET],
  ])('where %s is set, the file isn’t what the service uses: %j', async (name, args, value) => {
    const why = await folder.refused(args, { [name]: value });
    expect(why).toMatch(new RegExp(`^${name} is set: .*"Roll keys", or unset it\\.$`));
    expect(why).not.toContain(value.slice(0, 20));
    expect(await readdir(folder.cwd)).toEqual([]);
  });

  it('does not retire what the service doesn’t take from the file', async () => {
    const [key = ''] = await folder.putSigningKeys(1);
    const [secret = ''] = await folder.putSecrets(1);
    expect(await folder.refused(['retire', key, '--force'], { SIGNING_KEYS })).toMatch(/^SIGNING_KEYS is set/);
    expect(await folder.refused(['retire', secret, '--force'], { REFRESH_TOKEN_SECRETS: SECRET })).toMatch(
      /^REFRESH_TOKEN_SECRETS is set/,
    );
  });

  it('names an id that is no key’s, and where it looked', async () => {
    await folder.putSigningKeys(1);
    expect(await folder.refused(['retire', 'nobody'])).toBe(
      `keys retire: got "nobody", takes the id of a key in ${join(folder.cwd, 'data')}, as "keys list" prints it.`,
    );
  });

  it.each([
    ['signingKeys', ['add'], 'signing-keys.json'],
    ['secrets', ['add', '--secret'], 'refresh-token-secret'],
  ] as const)('does not write over a file that it can’t read: %s', async (file, args, name) => {
    await folder.put(file, '{"keys": [{"kty": "EC", "d": "hunter2');
    const why = await folder.refused(args);
    expect(why).toContain(name);
    expect(why).not.toContain('hunter2');
  });
});
