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
/** For how long a key is kept beyond the last token that it signed. */
const MARGIN = MINUTE;

let folder: KeyFolder;
/** A command that waits for seconds, begun before the tests. */
let refusedAtLast: Promise<string>;

beforeAll(async () => {
  const locked = await KeyFolder.make();
  const [, old = ''] = await locked.putSigningKeys(Date.now(), 0);
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
  let begun: number;
  let printed: string[];

  beforeAll(async () => {
    added = await KeyFolder.make();
    begun = Date.now();
    const command = `umask 0; '${process.execPath}' '${resolve('dist/service/cli/cli.js')}' keys add`;
    printed = [];
    for (const more of ['', ' --secret', '', ' --secret']) {
      const { code, stderr, stdout } = await runToEnd('sh', ['-c', command + more], { cwd: added.cwd });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      printed.push(stdout);
    }
  });

  it('note when, are for the owner only, and leave nothing else behind', async () => {
    const times = [...(await added.signingKeys()), ...(await added.secretFile()).secrets].map((entry) => {
      expect(entry['added_at']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      return Date.parse(String(entry['added_at']));
    });
    expect(times).toHaveLength(4);
    for (const time of times) expect(time >= begun && time <= Date.now()).toBe(true);
    const [keys, secrets] = [times.slice(0, 2), times.slice(2)];
    for (const [newer, older] of [keys, secrets] as [number, number][]) expect(newer).toBeGreaterThan(older);

    const data = join(added.cwd, 'data');
    const names = await readdir(data);
    expect(names.toSorted()).toEqual(['refresh-token-secret', 'signing-keys.json']);
    for (const path of ['.', ...names]) {
      expect([path, (await stat(join(data, path))).mode & 0o777]).toEqual([path, path === '.' ? 0o700 : 0o600]);
    }
  });

  it('say from when the key is used: the first from now on, another after the activation delay', async () => {
    const [firstKey, firstSecret, secondKey = '', secondSecret = ''] = printed;
    expect(firstKey).toMatch(/: it is published within 5 s, and signs from now on\./);
    expect(firstSecret).toMatch(/: it verifies within 5 s, and mints from now on, /);
    const signsFrom = /signs from (\S+) on\./.exec(secondKey)?.[1];
    const mintsFrom = /mints from about (\S+) on, /.exec(secondSecret)?.[1];

    const [key] = await added.signingKeys();
    const [secret] = (await added.secretFile()).secrets;
    expect(signsFrom).toBe(seconds(Date.parse(String(key?.['added_at'])) + DELAY));
    expect(mintsFrom).toBe(seconds(Date.parse(String(secret?.added_at)) + DELAY));
  });
});

describe('keys that are added while others are', () => {
  it('are all in the file, which is whole for whoever reads it', async () => {
    const [first] = await folder.putSigningKeys(Date.now());
    await folder.putSecrets(Date.now());
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

  it('says what each signing key does: signs, is published until it signs, is needed, can be retired', async () => {
    const now = Date.now();
    const lastSigned = DELAY + HOUR + MARGIN + MINUTE;
    const times = [0, DELAY, DELAY + HOUR - MINUTE, lastSigned, lastSigned + MINUTE].map((age) => now - age);
    const ids = await folder.putSigningKeys(...times);
    const rows = (states: string[]) =>
      ids.map((id, at) => ({ kind: 'signing key', id, added: seconds(times[at]), state: states[at] }));

    expect(await folder.list()).toEqual(
      rows([
        `published; signs from ${seconds(now + DELAY)} on`,
        'signs',
        `published; needed until ${seconds(now + HOUR + MARGIN)}`,
        `published; needed until ${seconds(now + 2 * MINUTE)}`,
        'published; can be retired',
      ]),
    );
  });

  it('knows the keys of earlier versions, that have no time', async () => {
    const { keys } = JSON.parse(SIGNING_KEYS) as { keys: { kid: string }[] };
    await folder.put('signingKeys', SIGNING_KEYS);
    await folder.put('secrets', `${SECRET}\n`);
    const [{ fingerprint }, first] = [tokenSecret(SECRET), keys[0]?.kid];

    expect(await folder.list()).toEqual([
      { kind: 'signing key', id: first, added: '-', state: 'signs' },
      { kind: 'secret', id: fingerprint, added: '-', state: expect.stringMatching(/^verifies/) },
    ]);
    const [nextKey, nextSecret] = [await folder.addSigningKey(), await folder.addSecret()];
    const listed = await folder.list();
    expect(listed.map(({ id }) => id)).toEqual([nextKey, first, nextSecret, fingerprint]);
    expect(listed[1]?.state).toBe('signs');
    expect((await folder.secretFile()).secrets[1]).toEqual({ secret: SECRET });
  });

  it('says of secrets what the database knows, and lists them where it can’t be asked', async () => {
    const [first = ''] = await folder.putSecrets(Date.now());
    expect(await folder.stateOf(first)).toMatch(/^verifies \(the database could not be asked: .+ not there/);

    const service = await folder.start();
    const second = await folder.addSecret();
    expect((await folder.list()).filter(({ kind }) => kind === 'secret').map(({ id, state }) => [id, state])).toEqual([
      [second, 'verifies; has not minted'],
      [first, 'mints'],
    ]);
    const nowhere = await folder.run(['list'], { DATABASE_URL: 'postgres://user:hunter2@127.0.0.1:1/sessions' });
    expect(nowhere).toMatchObject({ code: 0, stderr: '' });
    expect(nowhere.stdout.match(/could not be asked/g)).toHaveLength(2);
    expect(nowhere.stdout).not.toContain('hunter2');
    await stop(service);
  });

  it('says where the service takes its keys from the environment', async () => {
    await folder.putSigningKeys(Date.now());
    const { stdout } = await folder.run(['list'], { SIGNING_KEYS, REFRESH_TOKEN_SECRETS: SECRET });
    expect(stdout).toMatch(
      /^SIGNING_KEYS is set: .+\nREFRESH_TOKEN_SECRETS is set: .+\nKIND +ID +ADDED +STATE\nsigning key /,
    );
    expect(stdout).not.toContain(SECRET);
  });
});

describe('keys retire', () => {
  it('keeps the key that signs', async () => {
    const [waiting, old] = await folder.putSigningKeys(Date.now(), Date.now() - HOUR);
    expect(await folder.refused(['retire', String(old)])).toBe(
      `keys retire: ${old} is needed: it signs. Add another first, and wait until that one signs; or retire it all the same, with --force.`,
    );
    // One that has not signed yet can be taken back.
    await folder.keys('retire', String(waiting));
    expect((await folder.signingKeys()).map((key) => key['kid'])).toEqual([old]);
  });

  it('keeps a key that has signed until its last token has expired, by the life of tokens here', async () => {
    const replacedAt = Date.now() - 5 * MINUTE - MARGIN;
    const [, old = ''] = await folder.putSigningKeys(replacedAt - DELAY, replacedAt - HOUR);
    const neededUntil = seconds(replacedAt + HOUR + MARGIN);
    expect(await folder.refused(['retire', old])).toBe(
      `keys retire: ${old} is needed: access tokens that it signed are good until ${neededUntil}. Retire it then; or retire it all the same, with --force.`,
    );
    await folder.refused(['retire', old], { ACCESS_TOKEN_TTL: '6m' });

    const { code, stdout } = await folder.run(['retire', old], { ACCESS_TOKEN_TTL: '5m' });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `Retired the signing key ${old}: it is published no more within 5 s.\n`,
    });
    expect(await folder.signingKeys()).toHaveLength(1);
  });

  it('takes whatever key it is forced to, but the last', async () => {
    const [next = '', old = ''] = await folder.putSigningKeys(Date.now(), Date.now() - HOUR);
    await folder.keys('retire', old, '--force');

    expect(await folder.refused(['retire', next, '--force'])).toBe(
      'keys retire: it is the only signing key; add another first, with "keys add".',
    );
    const [secret = ''] = await folder.putSecrets(Date.now());
    expect(await folder.refused(['retire', secret, '--force'])).toBe(
      'keys retire: it is the only secret; add another first, with "keys add --secret".',
    );
  });

  it('asks the database before it takes a secret, and takes none where that can’t be asked', async () => {
    const [, secret = ''] = await folder.putSecrets(Date.now(), Date.now() - HOUR);
    expect(await folder.refused(['retire', secret])).toMatch(/^DATABASE_URL: .*not there/);
    await folder.keys('retire', secret, '--force');
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
    const [key = ''] = await folder.putSigningKeys(Date.now());
    const [secret = ''] = await folder.putSecrets(Date.now());
    expect(await folder.refused(['retire', key, '--force'], { SIGNING_KEYS })).toMatch(/^SIGNING_KEYS is set/);
    expect(await folder.refused(['retire', secret, '--force'], { REFRESH_TOKEN_SECRETS: SECRET })).toMatch(
      /^REFRESH_TOKEN_SECRETS is set/,
    );
  });

  it('names an id that is no key’s, and where it looked', async () => {
    await folder.putSigningKeys(Date.now());
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

/** As the commands print a time. */
function seconds(time: unknown): string {
  return new Date(time as string | number).toISOString().replace(/\.\d+Z$/, 'Z');
}
