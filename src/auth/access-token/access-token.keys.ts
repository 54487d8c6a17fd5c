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

/** The key that signs, parsed once: parsing at every signature costs ten times the signature. */
export interface SigningKey {
  readonly algorithm: SigningAlgorithm;
  readonly key: KeyObject;
  /** Absent for a shared secret: the host's verifiers know no key id. */
  readonly keyId?: string;
}

export interface SigningKeys {
  /** The key that signs. */
  readonly current: SigningKey;
  /** The public halves of all asymmetric keys, for `jwks.json`. */
  readonly published: readonly JsonWebKey[];
}

const PROBE = Buffer.alloc(32);
const TAKES = 'private JWKs (kty EC with crv P-256, or RSA of at least 2048 bits), the first of which signs';

/** Reads the keys of the options. @throws ConfigurationError naming the key that can't be used, never the key itself */
export function signingKeys(options: { keys: JsonWebKeySet } | { algorithm: 'HS256'; secret: string }): SigningKeys {
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
  return { current: { algorithm: 'HS256', key: createSecretKey(Buffer.from(options.secret)) }, published: [] };
}

function keySet(set: JsonWebKeySet): SigningKeys {
  const jwks = Array.isArray(set) ? set : (set as { keys?: readonly JsonWebKey[] } | undefined)?.keys;
  if (!Array.isArray(jwks) || jwks.length === 0) {
    throw new ConfigurationError(`accessToken.keys: got no keys, takes ${TAKES}.`);
  }
  const pairs = jwks.map((jwk, position) => keyPair(jwk, position));
  const keyIds = pairs.map(({ keyId }) => keyId);
  const repeated = keyIds.find((keyId, position) => keyIds.indexOf(keyId) < position);
  if (repeated !== undefined)
    throw new ConfigurationError(`accessToken.keys: the kid "${repeated}" stands there twice.`);

  const [first] = pairs as [KeyPair, ...KeyPair[]];
  return {
    current: { algorithm: first.algorithm, key: first.privateKey, keyId: first.keyId },
    published: pairs.map(({ publicJwk }) => publicJwk),
  };
}

interface KeyPair {
  readonly algorithm: SigningAlgorithm;
  readonly keyId: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: JsonWebKey;
}

function keyPair(jwk: JsonWebKey, position: number): KeyPair {
  const option = `accessToken.keys[${position}]`;
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  } catch {
    // The cause would quote the key.
    throw new ConfigurationError(`${option}: not a private key; takes ${TAKES}.`);
  }
  const algorithm = algorithmOf(privateKey);
  if (!algorithm || (jwk['alg'] !== undefined && jwk['alg'] !== algorithm)) {
    throw new ConfigurationError(`${option}: got kty ${jwk.kty}, crv ${jwk.crv}, alg ${jwk['alg']}; takes ${TAKES}.`);
  }
  const publicKey = createPublicKey(privateKey);
  if (!verify('sha256', PROBE, publicKey, sign('sha256', PROBE, privateKey))) {
    throw new ConfigurationError(`${option}: its private and public members are of two keys; takes ${TAKES}.`);
  }
  const publicJwk = publicKey.export({ format: 'jwk' });
  const keyId = typeof jwk['kid'] === 'string' && jwk['kid'] !== '' ? jwk['kid'] : thumbprint(publicJwk);
  return { algorithm, keyId, privateKey, publicJwk: { ...publicJwk, kid: keyId, alg: algorithm, use: 'sig' } };
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
