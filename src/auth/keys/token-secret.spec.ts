import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { ConfigurationError } from '../auth.errors.js';
import { tokenSecret, tokenSecrets } from './token-secret.js';

const SECRET = 'a-secret-of-thirty-two-characters';
const OTHER = 'the-second-secret-of-the-tests-0123456789';

describe('tokenSecret', () => {
  it("derives what every release derives; computed with another HKDF than Node's", () => {
    const { id, fingerprint, macKey } = tokenSecret(SECRET);

    expect({ id, fingerprint }).toEqual({ id: 0x5a, fingerprint: '5a8245ec3b024d04' });
    expect(macKey.export().toString('hex')).toBe('0b8948fc1d364fb4d179d38ea43c12b52e5828820fac33c41f7c9acae6b18019');
  });

  it('shows neither the secret nor the key where it is logged', () => {
    const shown = inspect(tokenSecret(SECRET), { showHidden: true, depth: null }) + JSON.stringify(tokenSecret(SECRET));

    expect(shown).toContain('5a8245ec3b024d04');
    expect(shown).not.toContain(SECRET);
    expect(shown).not.toMatch(/0b8948fc|0b 89 48 fc|C4lI/);
  });
});

describe('tokenSecrets', () => {
  it('keeps their order', () => {
    expect(tokenSecrets([OTHER, SECRET]).map(({ fingerprint }) => fingerprint)).toEqual([
      tokenSecret(OTHER).fingerprint,
      tokenSecret(SECRET).fingerprint,
    ]);
  });

  it('stops the start where two can not be told apart by the id in a token', () => {
    const twin = twinOf(SECRET);

    const start = () => tokenSecrets([OTHER, SECRET, twin]);
    expect(start).toThrow(ConfigurationError);
    expect(start).toThrow(
      /^refreshToken\.secrets: secrets 2 and 3 have the same id \(the first byte of their fingerprints\); replace .+\.$/,
    );
    expect(start).not.toThrow(new RegExp(`${SECRET}|${twin}|${OTHER}`));
  });

  it('stops the start where one is given twice', () => {
    expect(() => tokenSecrets([SECRET, SECRET])).toThrow(/^refreshToken\.secrets: secrets 1 and 2 are the same\.$/);
  });
});

/** Another secret whose fingerprint has the same first byte. */
function twinOf(secret: string): string {
  const { id } = tokenSecret(secret);
  for (let attempt = 0; ; attempt += 1) {
    const candidate = `another-secret-of-the-tests-number-${attempt}`;
    if (tokenSecret(candidate).id === id) return candidate;
  }
}
