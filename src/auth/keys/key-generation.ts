import { generateKeyPairSync, randomBytes, randomUUID, type JsonWebKey } from 'node:crypto';

/** A fresh secret for refresh tokens. */
export function generateSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** A fresh ES256 key. */
export function generateSigningKey(): JsonWebKey {
  return { ...ecJwk(), kid: randomUUID(), alg: 'ES256', use: 'sig' };
}

/**
 * A fresh private key on P-256. The call itself is asked for JWKs: on Node 20, the export of a key that was just
 * generated can wait for ever.
 */
function ecJwk(): JsonWebKey {
  const encoding = { format: 'jwk' };
  const options = { namedCurve: 'P-256', privateKeyEncoding: encoding, publicKeyEncoding: encoding };
  // A JWK, though the types know PEM and DER only.
  const { privateKey }: { privateKey: object } = generateKeyPairSync('ec', options);
  return privateKey as JsonWebKey;
}

/** A fresh JWK set of one ES256 key. */
export function generateSigningKeys(): { keys: JsonWebKey[] } {
  return { keys: [generateSigningKey()] };
}
