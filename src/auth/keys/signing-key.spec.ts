import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { ConfigurationError } from '../auth.errors.js';
import { currentKey, jwksOf, signingKeys, type JsonWebKeySet, type SigningKey } from './signing-key.js';

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
const DELAY = 300_000;
const NOW = Date.UTC(2026, 0, 1);
/** The members of RFC 7518 §6 that are a private key. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

function messageFor(options: unknown): string {
  try {
    signingKeys(options as Parameters<typeof signingKeys>[0], DELAY);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error('The keys were taken.');
}

/** The keys of a set, as they are in the options or in a file. */
function keysOf(...jwks: JsonWebKey[]): readonly SigningKey[] {
  return signingKeys({ keys: jwks }, DELAY);
}

/** The one key of a set. */
function keyOf(jwk: JsonWebKey): SigningKey {
  return keysOf(jwk)[0] as SigningKey;
}

/** A key with a name, and the time at which it was added where it says one. */
function named(kid: string, addedAt?: number, jwk = ecKey('P-256')): JsonWebKey {
  return { ...jwk, kid, ...(addedAt !== undefined && { added_at: new Date(addedAt).toISOString() }) };
}

describe('signingKeys', () => {
  it.each([
    ['ES256', EC],
    ['RS256', RSA],
  ])('signs %s with the key that is for it', (algorithm, jwk) => {
    const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...publicHalf } = jwk;
    const { key, verificationKey, ...rest } = keyOf(jwk);

    expect(rest).toMatchObject({ algorithm, signsFrom: 0, isTimed: false });
    expect(key.export({ format: 'jwk' })).toEqual(jwk);
    expect(verificationKey.type).toBe('public');
    expect(verificationKey.export({ format: 'jwk' })).toEqual(publicHalf);
  });

  it('signs HS256 with the secret of the host, without a key id, and publishes nothing', () => {
    const keys = signingKeys({ algorithm: 'HS256', secret: 'the-secret-of-the-host' }, DELAY);
    const secret = expect.objectContaining({ type: 'secret' });

    expect(keys).toEqual([{ algorithm: 'HS256', key: secret, verificationKey: secret, signsFrom: 0, isTimed: false }]);
    expect(keys[0]?.key.export().toString()).toBe('the-secret-of-the-host');
    expect(keys[0]?.verificationKey.export().toString()).toBe('the-secret-of-the-host');
  });

  it.each<[string, (keys: JsonWebKey[]) => JsonWebKeySet]>([
    ['a set', (keys) => ({ keys })],
    ['a list', (keys) => keys],
  ])('signs with the first of %s, and publishes all in their order', (_name, setOf) => {
    const jwks = [RSA, EC, OTHER_EC].map((jwk, position) => ({ ...jwk, kid: `key-${position}` }));
    const keys = signingKeys({ keys: setOf(jwks) }, DELAY);

    expect(keys.map(({ keyId }) => keyId)).toEqual(['key-0', 'key-1', 'key-2']);
    expect(currentKey(keys, NOW)).toMatchObject({ algorithm: 'RS256', keyId: 'key-0' });
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
    expect(messageFor({ keys: [named('new', NOW), jwk] })).toBe(`accessToken.keys[1]: ${got}; takes ${TAKES}.`);
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
      { ...EC, added_at: 'yesterday' },
    ];
    for (const jwk of broken) expect(messageFor({ keys: [jwk] })).not.toContain(material.slice(0, 12));
    expect(messageFor({ keys: material })).not.toContain(material.slice(0, 12));
    expect(messageFor({ keys: [EC, EC] })).not.toContain(material.slice(0, 12));
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

describe('keys that do not say when they were added', () => {
  const keys = keysOf(named('first'), named('second'), named('third'));

  it.each([0, NOW, Number.MAX_SAFE_INTEGER])('are signed with by the first, for ever: at %d', (now) => {
    expect(currentKey(keys, now).keyId).toBe('first');
  });

  it('have no time at which another of them begins', () => {
    expect(keys.map(({ signsFrom, isTimed }) => ({ signsFrom, isTimed }))).toEqual([
      { signsFrom: 0, isTimed: false },
      { signsFrom: Infinity, isTimed: false },
      { signsFrom: Infinity, isTimed: false },
    ]);
  });
});

describe('keys that say when they were added', () => {
  const signsAt = (keys: readonly SigningKey[], now: number) => currentKey(keys, now).keyId;

  it('begin to sign when they have been published for the activation delay', () => {
    const keys = keysOf(named('new', NOW), named('old', NOW - 86_400_000));

    expect(keys.map(({ keyId, signsFrom, isTimed }) => ({ keyId, signsFrom, isTimed }))).toEqual([
      { keyId: 'new', signsFrom: NOW + DELAY, isTimed: true },
      { keyId: 'old', signsFrom: NOW - 86_400_000 + DELAY, isTimed: true },
    ]);
    expect(signsAt(keys, NOW)).toBe('old');
    expect(signsAt(keys, NOW + DELAY - 1)).toBe('old');
    expect(signsAt(keys, NOW + DELAY)).toBe('new');
    expect(signsAt(keys, NOW + 365 * 86_400_000)).toBe('new');
  });

  it('take turns by their times, wherever they stand in the set', () => {
    const keys = keysOf(named('second', NOW + 1_000), named('third', NOW + 2_000), named('first', NOW));

    expect([-1, 0, 999, 1_000, 1_999, 2_000].map((past) => signsAt(keys, NOW + DELAY + past))).toEqual([
      'first',
      'first',
      'first',
      'second',
      'second',
      'third',
    ]);
  });

  it('sign before their time where there is no other: somebody has to, and the first that may', () => {
    expect(signsAt(keysOf(named('only', NOW)), NOW)).toBe('only');
    expect(signsAt(keysOf(named('only', NOW)), NOW - DELAY)).toBe('only');
    expect(signsAt(keysOf(named('later', NOW + 1), named('sooner', NOW)), NOW)).toBe('sooner');
  });

  it('sign from the moment they were added where there is no activation delay', () => {
    const keys = signingKeys({ keys: [named('new', NOW), named('old', 0)] }, 0);

    expect(signsAt(keys, NOW - 1)).toBe('old');
    expect(signsAt(keys, NOW)).toBe('new');
  });

  it('come after those that do not say it', () => {
    const keys = keysOf(named('new', NOW), named('old'));

    expect(keys.map(({ isTimed }) => isTimed)).toEqual([true, true]);
    expect(signsAt(keys, NOW + DELAY - 1)).toBe('old');
    expect(signsAt(keys, NOW + DELAY)).toBe('new');
  });

  it('leave the first of those that do not say it signing until then: the others may just have been published', () => {
    const keys = keysOf(named('new', NOW), named('signing'), named('just-published'));

    expect(signsAt(keys, NOW)).toBe('signing');
    expect(signsAt(keys, NOW + DELAY)).toBe('new');
  });

  it('are signed with by the first in the set where two were added together', () => {
    const keys = keysOf(named('first', NOW), named('second', NOW));

    expect([NOW, NOW + DELAY].map((now) => signsAt(keys, now))).toEqual(['first', 'first']);
  });

  it.each(['yesterday', '2026-01-01', '2026-02-30T00:00:00Z', '', NOW, null, {}])(
    'say it as a time of RFC 3339, not as %j',
    (added_at) => {
      expect(messageFor({ keys: [OTHER_EC, { ...EC, added_at }] })).toBe(
        `accessToken.keys[1].added_at: got ${JSON.stringify(added_at)}, takes a time such as 2026-01-31T09:30:00Z.`,
      );
    },
  );
});
