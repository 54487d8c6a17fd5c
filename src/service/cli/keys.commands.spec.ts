import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { generateSigningKey } from '../../auth/keys/key-generation.js';
import { keysRetire } from './keys.commands.js';

const KEYS = ['a', 'b', 'c'].map((kid) => ({ ...generateSigningKey(), kid }));
const DATA_DIR = process.env['DATA_DIR'];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keys-'));
  process.env['DATA_DIR'] = folder;
});

afterEach(() => {
  if (DATA_DIR === undefined) delete process.env['DATA_DIR'];
  else process.env['DATA_DIR'] = DATA_DIR;
  rmSync(folder, { recursive: true });
});

function putKeys(keys: readonly object[]): void {
  writeFileSync(join(folder, 'signing-keys.json'), JSON.stringify({ keys }));
}

it.each([true, false])(
  'keys retire names a key that another command retires meanwhile (--force: %s)',
  async (force) => {
    putKeys(KEYS);
    const lock = join(folder, 'keys.lock');
    writeFileSync(lock, '');
    const retiring = Promise.resolve(keysRetire.run(['c'], { force }));
    putKeys(KEYS.slice(0, 2));
    rmSync(lock);

    await expect(retiring).rejects.toThrow(/^keys retire: got "c", takes the id of a key in /);
  },
);
