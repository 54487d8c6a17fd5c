import { mkdirSync } from 'node:fs';
import type { JsonWebKeySet } from '../../auth/keys/signing-key.js';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { tokenSecret } from '../../auth/keys/token-secret.js';
import { parsed } from '../config/variable.js';
import { variables } from '../config/variables.js';
import { keepFile } from './create-once.js';
import { keyFiles } from '../config/data-folder-paths.js';
import { generateSecret, generateSigningKey } from '../../auth/keys/key-generation.js';
import { generateServiceKey } from './service-key.js';
import { formatSecretFile, parseSecretFile, type SecretFile } from './secrets-file.js';

/** A file of the data folder, as it was read. */
export interface ReadFile<T> {
  readonly path: string;
  readonly text: string;
  readonly value: T;
}

const REMEDY = ' Put the file back; or delete it, and another is made up.';

/** What the environment doesn't give, from the data folder; what isn't there is made up once, and kept. */
export const madeUp = {
  secrets: (dataDir: string): ReadFile<SecretFile> =>
    kept(keyFiles(dataDir).secrets, firstSecret, (text, source) => parseSecretFile(text, source, REMEDY)),
  signingKeys: (dataDir: string): ReadFile<JsonWebKeySet> =>
    kept(keyFiles(dataDir).signingKeys, firstSigningKey, (text, source) =>
      parsed(variables.signingKeys, text, source, REMEDY),
    ),
  serviceKeys: (dataDir: string): ReadFile<string[]> =>
    kept(keyFiles(dataDir).serviceKeys, generateServiceKey, (text, source) =>
      parsed(variables.serviceKeys, text, source, REMEDY),
    ),
};

/** Makes the data folder, for its owner only. */
export function makeDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigurationError(
      `DATA_DIR: got ${JSON.stringify(dataDir)} (${code}), takes the path of a folder that is there or can be made.`,
      { cause: error },
    );
  }
}

/** What the file holds, checked as if the environment had given it: files are cut off and emptied too. */
function kept<T>(path: string, make: () => string, read: (text: string, source: string) => T): ReadFile<T> {
  const text = keepFile(path, make);
  return { path, text, value: read(text, JSON.stringify(path)) };
}

function firstSecret(): string {
  const secret = generateSecret();
  const { fingerprint } = tokenSecret(secret);
  return formatSecretFile({ secrets: [{ secret, fingerprint }], retired: [] });
}

function firstSigningKey(): string {
  return formatSigningKeys([generateSigningKey()]);
}

export function formatSigningKeys(keys: readonly object[]): string {
  return JSON.stringify({ keys }, null, 2);
}
