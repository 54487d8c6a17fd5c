import { beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigurationError } from '../auth.errors.js';
import { resolveAuthOptions } from '../options/resolve-options.js';
import type { JsonWebKeySet } from '../keys/signing-key.js';
import type { Duration } from '../formats/duration.js';
import { generateSigningKey } from '../keys/key-generation.js';
import { KeyRing } from './key-ring.js';
import { tokenSecret } from '../keys/token-secret.js';

const SECRET = 'the-first-secret-of-the-tests-0123456789';
const OTHER_SECRET = 'the-second-secret-of-the-tests-0123456789';
const NOW = Date.UTC(2026, 0, 1);
const DELAY = 300_000;

const key = (kid: string, addedAt?: number) => ({
  ...generateSigningKey(),
  kid,
  ...(addedAt !== undefined && { added_at: new Date(addedAt).toISOString() }),
});
const OLD = key('old');
const NEW = key('new', NOW);

let ring: KeyRing;

beforeEach(() => {
  ring = ringOf([OLD], DELAY / 1_000);
});

function ringOf(keys: JsonWebKeySet, keyActivationDelay: Duration): KeyRing {
  const options = {
    refreshToken: { secrets: [SECRET, OTHER_SECRET] },
    accessToken: { issuer: 'https://auth.example.com', keys },
    keyActivationDelay,
  };
  return new KeyRing(resolveAuthOptions(options, NOW));
}

const published = () => ring.signingKeys.map(({ keyId }) => keyId);
const signsAt = (now: number) => ring.signingKey(now).keyId;

describe('the key ring', () => {
  it('has what the options give', () => {
    expect(published()).toEqual(['old']);
    expect(signsAt(NOW)).toBe('old');
    expect(ring.secrets.map(({ fingerprint }) => fingerprint)).toEqual(
      [SECRET, OTHER_SECRET].map((secret) => tokenSecret(secret).fingerprint),
    );
  });

  it('publishes a new key at once, and signs with it after the activation delay, to the millisecond', () => {
    ring.replaceSigningKeys({ keys: [NEW, OLD] });

    expect(published()).toEqual(['new', 'old']);
    expect(signsAt(NOW)).toBe('old');
    expect(signsAt(NOW + DELAY - 1)).toBe('old');
    expect(signsAt(NOW + DELAY)).toBe('new');
  });

  it('makes a key wait that it is handed long after it was added, until no verifier keeps a set without it', () => {
    const late = NOW + 86_400_000;
    const { publishedFor } = ring;
    ring.replaceSigningKeys([NEW, OLD], late);

    expect(signsAt(late)).toBe('old');
    expect(signsAt(late + publishedFor - 1)).toBe('old');
    expect(signsAt(late + publishedFor)).toBe('new');
  });

  it('makes no key wait again that it has already', () => {
    ring.replaceSigningKeys([NEW, OLD], NOW);
    ring.replaceSigningKeys([NEW, OLD], NOW + DELAY - 1);
    expect(signsAt(NOW + DELAY)).toBe('new');
  });

  it('makes a key wait anew that was taken away meanwhile', () => {
    for (const keys of [[NEW, OLD], [OLD], [NEW, OLD]]) ring.replaceSigningKeys(keys, NOW + DELAY);

    expect(signsAt(NOW + 2 * DELAY - 1)).toBe('old');
    expect(signsAt(NOW + 2 * DELAY)).toBe('new');
  });

  it('lets its keys be kept for the activation delay, less the 5 s for which a file may not have been read', () => {
    expect(ring.publishedFor).toBe(DELAY);
    ring.replaceSigningKeys([NEW, OLD]);
    expect(ring.publishedFor).toBe(DELAY - 5_000);
  });

  it.each(['0', '1s', '5s'])(
    'lets keys of a file be kept for no time at all, at an activation delay of %s',
    (delay) => {
      expect(ringOf([NEW], delay).publishedFor).toBe(0);
    },
  );

  it('signs with the one key that it has, however new that is', () => {
    ring.replaceSigningKeys([NEW]);

    expect(published()).toEqual(['new']);
    expect(signsAt(NOW)).toBe('new');
  });

  it.each<[string, unknown[]]>([
    ['no keys', []],
    ['a public key', [{ ...NEW, d: undefined }]],
    ['a good key before a broken one', [NEW, { kty: 'EC' }]],
    ['one name for two keys', [NEW, { ...OLD, kid: 'new' }]],
    ['no time', [{ ...NEW, added_at: 'yesterday' }, OLD]],
    ['no key at all in a place', [NEW, null]],
  ])('stays as it was where it is handed %s', (_, keys) => {
    ring.replaceSigningKeys([NEW, OLD]);

    expect(() => ring.replaceSigningKeys(keys as JsonWebKeySet)).toThrow(ConfigurationError);
    expect(published()).toEqual(['new', 'old']);
    expect(signsAt(NOW + DELAY)).toBe('new');
  });

  it('takes other secrets as they are handed over, and leaves the signing keys alone', () => {
    const secrets = [tokenSecret('another-secret-of-the-tests-0123456789'), ...ring.secrets];
    ring.replaceSecrets(secrets);

    expect(ring.secrets).toEqual(secrets);
    expect(published()).toEqual(['old']);
  });
});
