import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonWebKeySet } from '../../auth/access-token/access-token.keys.js';

/** A fresh secret for refresh tokens. */
export function generateSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** A fresh service key. */
export function generateServiceKey(): string {
  return `sk_${randomBytes(24).toString('base64url')}`;
}

/** A fresh JWK set of one ES256 key. */
export function generateSigningKeys(): JsonWebKeySet {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' }] };
}

/** Where a made-up service key stands. */
export function serviceKeyPath(dataDir: string): string {
  return join(dataDir, 'service-key');
}

/** What is made up for development where the environment doesn't give it; made once, then kept in the data folder. */
export const madeUp = {
  refreshTokenSecrets: (dataDir: string): string[] => [keep(join(dataDir, 'refresh-token-secret'), generateSecret)],
  signingKeys: (dataDir: string): JsonWebKeySet =>
    JSON.parse(keep(join(dataDir, 'signing-keys.json'), () => JSON.stringify(generateSigningKeys()))) as JsonWebKeySet,
  serviceKeys: (dataDir: string): string[] => [keep(serviceKeyPath(dataDir), generateServiceKey)],
};

/** Makes the data folder, for its owner only. */
export function makeDataDir(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
}

/** The file's content; where there is no such file, it is made. Two processes that start together agree on one. */
function keep(path: string, make: () => string): string {
  const kept = read(path);
  if (kept !== undefined) return kept;
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, `${make()}\n`, { mode: 0o600, flag: 'wx' });
  try {
    // A link appears whole or not at all, and never replaces what another process has made.
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
  return read(path) as string;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
