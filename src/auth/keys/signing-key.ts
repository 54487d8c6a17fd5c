import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  sign,
  verify,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { ConfigurationError } from '../auth.errors.js';

/** A JWK set (RFC 7517 §5): `{"keys": [...]}`, or just the list. */
export type JsonWebKeySet = { readonly keys: readonly JsonWebKey[] } | readonly JsonWebKey[];

export type SigningAlgorithm = 'ES256' | 'RS256' | 'HS256';

/** A key that signs or verifies, parsed once: parsing at every signature costs ten times the signature. */
export interface SigningKey {
  readonly algorithm: SigningAlgorithm;
  readonly key: KeyObject;
  /** The half to verify with: the same for a shared secret. */
  readonly verificationKey: KeyObject;
  /** Absent for a shared secret: the host's verifiers know no key id. */
  readonly keyId?: string;
  /** For `jwks.json`; absent for a shared secret. */
  readonly publicJwk?: JsonWebKey;
}

/** What a `kid` may be: it goes into headers, logs and the database. */
const KEY_ID = /^[\x20-\x7E]{1,255}$/;
const PROBE = Buffer.alloc(32);
const TAKES = 'private JWKs (kty EC with crv P-256, or RSA of at least 2048 bits), the first of which signs';

/**
 * Reads the keys of the options: of a JWK set, the first one is to sign.
 * @throws ConfigurationError naming the key that can't be used, never the key itself
 */
export function signingKeys(
  options: { keys: JsonWebKeySet } | { algorithm: 'HS256'; secret: string },
): readonly SigningKey[] {
  if ('keys' in options) {
    if ('secret' in options || 'algorithm' in options) {
      throw new ConfigurationError('accessToken: got keys and a secret, takes either keys, or algorithm with secret.');
    }
    return keySet(options.keys);
  }
  if (options.algorithm !== 'HS256') {
    throw new ConfigurationError(
      `accessToken.algorithm: got ${JSON.stringify(options.algorithm)}, takes HS256 with a secret; for ES256 and RS256 give accessToken.keys instead.`,
    );
  }
  if (typeof options.secret !== 'string' || options.secret === '') {
    throw new ConfigurationError('accessToken.secret: got none, takes the secret that your JWT guard verifies with.');
  }
  const key = createSecretKey(Buffer.from(options.secret));
  return [{ algorithm: 'HS256', key, verificationKey: key }];
}

function keySet(set: JsonWebKeySet): SigningKey[] {
  const keys = jwksOf(set).map(signingKey);
  const keyIds = keys.map(({ keyId }) => keyId);
  const repeated = keyIds.find((keyId, position) => keyIds.indexOf(keyId) < position);
  if (repeated !== undefined)
    throw new ConfigurationError(`accessToken.keys: the kid "${repeated}" stands there twice.`);
  return keys;
}

/** The keys of a set. @throws ConfigurationError where there are none */
export function jwksOf(set: JsonWebKeySet): readonly JsonWebKey[] {
  const jwks = Array.isArray(set) ? set : (set as { keys?: readonly JsonWebKey[] } | undefined)?.keys;
  if (!Array.isArray(jwks) || jwks.length === 0) {
    throw new ConfigurationError(`accessToken.keys: got no keys, takes ${TAKES}.`);
  }
  return jwks;
}

function refuse(message: string): never {
  throw new ConfigurationError(message);
}

function signingKey(jwk: JsonWebKey, position: number): SigningKey {
  const option = `accessToken.keys[${position}]`;
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: jwk, format: 'jwk' });
  } catch {
    // The cause would quote the key.
    throw new ConfigurationError(`${option}: not a private key; takes ${TAKES}.`);
  }
  const algorithm = algorithmOf(key);
  if (!algorithm || (jwk['alg'] !== undefined && jwk['alg'] !== algorithm)) {
    throw new ConfigurationError(`${option}: got kty ${jwk.kty}, crv ${jwk.crv}, alg ${jwk['alg']}; takes ${TAKES}.`);
  }
  const verificationKey = createPublicKey(key);
  if (!verify('sha256', PROBE, verificationKey, sign('sha256', PROBE, key))) {
    throw new ConfigurationError(`${option}: its private and public members are of two keys; takes ${TAKES}.`);
  }
  const publicJwk = verificationKey.export({ format: 'jwk' });
  const keyId = typeof jwk['kid'] === 'string' && jwk['kid'] !== '' ? jwk['kid'] : thumbprint(publicJwk);
  if (!KEY_ID.test(keyId)) {
    refuse(`${option}.kid: got ${keyId.length} characters, takes 1 to 255 printable characters of ASCII.`);
  }
  return {
    algorithm,
    keyId,
    key,
    verificationKey,
    publicJwk: { ...publicJwk, kid: keyId, alg: algorithm, use: 'sig' },
  };
}

function algorithmOf(key: KeyObject): SigningAlgorithm | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ES256';
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= 2_048) return 'RS256';
  return undefined;
}

/** RFC 7638 §3: the hash of the required members in the order of their names. */
function thumbprint({ kty, crv, x, y, e, n }: JsonWebKey): string {
  const members = kty === 'EC' ? { crv, kty, x, y } : { e, kty, n };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}
