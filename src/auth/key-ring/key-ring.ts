import { Inject, Injectable } from '@nestjs/common';
import { TemporarilyUnavailableError } from '../auth.errors.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import type { SigningKey } from '../keys/signing-key.js';
import type { TokenSecret } from '../keys/token-secret.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { TIME_BUDGET } from '../runtime/time-budget.js';
import { withTimeLimit } from '../runtime/time-limit.js';

/** The keys of one kind that an instance has: signing keys, or secrets. */
export interface HeldKeys<TKey> {
  /** All of them: access tokens or refresh tokens verify with each. */
  readonly all: readonly TKey[];
  /** The one that signs or mints; the database knows that it does. */
  readonly inUse: TKey;
  /** When another one is due, in milliseconds; `Infinity` where none waits. */
  readonly changesAt: number;
  /** Tells the database that the other one is used, and has it used where nothing speaks against it. */
  change(): Promise<void>;
}

const READY = Promise.resolve();

/** The signing keys and the secrets that this instance has; they change while the application runs. */
@Injectable()
export class KeyRing {
  private signing: HeldKeys<SigningKey>;
  private minting: HeldKeys<TokenSecret>;
  private changesAt = Infinity;
  private changing: Promise<unknown> | undefined;

  constructor(@Inject(RESOLVED_OPTIONS) options: ResolvedOptions) {
    this.signing = asConfigured(options.accessToken.keys);
    this.minting = asConfigured(options.refreshToken.secrets);
  }

  /** All keys that access tokens verify with. */
  get signingKeys(): readonly SigningKey[] {
    return this.signing.all;
  }

  /** The key that signs access tokens. */
  get signingKey(): SigningKey {
    return this.signing.inUse;
  }

  /** All secrets that refresh tokens verify with. */
  get secrets(): readonly TokenSecret[] {
    return this.minting.all;
  }

  /** The secret that mints refresh tokens. */
  get secret(): TokenSecret {
    return this.minting.inUse;
  }

  /**
   * Sees to it that the key and the secret that are due at `now` are in use: to be awaited before tokens are made.
   * No token of a key is made before the database knows that the key is used.
   * @param now milliseconds
   * @throws TemporarilyUnavailableError where the database can't be told
   */
  prepare(now: number): Promise<void> {
    return now < this.changesAt ? READY : this.change(now);
  }

  /** Takes other signing keys. For their registry, which decides when each is used. */
  takeSigningKeys(keys: HeldKeys<SigningKey>): void {
    this.signing = keys;
    this.planChange();
  }

  /** Takes other secrets. For their registry, which decides when each is used. */
  takeSecrets(secrets: HeldKeys<TokenSecret>): void {
    this.minting = secrets;
    this.planChange();
  }

  private planChange(): void {
    this.changesAt = Math.min(this.signing.changesAt, this.minting.changesAt);
  }

  private async change(now: number): Promise<void> {
    // Requests that come together tell the database once.
    this.changing ??= this.changeBoth(now).finally(() => (this.changing = undefined));
    try {
      await withTimeLimit(() => this.changing, TIME_BUDGET.statement);
    } catch (error) {
      throw new TemporarilyUnavailableError('database', { cause: error });
    }
  }

  private changeBoth(now: number): Promise<unknown> {
    const due = [this.signing, this.minting].filter(({ changesAt }) => changesAt <= now);
    return Promise.all(due.map((keys) => keys.change()));
  }
}

/** Keys as the options have them. Their registry, which Nest makes next, has them wait until the database was asked. */
function asConfigured<TKey>(keys: readonly TKey[]): HeldKeys<TKey> {
  return { all: keys, inUse: keys[0] as TKey, changesAt: Infinity, change: () => READY };
}
