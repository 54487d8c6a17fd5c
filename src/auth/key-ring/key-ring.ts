import { Inject, Injectable } from '@nestjs/common';
import { currentKey, signingKeys, type JsonWebKeySet, type SigningKey } from '../keys/signing-key.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import type { TokenSecret } from '../keys/token-secret.js';

/** For how long after a key was added to a file an instance may not have seen it, in milliseconds. */
const UNSEEN = 5_000;

/** The keys and secrets in use; they change while the application runs. */
@Injectable()
export class KeyRing {
  #signingKeys: readonly SigningKey[];
  #secrets: readonly TokenSecret[];

  constructor(@Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions) {
    this.#signingKeys = options.accessToken.keys;
    this.#secrets = options.refreshToken.secrets;
  }

  /** All keys that access tokens verify with. */
  get signingKeys(): readonly SigningKey[] {
    return this.#signingKeys;
  }

  /** All secrets that refresh tokens verify with; the first is to mint. */
  get secrets(): readonly TokenSecret[] {
    return this.#secrets;
  }

  /**
   * The key that signs.
   * @param now milliseconds
   */
  signingKey(now: number): SigningKey {
    return currentKey(this.#signingKeys, now);
  }

  /** For how long verifiers may keep the published set: not until a key signs that is not in it. Milliseconds. */
  get publishedFor(): number {
    const unseen = this.#signingKeys.some(({ isTimed }) => isTimed) ? UNSEEN : 0;
    return Math.max(0, this.options.keyActivationDelay - unseen);
  }

  /**
   * Takes other signing keys into use: a key with `added_at` is published at once, and signs after the activation
   * delay.
   * @param now milliseconds; a key that comes long after it was added waits until no verifier keeps a set without it
   * @throws ConfigurationError naming the key that can't be used; the ring stays as it was then
   */
  replaceSigningKeys(keys: JsonWebKeySet, now = 0): void {
    const before = new Map(this.#signingKeys.map((key) => [key.keyId, key.isTimed ? key.signsFrom : 0]));
    const knownFrom = now + this.publishedFor;
    this.#signingKeys = signingKeys({ keys }, this.options.keyActivationDelay).map((key) =>
      key.isTimed ? { ...key, signsFrom: Math.max(key.signsFrom, before.get(key.keyId) ?? knownFrom) } : key,
    );
  }

  /** Takes other secrets into use. For the secret registry, which decides when they mint. */
  replaceSecrets(secrets: readonly TokenSecret[]): void {
    this.#secrets = secrets;
  }
}
