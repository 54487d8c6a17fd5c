import { generateKeyPairSync, randomBytes, randomUUID, type JsonWebKey } from 'node:crypto';

/** A fresh secret for refresh tokens. */
export function generateSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** A fresh ES256 key. */
export function generateSigningKey(): JsonWebKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' };
}

/** A fresh JWK set of one ES256 key. */
export function generateSigningKeys(): { keys: JsonWebKey[] } {
  return { keys: [generateSigningKey()] };
}
