import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ConfigurationError } from '../auth.errors.js';
import { Database } from '../database/database.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import type { TokenSecret } from '../keys/token-secret.js';
import { checkSecrets } from '../options/resolve-options.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { Clock } from '../runtime/clock.js';
import { KeyRegistry } from './key-registry.js';
import { KeyRing, type HeldKeys } from './key-ring.js';
import { neededUntil, type KnownKey } from './key-schedule.js';
import { KeyTable } from './key-table.js';
import { RefreshTokenSecret } from './token-secret.entity.js';

/** The lock under which instances look at the secrets one after the other. */
const LOCK = 0x6e_72_74_01;

/**
 * Which secret mints, and whether all secrets whose tokens may live are configured. A deploy with wrong secrets would
 * answer 401 to everybody; with this check, the instance doesn't start.
 */
@Injectable()
export class TokenSecretRegistry extends KeyRegistry<TokenSecret> implements OnModuleInit {
  constructor(
    database: Database,
    clock: Clock,
    private readonly keyRing: KeyRing,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {
    super(new KeyTable(database, RefreshTokenSecret, 'fingerprint', LOCK), clock, options.keyActivationDelay);
    const { secrets: all, secret: inUse } = keyRing;
    this.handOver({ all, inUse, ...this.untilStart() });
  }

  /** @throws ConfigurationError where a secret whose tokens may live is not configured, or a table is missing */
  async onModuleInit(): Promise<void> {
    await this.replaceWith(this.keyRing.secrets, []);
  }

  /**
   * Takes other secrets into use: all of them verify from now on, and the first mints after the activation delay.
   * @param retired fingerprints of secrets that were given up
   * @throws ConfigurationError where two of them can't be told apart, or one whose tokens may live is neither there
   * nor given up; whatever the database throws. Nothing changes then
   */
  async replace(secrets: readonly string[], retired: readonly string[]): Promise<void> {
    await this.replaceWith(checkSecrets(secrets, retired).secrets, retired);
  }

  protected idOf({ fingerprint }: TokenSecret): string {
    return fingerprint;
  }

  protected handOver(secrets: HeldKeys<TokenSecret>): void {
    this.keyRing.takeSecrets(secrets);
  }

  private async replaceWith(secrets: readonly TokenSecret[], given: readonly string[]): Promise<void> {
    const retired = [...this.options.refreshToken.retiredSecrets, ...given];
    await this.take(secrets, (missing, now) => this.refuseMissing(missing, retired, now));
  }

  private refuseMissing(missing: readonly KnownKey[], retired: readonly string[], now: number): void {
    const { absoluteTtl } = this.options.rotation;
    const needed = missing.filter((secret) => !retired.includes(secret.id) && neededUntil(secret, absoluteTtl) > now);
    if (needed.length === 0) return;

    const fingerprints = needed.map(({ id }) => id);
    throw new ConfigurationError(
      `REFRESH_TOKEN_SECRETS (refreshToken.secrets): the secret with fingerprint ${fingerprints.join(', ')} made tokens that are still in use, and is not configured. ` +
        `Put it back behind the first one; or, to sign out everybody who holds one of its tokens, set RETIRED_SECRETS=${[...retired, ...fingerprints].join(',')} (refreshToken.retiredSecrets).`,
    );
  }
}
