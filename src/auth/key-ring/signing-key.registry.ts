import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ConfigurationError } from '../auth.errors.js';
import { Database } from '../database/database.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { signingKeys, type JsonWebKeySet, type SigningKey } from '../keys/signing-key.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { Clock } from '../runtime/clock.js';
import { KeyRegistry } from './key-registry.js';
import { KeyRing, type HeldKeys } from './key-ring.js';
import { jwksMaxAge, neededUntil, type KnownKey } from './key-schedule.js';
import { KeyTable } from './key-table.js';
import { AccessTokenKey } from './signing-key.entity.js';

/** The lock under which instances look at the signing keys one after the other. */
const LOCK = 0x6e_72_74_02;

/**
 * Which key signs, and whether all keys whose tokens may live are published. A key that signed before verifiers could
 * know it would have its tokens refused by each of them.
 */
@Injectable()
export class SigningKeyRegistry extends KeyRegistry<SigningKey> implements OnModuleInit {
  constructor(
    database: Database,
    clock: Clock,
    private readonly keyRing: KeyRing,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {
    super(new KeyTable(database, AccessTokenKey, 'key_id', LOCK), clock, options.keyActivationDelay);
    const { signingKeys: all, signingKey: inUse } = keyRing;
    if (!areShared(all)) this.handOver({ all, inUse, ...this.untilStart() });
  }

  /** @throws ConfigurationError where a key whose tokens may live is not configured, or a table is missing */
  async onModuleInit(): Promise<void> {
    await this.replaceWith(this.keyRing.signingKeys);
  }

  /**
   * Takes other keys into use: all of them are published from now on, and the first signs after the activation delay.
   * @throws ConfigurationError naming the key that can't be used, or the one that is needed and not there; whatever the
   * database throws. Nothing changes then
   */
  async replace(keys: JsonWebKeySet): Promise<void> {
    await this.replaceWith(signingKeys({ keys }));
  }

  protected idOf({ keyId }: SigningKey): string {
    return keyId as string;
  }

  protected handOver(keys: HeldKeys<SigningKey>): void {
    this.keyRing.takeSigningKeys(keys);
  }

  private async replaceWith(keys: readonly SigningKey[]): Promise<void> {
    // A host's own secret isn't published: nobody has to know it first, and nothing of it is stored.
    if (areShared(keys)) return;
    await this.take(keys, (missing, now) => this.refuseMissing(missing, now));
  }

  private refuseMissing(missing: readonly KnownKey[], now: number): void {
    const { accessToken, keyActivationDelay } = this.options;
    if (keyActivationDelay === 0) return;
    const life = accessToken.ttl + jwksMaxAge(keyActivationDelay);
    const needed = missing.filter((key) => key.withdrawnAt === null && neededUntil(key, life) > now);
    if (needed.length === 0) return;

    const names = needed.map(({ id }) => JSON.stringify(id)).join(', ');
    throw new ConfigurationError(
      `SIGNING_KEYS (accessToken.keys): the key with the kid ${names} signed access tokens that are still in use, and is not configured. ` +
        'Put it back behind the first one; or, where it is lost or a backup was restored, start once with KEY_ACTIVATION_DELAY=0 (keyActivationDelay): the first key signs at once then, and verifiers refuse what the missing one signed.',
    );
  }
}

/** Whether access tokens are signed with a secret that the host shares with its verifiers. */
function areShared(keys: readonly SigningKey[]): boolean {
  return keys.some(({ keyId }) => keyId === undefined);
}
