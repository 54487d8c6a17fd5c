import { join } from 'node:path';

/** The files of a data folder that hold keys. */
export interface KeyFiles {
  readonly secrets: string;
  readonly signingKeys: string;
  readonly serviceKeys: string;
}

/** Where a data folder has its keys. */
export function keyFiles(dataDir: string): KeyFiles {
  return {
    secrets: join(dataDir, 'refresh-token-secret'),
    signingKeys: join(dataDir, 'signing-keys.json'),
    serviceKeys: join(dataDir, 'service-key'),
  };
}
