import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { AccessTokenOptions } from 'nest-refresh-token';
import { generateSigningKey } from '../../../src/auth/keys/key-generation.js';
import { ecdsa, hmac, jwt, rsa, type Signer } from './jwt.js';

export type Algorithm = 'ES256' | 'RS256' | 'HS256';

export const ALGORITHMS: readonly Algorithm[] = ['ES256', 'RS256', 'HS256'];
export const HOST_ISSUER = 'https://app.example.com';
export const HOST_SECRET = 'the secret that the host has signed with for years';

/** How a host's access tokens are signed, with the keys in the test's hand. */
export interface Signing {
  readonly algorithm: Algorithm;
  readonly options: AccessTokenOptions;
  /** Signs as the module does. */
  readonly sign: Signer;
  /** The key that signs; absent for a secret. */
  readonly privateKey?: KeyObject;
  readonly publicKey?: KeyObject;
  /** The private JWKs, the one that signs first; none for a secret. */
  readonly keys: readonly JsonWebKey[];
}

/** Fresh keys, two of them where they come in pairs. */
export function signing(algorithm: Algorithm): Signing {
  if (algorithm === 'HS256') {
    const options = { issuer: HOST_ISSUER, algorithm, secret: HOST_SECRET };
    return { algorithm, options, sign: hmac(HOST_SECRET), keys: [] };
  }
  const privateKey = keyPair(algorithm);
  const keys = [jwkOf(privateKey, 'first'), jwkOf(keyPair(algorithm), 'second')];
  return {
    algorithm,
    options: { issuer: HOST_ISSUER, keys },
    sign: signerOf(algorithm, privateKey),
    privateKey,
    publicKey: createPublicKey(privateKey),
    keys,
  };
}

/** A private key as a JWK with this id. */
export function jwkOf(key: KeyObject, kid: string): JsonWebKey {
  return { ...key.export({ format: 'jwk' }), kid };
}

/** A private key for an algorithm. */
export function keyPair(algorithm: 'ES256' | 'RS256'): KeyObject {
  return algorithm === 'ES256'
    ? createPrivateKey({ key: generateSigningKey(), format: 'jwk' })
    : generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
}

/** Signs with a key as its algorithm has it. */
export function signerOf(algorithm: 'ES256' | 'RS256', key: KeyObject): Signer {
  return algorithm === 'ES256' ? ecdsa(key) : rsa(key);
}

/** Signs as somebody does who has none of the host's keys. */
export function strangersSigner(algorithm: Algorithm): { sign: Signer; publicJwk: object } {
  if (algorithm === 'HS256') return { sign: hmac('a secret of somebody else, long enough'), publicJwk: {} };
  const key = keyPair(algorithm);
  return { sign: signerOf(algorithm, key), publicJwk: createPublicKey(key).export({ format: 'jwk' }) };
}

/** A JWT signed with the host's key. */
export function signed({ sign }: Signing, header: unknown, payload: unknown): string {
  return jwt(header, payload, sign);
}
