import { describe, expect, it } from '@jest/globals';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { tokenSecret } from '../../auth/keys/token-secret.js';
import { formatSecretFile, parseSecretFile, type SecretFile } from './secrets-file.js';

const SECRET = 'a-secret-of-thirty-two-characters';
const OTHER = 'the-second-secret-of-the-tests-0123456789';
const FINGERPRINT = '5a8245ec3b024d04';
const OTHER_FINGERPRINT = tokenSecret(OTHER).fingerprint;
const SOURCE = '"data/refresh-token-secret"';
const REMEDY = ' Put the file back.';

const parse = (content: unknown) =>
  parseSecretFile(typeof content === 'string' ? content : JSON.stringify(content), SOURCE, REMEDY);

/** The one line with which a file is refused; no secret stands in it. */
function refusalOf(content: unknown): string {
  try {
    parse(content);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    expect(error.message).not.toMatch(/[\r\n]/);
    expect(error.message).not.toMatch(/a-secret-of|the-second-secret/);
    return error.message;
  }
  throw new Error('The file was taken.');
}

describe('the file of secrets', () => {
  it('is read, whatever time an earlier version has put there', () => {
    const file = {
      secrets: [{ secret: OTHER, added_at: 'yesterday' }, { secret: SECRET }],
      retired: ['0123456789abcdef'],
    };

    expect(parse(file)).toEqual({
      secrets: [
        { secret: OTHER, fingerprint: OTHER_FINGERPRINT },
        { secret: SECRET, fingerprint: FINGERPRINT },
      ],
      retired: ['0123456789abcdef'],
    });
  });

  it('of the first version is read: a bare secret, or several', () => {
    expect(parse(SECRET)).toEqual({
      secrets: [{ secret: SECRET, fingerprint: FINGERPRINT }],
      retired: [],
    });
    expect(parse(`${OTHER}, ${SECRET}`).secrets.map(({ fingerprint }) => fingerprint)).toEqual([
      OTHER_FINGERPRINT,
      FINGERPRINT,
    ]);
  });

  it.each<[string, SecretFile]>([
    [
      'two secrets',
      {
        secrets: [
          { secret: OTHER, fingerprint: OTHER_FINGERPRINT },
          { secret: SECRET, fingerprint: FINGERPRINT },
        ],
        retired: [],
      },
    ],
    [
      'one secret, and one that was taken away',
      {
        secrets: [{ secret: SECRET, fingerprint: FINGERPRINT }],
        retired: [OTHER_FINGERPRINT, '0123456789abcdef'],
      },
    ],
  ])('is read as it was written: %s', (_, file) => {
    expect(parse(formatSecretFile(file))).toEqual(file);
  });

  it('is written as people can read and mend it', () => {
    const secrets = [{ secret: SECRET, fingerprint: FINGERPRINT }];

    expect(formatSecretFile({ secrets, retired: [] })).toBe(
      `{
  "secrets": [
    {
      "secret": "${SECRET}"
    }
  ]
}`,
    );
  });

  it.each<[string, unknown]>([
    ['cut off', JSON.stringify({ secrets: [{ secret: SECRET }] }).slice(0, -1)],
    ['without its list', {}],
    ['with a secret for the list', { secrets: SECRET }],
    ['with bare secrets in the list', { secrets: [SECRET] }],
    ['with nothing in the list', { secrets: [null] }],
    ['with a secret that is a number', { secrets: [{ secret: 5 }] }],
    ['with no secret in a place', { secrets: [{ secret: SECRET }, { added_at: '2026-01-31T09:30:00Z' }] }],
    ['with an empty secret before a good one', { secrets: [{ secret: '' }, { secret: SECRET }] }],
    ['with a blank secret behind a good one', { secrets: [{ secret: SECRET }, { secret: ' ' }] }],
    ['with two secrets in one', { secrets: [{ secret: `${SECRET},${OTHER}` }] }],
    ['with no list of the retired', { secrets: [{ secret: SECRET }], retired: FINGERPRINT }],
  ])('is refused %s', (_, content) => {
    const { length } = typeof content === 'string' ? content : JSON.stringify(content);

    expect(refusalOf(content)).toBe(
      `${SOURCE}: got a value of ${length} characters, takes {"secrets":[{"secret"}]}, as "keys add --secret" writes it.${REMEDY}`,
    );
  });

  const TAKES = 'takes secrets of at least 32 characters each, separated by commas';

  it.each<[string, unknown, string]>([
    ['no secrets', { secrets: [] }, `got a value of 0 characters, ${TAKES}.`],
    ['nothing at all', '', `got a value of 0 characters, ${TAKES}.`],
    ['a short secret', { secrets: [{ secret: 'short' }] }, `got a value of 5 characters, ${TAKES}.`],
    ['a bare secret cut short', 'a-secret-of', `got a value of 11 characters, ${TAKES}.`],
    [
      'a secret twice',
      { secrets: [{ secret: SECRET }, { secret: SECRET }] },
      `got a value of 67 characters (refreshToken.secrets: secrets 1 and 2 are the same), ${TAKES}.`,
    ],
    [
      'a secret for its fingerprint',
      { secrets: [{ secret: SECRET }], retired: [OTHER] },
      'got a value of 41 characters, takes fingerprints of 16 hex digits, separated by commas.',
    ],
  ])('is refused with %s', (_, content, message) => {
    expect(refusalOf(content)).toBe(`${SOURCE}: ${message}${REMEDY}`);
  });
});
