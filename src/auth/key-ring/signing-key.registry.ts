import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ConfigurationError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { Clock } from '../runtime/clock.js';
import { Database } from '../database/database.js';
import type { StartLock } from '../database/dialect.js';
import type { ParameterType, SqlStatement } from '../database/sql-statement.js';
import { KeyRing } from './key-ring.js';
import { AccessTokenKey } from './signing-key.entity.js';

/** The advisory lock under which instances that start together note their keys one after the other. */
const BOOT_LOCK = 0x6e_72_74_02;

const TYPES: Record<string, ParameterType> = { key_id: 'text', now: 'bigint' };

/**
 * Whether the verifiers may know the key that signs. A key that signs as soon as it is configured is refused by every
 * verifier that holds an older JWK set: here, the instance doesn't start. Keys that say when they were added
 * (`added_at`) wait by themselves.
 */
@Injectable()
export class SigningKeyRegistry implements OnModuleInit {
  private readonly statements: Record<'insert' | 'list', SqlStatement>;
  private readonly lock: StartLock;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly keyRing: KeyRing,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {
    const { dialect } = database;
    const table = { name: database.table(AccessTokenKey), key: 'key_id', required: ['key_id', 'first_seen_at'] };
    this.lock = { id: BOOT_LOCK, table };
    this.statements = {
      insert: dialect.compile(
        dialect.upsert(
          table,
          { key_id: ':key_id', first_seen_at: ':now' },
          // As it was: a kid is published once.
          'first_seen_at = existing.first_seen_at',
        ),
        TYPES,
      ),
      list: dialect.compile(`SELECT key_id, first_seen_at FROM ${table.name}`, TYPES),
    };
  }

  /** @throws ConfigurationError where the first key has not been published for the activation delay */
  async onModuleInit(): Promise<void> {
    const { signingKeys } = this.keyRing;
    const keyIds = signingKeys.flatMap(({ keyId }) => keyId ?? []);
    if (keyIds.length === 0) return;
    await this.database.exclusively(this.lock, async (run) => {
      // Under the lock, which may have been waited for.
      const now = this.clock.now();
      for (const key_id of keyIds) await run(this.statements.insert, { key_id, now });
      const seen = await run(this.statements.list);
      const known = seen.map((row) => ({ keyId: String(row['key_id']), firstSeenAt: Number(row['first_seen_at']) }));
      if (signingKeys.some(({ isTimed }) => isTimed)) return;
      // Where it is refused, the transaction takes the new key back: it was not published.
      this.refuseEarly(keyIds[0] as string, known, now);
    });
  }

  private refuseEarly(keyId: string, known: readonly { keyId: string; firstSeenAt: number }[], now: number): void {
    const { keyActivationDelay } = this.options;
    const seenAt = known.find((key) => key.keyId === keyId)?.firstSeenAt ?? now;
    const isFirstSet = known.every(({ firstSeenAt }) => firstSeenAt >= seenAt);
    if (isFirstSet || now >= seenAt + keyActivationDelay) return;
    const seconds = keyActivationDelay / 1_000;
    const wait =
      seenAt === now
        ? ''
        : ` This one can be put first from ${new Date(seenAt + keyActivationDelay).toISOString()} on.`;
    throw new ConfigurationError(
      `SIGNING_KEYS (accessToken.keys): the first key, with the kid ${JSON.stringify(keyId)}, was not published for ${seconds} s: verifiers that keep an older JWK set would refuse what it signs. ` +
        `Put it behind the one that signs now, roll that out everywhere, wait ${seconds} s, then put it first.${wait} To use it at once all the same, set KEY_ACTIVATION_DELAY=0 (keyActivationDelay).`,
    );
  }
}
