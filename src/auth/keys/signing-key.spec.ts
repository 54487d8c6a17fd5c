import { createPrivateKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { ConfigurationError } from '../auth.errors.js';
import { jwksOf, signingKeys, type JsonWebKeySet, type SigningKey } from './signing-key.js';

// By way of PEM: on Node 20, the export of a key that was just generated can wait for ever.
const PRIVATE = { format: 'pem', type: 'pkcs8' } as const;
const SPKI = { format: 'pem', type: 'spki' } as const;
const PEM = { privateKeyEncoding: PRIVATE, publicKeyEncoding: SPKI };
const jwkOf = (pem: unknown): JsonWebKey => createPrivateKey(String(pem)).export({ format: 'jwk' });
const ecKey = (namedCurve: string) => jwkOf(generateKeyPairSync('ec', { namedCurve, ...PEM }).privateKey);
const rsaKey = (modulusLength: number) => jwkOf(generateKeyPairSync('rsa', { modulusLength, ...PEM }).privateKey);

const EC = ecKey('P-256');
const OTHER_EC = ecKey('P-256');
const RSA = rsaKey(2_048);
const OTHER_RSA = rsaKey(2_048);
const { d: _, ...PUBLIC } = EC;

const TAKES = 'private JWKs (kty EC with crv P-256, or RSA of at least 2048 bits), the first of which signs';
/** The members of RFC 7518 §6 that are a private key. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

function messageFor(options: unknown): string {
  try {
    signingKeys(options as Parameters<typeof signingKeys>[0]);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error('The keys were taken.');
}

/** The keys of a set, as they are in the options or in a file. */
function keysOf(...jwks: JsonWebKey[]): readonly SigningKey[] {
  return signingKeys({ keys: jwks });
}

/** The one key of a set. */
function keyOf(jwk: JsonWebKey): SigningKey {
  return keysOf(jwk)[0] as SigningKey;
}

describe('signingKeys', () => {
  it.each([
    ['ES256', EC],
    ['RS256', RSA],
  ])('signs %s with the key that is for it', (algorithm, jwk) => {
    const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...publicHalf } = jwk;
    const { key, verificationKey, ...rest } = keyOf(jwk);

    expect(rest).toMatchObject({ algorithm });
    expect(key.export({ format: 'jwk' })).toEqual(jwk);
    expect(verificationKey.type).toBe('public');
    expect(verificationKey.export({ format: 'jwk' })).toEqual(publicHalf);
  });

  it('signs HS256 with the secret of the host, without a key id, and publishes nothing', () => {
    const keys = signingKeys({ algorithm: 'HS256', secret: 'the-secret-of-the-host' });
    const secret = expect.objectContaining({ type: 'secret' });

    expect(keys).toEqual([{ algorithm: 'HS256', key: secret, verificationKey: secret }]);
    expect(keys[0]?.key.export().toString()).toBe('the-secret-of-the-host');
    expect(keys[0]?.verificationKey.export().toString()).toBe('the-secret-of-the-host');
  });

  it.each<[string, (keys: JsonWebKey[]) => JsonWebKeySet]>([
    ['a set', (keys) => ({ keys })],
    ['a list', (keys) => keys],
  ])('reads the keys of %s, and publishes all in their order', (_name, setOf) => {
    const jwks = [RSA, EC, OTHER_EC].map((jwk, position) => ({ ...jwk, kid: `key-${position}` }));
    const keys = signingKeys({ keys: setOf(jwks) });

    expect(keys.map(({ keyId }) => keyId)).toEqual(['key-0', 'key-1', 'key-2']);
    expect(keys[0]).toMatchObject({ algorithm: 'RS256', keyId: 'key-0' });
    expect(keys.map(({ publicJwk: { kid, alg, use } = {} as JsonWebKey }) => ({ kid, alg, use }))).toEqual([
      { kid: 'key-0', alg: 'RS256', use: 'sig' },
      { kid: 'key-1', alg: 'ES256', use: 'sig' },
      { kid: 'key-2', alg: 'ES256', use: 'sig' },
    ]);
  });

  it('publishes no private member, and nothing else that the set holds', () => {
    const published = keysOf({ ...EC, note: 'for our eyes only', added_at: '2026-01-01T00:00:00Z' }, RSA).map(
      ({ publicJwk }) => publicJwk,
    );

    expect(Object.keys(published[0] as JsonWebKey).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    expect(Object.keys(published[1] as JsonWebKey).toSorted()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
    for (const member of PRIVATE_MEMBERS) {
      for (const value of [EC[member], RSA[member]].filter((text) => typeof text === 'string')) {
        expect(JSON.stringify(published)).not.toContain(value);
      }
    }
  });

  it.each([
    ['an EC key', EC],
    ['an RSA key', RSA],
    ['a key whose kid is empty', { ...EC, kid: '' }],
  ])('names %s by its thumbprint where it has no name (RFC 7638)', async (_name, jwk) => {
    const { keyId, publicJwk } = keyOf(jwk);

    expect(keyId).toBe(await calculateJwkThumbprint(jwk as JWK));
    expect(publicJwk?.['kid']).toBe(keyId);
  });

  it('takes a name of 255 characters, and none that the database has no room for', () => {
    expect(keyOf({ ...EC, kid: 'k'.repeat(255) }).keyId).toBe('k'.repeat(255));
    expect(messageFor({ keys: [EC, { ...RSA, kid: 'k'.repeat(256) }] })).toBe(
      'accessToken.keys[1].kid: got 256 characters, takes 1 to 255 printable characters of ASCII.',
    );
  });

  it.each([
    [{ ...EC, alg: 'ES256', use: 'sig' }, 'ES256'],
    [{ ...RSA, alg: 'RS256' }, 'RS256'],
  ])('takes a key that says what it is for', (jwk, algorithm) => {
    expect(keyOf(jwk).algorithm).toBe(algorithm);
  });

  it.each<[string, unknown]>([
    ['no set', undefined],
    ['an empty list', []],
    ['an empty set', { keys: [] }],
    ['a key alone', EC],
    ['text', JSON.stringify({ keys: [EC] })],
  ])('finds no keys in %s', (_name, keys) => {
    expect(messageFor({ keys })).toBe(`accessToken.keys: got no keys, takes ${TAKES}.`);
  });

  it.each<[string, unknown, string]>([
    ['null', null, 'not a private key'],
    ['a PEM', '-----BEGIN PRIVATE KEY-----', 'not a private key'],
    ['a public key', PUBLIC, 'not a private key'],
    ['a shared secret', { kty: 'oct', k: 'c2VjcmV0' }, 'not a private key'],
    ['a point off the curve', { ...EC, y: EC.x }, 'not a private key'],
    ['P-384', ecKey('P-384'), 'got kty EC, crv P-384, alg undefined'],
    ['the curve of the blockchains', ecKey('secp256k1'), 'got kty EC, crv secp256k1, alg undefined'],
    ['RSA of 1024 bits', rsaKey(1_024), 'got kty RSA, crv undefined, alg undefined'],
    ["another key's algorithm", { ...EC, alg: 'RS256' }, 'got kty EC, crv P-256, alg RS256'],
    ['another algorithm of RSA', { ...RSA, alg: 'PS256' }, 'got kty RSA, crv undefined, alg PS256'],
  ])('does not sign with %s, nor keep it behind', (_name, jwk, got) => {
    expect(messageFor({ keys: [jwk] })).toBe(`accessToken.keys[0]: ${got}; takes ${TAKES}.`);
    expect(messageFor({ keys: [OTHER_EC, jwk] })).toBe(`accessToken.keys[1]: ${got}; takes ${TAKES}.`);
  });

  it.each<[string, JsonWebKey]>([
    ['of two EC keys', { ...EC, d: OTHER_EC.d as string }],
    ['of two RSA keys', { ...RSA, n: OTHER_RSA.n as string }],
    ['of an EC key, one of them nothing', { ...EC, d: 'AAAA' }],
    ['of an EC key, one of them cut short', { ...EC, d: (EC.d as string).slice(0, 20) }],
  ])('does not take the halves %s: nobody could verify what it signs', (_name, jwk) => {
    expect(messageFor({ keys: [jwk] })).toMatch(/^accessToken\.keys\[0\]: .+; takes private JWKs/);
  });

  it('takes either keys or a secret: nobody has to guess which of them signs', () => {
    const message = 'accessToken: got keys and a secret, takes either keys, or algorithm with secret.';

    expect(messageFor({ keys: [EC], secret: 'the-secret-of-the-host' })).toBe(message);
    expect(messageFor({ keys: [EC], algorithm: 'HS256', secret: 'the-secret-of-the-host' })).toBe(message);
  });

  it('does not take one name for two keys', () => {
    const keys = [EC, RSA].map((jwk) => ({ ...jwk, kid: 'a' }));

    expect(messageFor({ keys })).toBe('accessToken.keys: the kid "a" stands there twice.');
    expect(messageFor({ keys: [EC, EC] })).toMatch(/^accessToken\.keys: the kid ".{43}" stands there twice\.$/);
  });

  it.each(['ES256', 'RS256', 'HS512', 'none', undefined])('takes no secret for the algorithm %s', (algorithm) => {
    expect(messageFor({ algorithm, secret: 'the-secret-of-the-host' })).toBe(
      `accessToken.algorithm: got ${JSON.stringify(algorithm)}, takes HS256 with a secret; for ES256 and RS256 give accessToken.keys instead.`,
    );
  });

  it.each([undefined, '', 5])('takes no secret that is %j', (secret) => {
    expect(messageFor({ algorithm: 'HS256', secret })).toBe(
      'accessToken.secret: got none, takes the secret that your JWT guard verifies with.',
    );
  });

  it('quotes no key in a message, however it is broken', () => {
    const material = EC.d as string;
    const broken = [
      { ...EC, kty: 'oct', k: material },
      { ...EC, x: material },
      { ...EC, d: `${material}!`, x: undefined },
      { ...EC, crv: 'P-384' },
      { ...EC, alg: 'RS256' },
      { keys: [EC] },
      material,
      [EC],
      { ...EC, d: OTHER_EC.d as string, kid: 'k'.repeat(300) },
    ];
    for (const jwk of broken) expect(messageFor({ keys: [jwk] })).not.toContain(material.slice(0, 12));
    expect(messageFor({ keys: material })).not.toContain(material.slice(0, 12));
    expect(messageFor({ keys: [EC, EC] })).not.toContain(material.slice(0, 12));
  });
});

describe('a time in a key, as earlier versions wrote it,', () => {
  it.each(['2026-01-01T00:00:00Z', 'yesterday', 5, null])('says nothing: %j', (added_at) => {
    expect(keyOf({ ...EC, added_at }).publicJwk).toEqual(keyOf(EC).publicJwk);
  });
});

describe('jwksOf', () => {
  it('hands over the keys of a set or of a list, as they stand', () => {
    expect(jwksOf({ keys: [EC, RSA] })).toEqual([EC, RSA]);
    expect(jwksOf([EC, RSA])).toEqual([EC, RSA]);
  });

  it('finds none in an empty set', () => {
    expect(() => jwksOf({ keys: [] })).toThrow(ConfigurationError);
  });
});
