import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonWebKeySet } from '../../auth/access-token/access-token.keys.js';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { keepFile } from './kept-file.js';
import { generateSecret, generateServiceKey, generateSigningKeys } from './key-generation.js';
import { parsed, variables, type Variable } from './variables.js';

/** Where a made-up service key stands. */
export function serviceKeyPath(dataDir: string): string {
  return join(dataDir, 'service-key');
}

/** What is made up for development where the environment doesn't give it; made once, then kept in the data folder. */
export const madeUp = {
  refreshTokenSecrets: (dataDir: string): string[] =>
    checked(join(dataDir, 'refresh-token-secret'), generateSecret, variables.refreshTokenSecrets),
  signingKeys: (dataDir: string): JsonWebKeySet =>
    checked(join(dataDir, 'signing-keys.json'), () => JSON.stringify(generateSigningKeys()), variables.signingKeys),
  serviceKeys: (dataDir: string): string[] =>
    checked(serviceKeyPath(dataDir), generateServiceKey, variables.serviceKeys),
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
function checked<T>(path: string, make: () => string, variable: Variable<T>): T {
  const remedy = ' Put the file back; or delete it, and another is made up.';
  return parsed(variable, keepFile(path, make), JSON.stringify(path), remedy);
}
