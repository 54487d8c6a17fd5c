import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { ConfigurationError } from '../auth.errors.js';

/** One configured secret, as the keys derived from it: one purpose-bound key per use (RFC 5869). */
export interface TokenSecret {
  /** The first byte of the fingerprint; it stands in every token the secret makes. */
  readonly id: number;
  /** 8 bytes in hex; tells secrets apart in the database and in messages, and tells nothing of them. */
  readonly fingerprint: string;
  /** The key of the tokens' HMAC. */
  readonly macKey: KeyObject;
}

/** Whether a text has the form of a fingerprint. */
export function isFingerprint(text: unknown): boolean {
  return typeof text === 'string' && /^[0-9a-f]{16}$/.test(text);
}

/** Derives the keys of one secret. */
export function tokenSecret(secret: string): TokenSecret {
  const fingerprint = derive(secret, 'nest-refresh-token/fingerprint/v1', 8);
  return {
    id: fingerprint[0] as number,
    fingerprint: fingerprint.toString('hex'),
    macKey: createSecretKey(derive(secret, 'nest-refresh-token/mac/v1', 32)),
  };
}

/**
 * Derives the keys of all configured secrets, in their order.
 * @throws ConfigurationError where two of them can't be told apart by a token's secret id
 */
export function tokenSecrets(secrets: readonly string[]): TokenSecret[] {
  const derived = secrets.map(tokenSecret);
  for (const [position, { id }] of derived.entries()) {
    const twin = derived.findIndex((other) => other.id === id);
    if (twin < position) {
      if (secrets[twin] === secrets[position]) {
        throw new ConfigurationError(`refreshToken.secrets: secrets ${twin + 1} and ${position + 1} are the same.`);
      }
      throw new ConfigurationError(
        `refreshToken.secrets: secrets ${twin + 1} and ${position + 1} have the same id (the first byte of their fingerprints); replace the newer of the two by another random one.`,
      );
    }
  }
  return derived;
}

function derive(secret: string, info: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', info, length));
}
