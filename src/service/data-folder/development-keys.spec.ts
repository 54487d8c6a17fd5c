import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { transformFileSync } from '@swc/core';
import { signingKeys, type JsonWebKeySet, type SigningKey } from '../../auth/keys/signing-key.js';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { generateSecret, generateSigningKeys } from '../../auth/keys/key-generation.js';
import { tokenSecret } from '../../auth/keys/token-secret.js';
import { keyFiles } from '../config/data-folder-paths.js';
import { formatSigningKeys, madeUp, makeDataDir } from './development-keys.js';
import { generateServiceKey } from './service-key.js';

let folder: string;
let dataDir: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'development-keys-'));
  dataDir = join(folder, 'a', 'b');
});

afterEach(() => rmSync(folder, { recursive: true }));

function modeOf(...path: string[]): string {
  return (statSync(join(...path)).mode & 0o777).toString(8);
}

function makeAll() {
  return {
    secrets: madeUp.secrets(dataDir),
    keys: madeUp.signingKeys(dataDir),
    serviceKeys: madeUp.serviceKeys(dataDir),
  };
}

describe('keys that are made up', () => {
  it('are for the owner only, whatever the umask', () => {
    const umask = process.umask(0);
    try {
      makeDataDir(dataDir);
      makeAll();
    } finally {
      process.umask(umask);
    }
    expect(modeOf(dataDir)).toBe('700');
    expect(readdirSync(dataDir).toSorted()).toEqual(['refresh-token-secret', 'service-key', 'signing-keys.json']);
    for (const name of readdirSync(dataDir)) expect(modeOf(dataDir, name)).toBe('600');
  });

  it('are for the owner only in a folder that others may read, too', () => {
    makeDataDir(dataDir);
    chmodSync(dataDir, 0o755);
    makeDataDir(dataDir);
    makeAll();
    for (const name of readdirSync(dataDir)) expect(modeOf(dataDir, name)).toBe('600');
  });

  it('are made once, and kept', () => {
    makeDataDir(dataDir);
    const first = makeAll();
    expect(makeAll()).toEqual(first);
    makeDataDir(dataDir);
    expect(makeAll()).toEqual(first);
    for (const { path, text } of Object.values(first)) expect(readFileSync(path, 'utf8').trim()).toBe(text);
  });

  it('stand in the three files of the folder, and nowhere else', () => {
    makeDataDir(dataDir);
    const { secrets, keys, serviceKeys } = makeAll();

    expect({ secrets: secrets.path, signingKeys: keys.path, serviceKeys: serviceKeys.path }).toEqual(keyFiles(dataDir));
    expect(serviceKeys.value).toEqual([serviceKeys.text]);
  });

  it('are those that stand there, where somebody has put some there', () => {
    makeDataDir(dataDir);
    const path = keyFiles(dataDir).serviceKeys;
    writeFileSync(path, '  my-own-service-key-0123456789\r\n');
    const text = 'my-own-service-key-0123456789';
    expect(madeUp.serviceKeys(dataDir)).toEqual({ path, text, value: [text] });
    expect(readdirSync(dataDir)).toEqual(['service-key']);
  });

  it('are those of an older version, whose secret stood bare: nobody is signed out', () => {
    makeDataDir(dataDir);
    const files = keyFiles(dataDir);
    const secret = generateSecret();
    const {
      keys: [key],
    } = generateSigningKeys();
    writeFileSync(files.secrets, `${secret}\n`);
    writeFileSync(files.signingKeys, `${JSON.stringify({ keys: [key] })}\n`);
    const { secrets, keys } = makeAll();

    const { fingerprint } = tokenSecret(secret);
    expect(secrets.value).toEqual({ secrets: [{ secret, fingerprint }], retired: [] });
    expect(keys.value).toEqual({ keys: [key] });
    expect(readFileSync(files.secrets, 'utf8')).toBe(`${secret}\n`);
    expect(readFileSync(files.signingKeys, 'utf8')).toBe(`${JSON.stringify({ keys: [key] })}\n`);
  });

  it.each<['secrets' | 'signingKeys' | 'serviceKeys', string]>([
    ['secrets', ''],
    ['secrets', '{"secrets":[{"secret":"cut-off-in-the-middle-of-the-wri'],
    ['secrets', '{"secrets":[]}'],
    ['signingKeys', ''],
    ['signingKeys', '{"keys":[{"kty":"EC","d":"private"'],
    ['signingKeys', '{"keys":[null]}'],
    ['serviceKeys', ''],
    ['serviceKeys', 'cut-off'],
  ])('are refused where the file of the %s holds %j, named and not shown, and left as they stand', (kind, text) => {
    makeDataDir(dataDir);
    const path = keyFiles(dataDir)[kind];
    writeFileSync(path, text);
    const read = () => madeUp[kind](dataDir);

    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(
      /^"[^"]+": got a value of \d+ characters.*, takes .+ Put the file back; or delete it, and another is made up\.$/,
    );
    expect(read).toThrow(JSON.stringify(path));
    expect(read).not.toThrow(/cut-off|private"/);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('are as good as the environment would take', () => {
    makeDataDir(dataDir);
    const { secrets, keys, serviceKeys } = makeAll();
    expect(secrets.value.secrets.map(({ secret }) => secret)).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
    expect(secrets.value.retired).toEqual([]);
    expect(serviceKeys.value).toEqual([expect.stringMatching(/^sk_[\w-]{32}$/)]);
    expect(oneKey(keys.value)).toMatchObject({ algorithm: 'ES256', keyId: expect.stringMatching(/./) });
  });

  it('are read back as "keys add" writes them', () => {
    makeDataDir(dataDir);
    const {
      keys: [old],
    } = generateSigningKeys();
    const {
      keys: [key],
    } = generateSigningKeys();
    writeFileSync(keyFiles(dataDir).signingKeys, `${formatSigningKeys([key, old] as object[])}\n`);

    expect(madeUp.signingKeys(dataDir).value).toEqual({ keys: [key, old] });
  });

  it('are others every time they are made anew', () => {
    for (const generate of [generateSecret, generateServiceKey, () => JSON.stringify(generateSigningKeys())]) {
      expect(new Set(Array.from({ length: 20 }, generate)).size).toBe(20);
    }
  });

  it('are the same for all who start at once', async () => {
    const [starters, rounds] = [4, 25];
    const barrier = new Int32Array(new SharedArrayBuffer(4 * rounds));
    const workerData = { folder, starters, rounds, barrier, module: compiled() };
    const results = await Promise.all(Array.from({ length: starters }, () => startAtOnce(workerData)));

    expect(results[0]).toHaveLength(rounds);
    expect(new Set(results[0]).size).toBe(rounds);
    for (const result of results) expect(result).toEqual(results[0]);
    for (let round = 0; round < rounds; round++) {
      expect(readdirSync(join(folder, String(round)))).toEqual(['service-key']);
    }
  });
});

/** The only key of a set. */
function oneKey(keys: JsonWebKeySet): SigningKey {
  const all = signingKeys({ keys });
  expect(all).toHaveLength(1);
  return all[0] as SigningKey;
}

/** The part that makes files, as a thread of its own can load it. @returns its path */
function compiled(): string {
  const source = join(import.meta.dirname, 'create-once.ts');
  const { code } = transformFileSync(source, { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } });
  const path = join(folder, 'create-once.mjs');
  writeFileSync(path, code);
  return path;
}

/** A thread that waits for the others before each of its calls. @returns the key it was given in each round */
function startAtOnce(workerData: object): Promise<string[]> {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { mkdirSync } = require('node:fs');
    const { folder, starters, rounds, barrier, module } = workerData;
    import(module).then(({ keepFile }) => {
      const keys = [];
      for (let round = 0; round < rounds; round++) {
        Atomics.add(barrier, round, 1);
        while (Atomics.load(barrier, round) < starters);
        const dataDir = folder + '/' + round;
        mkdirSync(dataDir, { recursive: true });
        keys.push(keepFile(dataDir + '/service-key', () => crypto.randomUUID()));
      }
      parentPort.postMessage(keys);
    });`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(code, { eval: true, workerData });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
