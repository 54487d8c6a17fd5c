import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TemporarilyUnavailableError } from '../auth.errors.js';
import { generateSigningKey } from '../keys/key-generation.js';
import { signingKeys, type SigningKey } from '../keys/signing-key.js';
import { tokenSecret } from '../keys/token-secret.js';
import { resolveAuthOptions } from '../options/resolve-options.js';
import { KeyRing } from './key-ring.js';

const SECRETS = ['the-first-secret-of-the-tests-0123456789', 'the-second-secret-of-the-tests-0123456789'];
const KEYS = ['new', 'old'].map((kid) => ({ ...generateSigningKey(), kid }));
const NOW = Date.UTC(2026, 0, 1);

let ring: KeyRing;

beforeEach(() => {
  const accessToken = { issuer: 'https://auth.example.com', keys: KEYS };
  ring = new KeyRing(resolveAuthOptions({ refreshToken: { secrets: SECRETS }, accessToken }, NOW));
});

/** Hands over keys the first of which is due at `changesAt`. */
function take(changesAt: number, change: () => Promise<void>): void {
  const all = signingKeys({ keys: KEYS });
  ring.takeSigningKeys({ all, inUse: all[1] as SigningKey, changesAt, change });
}

describe('the key ring', () => {
  it('has what the options give, and uses the first until the registries have asked the database', () => {
    expect(ring.signingKeys.map(({ keyId }) => keyId)).toEqual(['new', 'old']);
    expect(ring.signingKey.keyId).toBe('new');
    const fingerprints = SECRETS.map((secret) => tokenSecret(secret).fingerprint);
    expect(ring.secrets.map(({ fingerprint }) => fingerprint)).toEqual(fingerprints);
    expect(ring.secret.fingerprint).toBe(fingerprints[0]);
  });

  it('asks for nothing before a key is due, and costs the same promise each time', async () => {
    const change = jest.fn(async () => undefined);
    take(NOW + 1, change);
    expect(ring.prepare(NOW)).toBe(ring.prepare(NOW - 1));
    await ring.prepare(NOW);
    expect(change).not.toHaveBeenCalled();
    expect(ring.signingKey.keyId).toBe('old');
  });

  it('has the change made once, however many wait for it', async () => {
    const change = jest.fn(async () => take(Infinity, change));
    take(NOW, change);
    await Promise.all([1, 2, 3].map(() => ring.prepare(NOW)));
    await ring.prepare(NOW);
    expect(change).toHaveBeenCalledTimes(1);
  });

  it('makes no token of a key while the database can’t be told of it, and asks again', async () => {
    const change = jest.fn(() => Promise.reject(new Error('down')));
    take(NOW, change);
    await expect(ring.prepare(NOW)).rejects.toThrow(TemporarilyUnavailableError);
    await expect(ring.prepare(NOW)).rejects.toThrow(TemporarilyUnavailableError);
    expect(change).toHaveBeenCalledTimes(2);
    expect(ring.signingKey.keyId).toBe('old');
  });
});
