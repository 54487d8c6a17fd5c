import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { transformFileSync } from '@swc/core';
import { signingKeys } from '../../auth/access-token/access-token.keys.js';
import { generateSecret, generateServiceKey, generateSigningKeys } from './key-generation.js';
import { madeUp, makeDataDir, serviceKeyPath } from './made-up-keys.js';

let folder: string;
let dataDir: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'made-up-keys-'));
  dataDir = join(folder, 'a', 'b');
});

afterEach(() => rmSync(folder, { recursive: true }));

function modeOf(...path: string[]): string {
  return (statSync(join(...path)).mode & 0o777).toString(8);
}

function makeAll() {
  return {
    secrets: madeUp.refreshTokenSecrets(dataDir),
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
    expect(readFileSync(serviceKeyPath(dataDir), 'utf8').trim()).toBe(first.serviceKeys[0]);
  });

  it('are those that stand there, where somebody has put some there', () => {
    makeDataDir(dataDir);
    writeFileSync(serviceKeyPath(dataDir), '  my-own-service-key-0123456789\r\n');
    expect(madeUp.serviceKeys(dataDir)).toEqual(['my-own-service-key-0123456789']);
    expect(readdirSync(dataDir)).toEqual(['service-key']);
  });

  it('are as good as the environment would take', () => {
    makeDataDir(dataDir);
    const { secrets, keys, serviceKeys } = makeAll();
    expect(secrets).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
    expect(serviceKeys).toEqual([expect.stringMatching(/^sk_[\w-]{32}$/)]);
    expect(signingKeys({ keys }).current).toMatchObject({ algorithm: 'ES256', keyId: expect.stringMatching(/./) });
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

/** The part that makes files, as a thread of its own can load it. @returns its path */
function compiled(): string {
  const source = join(import.meta.dirname, 'kept-file.ts');
  const { code } = transformFileSync(source, { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } });
  const path = join(folder, 'kept-file.mjs');
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
