import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
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
