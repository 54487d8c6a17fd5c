import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { ConfigurationError } from '../auth.errors.js';
import { signingKeys, type JsonWebKeySet } from './access-token.keys.js';

const ecKey = (namedCurve: string): JsonWebKey =>
  generateKeyPairSync('ec', { namedCurve }).privateKey.export({ format: 'jwk' });
const rsaKey = (modulusLength: number): JsonWebKey =>
  generateKeyPairSync('rsa', { modulusLength }).privateKey.export({ format: 'jwk' });

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

describe('signingKeys', () => {
  it.each([
    ['ES256', EC],
    ['RS256', RSA],
  ])('signs %s with the key that is for it', (algorithm, jwk) => {
    const { current } = signingKeys({ keys: [jwk] });

    expect(current).toMatchObject({ algorithm, key: { type: 'private' } });
    expect(current.key.export({ format: 'jwk' })).toEqual(jwk);
  });

  it('signs HS256 with the secret of the host, without a key id, and publishes nothing', () => {
    const { current, published } = signingKeys({ algorithm: 'HS256', secret: 'the-secret-of-the-host' });

    expect(current).toEqual({ algorithm: 'HS256', key: expect.objectContaining({ type: 'secret' }) });
    expect(current.key.export().toString()).toBe('the-secret-of-the-host');
    expect(published).toEqual([]);
  });

  it.each<[string, (keys: JsonWebKey[]) => JsonWebKeySet]>([
    ['a set', (keys) => ({ keys })],
    ['a list', (keys) => keys],
  ])('signs with the first of %s, and publishes all in their order', (_name, setOf) => {
    const named = [RSA, EC, OTHER_EC].map((jwk, position) => ({ ...jwk, kid: `key-${position}` }));
    const { current, published } = signingKeys({ keys: setOf(named) });

    expect(current).toMatchObject({ algorithm: 'RS256', keyId: 'key-0' });
    expect(published.map(({ kid, alg, use }) => ({ kid, alg, use }))).toEqual([
      { kid: 'key-0', alg: 'RS256', use: 'sig' },
      { kid: 'key-1', alg: 'ES256', use: 'sig' },
      { kid: 'key-2', alg: 'ES256', use: 'sig' },
    ]);
  });

  it('publishes no private member, and nothing else that the set holds', () => {
    const { published } = signingKeys({ keys: [{ ...EC, note: 'for our eyes only' }, RSA] });

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
    const { current, published } = signingKeys({ keys: [jwk] });

    expect(current.keyId).toBe(await calculateJwkThumbprint(jwk as JWK));
    expect(published[0]?.['kid']).toBe(current.keyId);
  });

  it.each([
    [{ ...EC, alg: 'ES256', use: 'sig' }, 'ES256'],
    [{ ...RSA, alg: 'RS256' }, 'RS256'],
  ])('takes a key that says what it is for', (jwk, algorithm) => {
    expect(signingKeys({ keys: [jwk] }).current.algorithm).toBe(algorithm);
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
    ];
    for (const jwk of broken) expect(messageFor({ keys: [jwk] })).not.toContain(material.slice(0, 12));
    expect(messageFor({ keys: material })).not.toContain(material.slice(0, 12));
    expect(messageFor({ keys: [EC, EC] })).not.toContain(material.slice(0, 12));
  });
});
