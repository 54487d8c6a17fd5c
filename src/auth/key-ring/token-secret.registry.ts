import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ConfigurationError } from '../auth.errors.js';
import { checkSecrets } from '../options/resolve-options.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { Clock } from '../runtime/clock.js';
import { Database } from '../database/database.js';
import type { StartLock } from '../database/dialect.js';
import type { ParameterType, Row, SqlStatement } from '../database/sql-statement.js';
import { KeyRing } from './key-ring.js';
import { RefreshTokenSecret } from './token-secret.entity.js';
import type { TokenSecret } from '../keys/token-secret.js';

/** The advisory lock under which instances that start together look at the secrets one after the other. */
const BOOT_LOCK = 0x6e_72_74_01;

const TYPES: Record<string, ParameterType> = { fingerprint: 'text', now: 'bigint', delay: 'bigint' };

/** What the database knows of a secret. All times are milliseconds. */
interface KnownSecret {
  readonly fingerprint: string;
  readonly firstSeenAt: number;
  readonly mintedAt: number | null;
  readonly replacedAt: number | null;
}

/** Which secret mints when. */
interface Schedule {
  /** The first one that is configured. */
  readonly newest: TokenSecret;
  /** The one that minted last, and mints until the newest may. */
  readonly incumbent: TokenSecret | undefined;
  /** Milliseconds. */
  readonly activatesAt: number;
}

/**
 * Which secret mints, and whether all secrets whose tokens may be live are configured.
 *
 * The database keeps a fingerprint of every secret that minted. A deploy with wrong secrets would answer 401 to
 * everybody; here it doesn't start. A secret new to the table verifies at once and mints after the activation delay,
 * so that every instance knows it first.
 */
@Injectable()
export class SecretRegistry implements OnModuleInit {
  private readonly logger = new Logger('RefreshTokenSecrets');
  private readonly statements: Record<'insert' | 'list' | 'beginMinting' | 'replaceOthers', SqlStatement>;
  private readonly lock: StartLock;
  private schedule: Schedule | undefined;
  /** Secrets of which the database has been told that they mint. */
  private readonly recorded = new Map<TokenSecret, Promise<TokenSecret>>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly keyRing: KeyRing,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {
    const table = database.table(RefreshTokenSecret);
    const { dialect } = database;
    const statement = (template: string) => dialect.compile(template, TYPES);
    const written = { name: table, key: 'fingerprint', required: ['fingerprint', 'first_seen_at'] };
    this.lock = { id: BOOT_LOCK, table: written };
    this.statements = {
      // One that was seen long ago and never minted was rolled back: its delay begins anew.
      insert: statement(
        dialect.upsert(
          written,
          { fingerprint: ':fingerprint', first_seen_at: ':now' },
          `first_seen_at = CASE WHEN existing.minted_at IS NULL AND existing.first_seen_at + :delay <= :now
                           THEN :now ELSE existing.first_seen_at END`,
        ),
      ),
      list: statement(`SELECT fingerprint, first_seen_at, minted_at, replaced_at FROM ${table}`),
      beginMinting: statement(
        dialect.upsert(
          written,
          { fingerprint: ':fingerprint', first_seen_at: ':now', minted_at: ':now' },
          'minted_at = COALESCE(existing.minted_at, :now), replaced_at = NULL',
        ),
      ),
      replaceOthers: statement(
        `UPDATE ${table} SET replaced_at = :now
         WHERE fingerprint <> :fingerprint AND minted_at IS NOT NULL AND replaced_at IS NULL`,
      ),
    };
  }

  /** @throws ConfigurationError where a secret whose tokens may be live is not configured, or a table is missing */
  async onModuleInit(): Promise<void> {
    const { secrets } = this.keyRing;
    await this.takePart(secrets, this.options.refreshToken.retiredSecrets);
  }

  /**
   * Takes other secrets into use: all of them verify from now on; the first mints after the activation delay.
   * @param retired fingerprints of secrets that were given up
   * @throws ConfigurationError where two of them can't be told apart, or one whose tokens may be live is neither there
   * nor given up; whatever the database throws: nothing changes then
   */
  async replace(secrets: readonly string[], retired: readonly string[]): Promise<void> {
    const inUse = this.keyRing.secrets;
    // What is known of a secret hangs on its object.
    const next = checkSecrets(secrets, retired).secrets.map((secret) => inUse.find(isLike(secret)) ?? secret);
    await this.takePart(next, [...this.options.refreshToken.retiredSecrets, ...retired]);
  }

  /**
   * The secret that mints at `now`. The first token of a secret is not made before the database knows of it.
   * @param now milliseconds
   * @throws TemporarilyUnavailableError where the database can't be told
   */
  mintingSecret(now: number): Promise<TokenSecret> {
    const { newest, incumbent, activatesAt } = this.schedule as Schedule;
    const secret = now >= activatesAt || !incumbent ? newest : incumbent;
    let recorded = this.recorded.get(secret);
    if (!recorded) {
      recorded = this.record((statement, values = {}) => this.database.runDurably(statement, values), secret, now);
      this.recorded.set(secret, recorded);
      recorded.catch(() => this.recorded.delete(secret));
    }
    return recorded;
  }

  /** Makes the newest secret known, and has it mint where it may. */
  private async takePart(secrets: readonly TokenSecret[], retired: readonly string[]): Promise<void> {
    const newest = secrets[0] as TokenSecret;
    const schedule = await this.database.exclusively(this.lock, async (run) => {
      // Under the lock, which may have been waited for.
      const now = this.clock.now();
      const { fingerprint } = newest;
      await run(this.statements.insert, { fingerprint, now, delay: this.options.keyActivationDelay });
      const known = (await run(this.statements.list)).map(toKnownSecret);
      this.refuseMissing(secrets, retired, known, now);
      const planned = this.plan(secrets, known);
      if (now >= planned.activatesAt) await this.record(run, newest, now);
      return planned;
    });
    if (this.clock.now() >= schedule.activatesAt) this.recorded.set(newest, Promise.resolve(newest));
    else
      this.logger.log(
        `The new secret mints from ${new Date(schedule.activatesAt).toISOString()} on; it verifies already.`,
      );
    // Together: nothing may be minted that isn't verified.
    this.schedule = schedule;
    this.keyRing.replaceSecrets(secrets);
  }

  /** Tells the database which secret mints now, in the place of all others. */
  private async record(run: Database['run'], secret: TokenSecret, now: number): Promise<TokenSecret> {
    const { fingerprint } = secret;
    await run(this.statements.beginMinting, { fingerprint, now });
    await run(this.statements.replaceOthers, { fingerprint, now });
    return secret;
  }

  private refuseMissing(
    secrets: readonly TokenSecret[],
    retired: readonly string[],
    known: readonly KnownSecret[],
    now: number,
  ): void {
    const present = new Set([...secrets.map(({ fingerprint }) => fingerprint), ...retired]);
    const missing = known.filter((secret) => !present.has(secret.fingerprint) && this.mayBeLive(secret, now));
    if (missing.length === 0) return;

    const names = missing.map(({ fingerprint }) => fingerprint).join(', ');
    const line = [...retired, ...missing.map(({ fingerprint }) => fingerprint)].join(',');
    throw new ConfigurationError(
      `REFRESH_TOKEN_SECRETS (refreshToken.secrets): the secret with fingerprint ${names} made tokens that are still in use, and is not configured. ` +
        `Put it back behind the first one; or, to sign out everybody who holds one of its tokens, set RETIRED_SECRETS=${line} (refreshToken.retiredSecrets).`,
    );
  }

  private mayBeLive({ mintedAt, replacedAt }: KnownSecret, now: number): boolean {
    return mintedAt !== null && (replacedAt === null || now < replacedAt + this.options.rotation.absoluteTtl);
  }

  private plan(secrets: readonly TokenSecret[], known: readonly KnownSecret[]): Schedule {
    const [newest, ...others] = secrets as readonly [TokenSecret, ...TokenSecret[]];
    const minted = others.filter((secret) => known.find(isLike(secret))?.mintedAt != null);
    const incumbent = minted.find((secret) => known.find(isLike(secret))?.replacedAt === null) ?? minted[0];
    const { mintedAt, firstSeenAt } = known.find(isLike(newest)) as KnownSecret;
    const mintsAtOnce = mintedAt !== null || !incumbent;
    return { newest, incumbent, activatesAt: mintsAtOnce ? 0 : firstSeenAt + this.options.keyActivationDelay };
  }
}

function isLike({ fingerprint }: { fingerprint: string }) {
  return (other: { fingerprint: string }) => other.fingerprint === fingerprint;
}

function toKnownSecret(row: Row): KnownSecret {
  const time = (value: unknown) => (value === null ? null : Number(value));
  return {
    fingerprint: row['fingerprint'] as string,
    firstSeenAt: Number(row['first_seen_at']),
    mintedAt: time(row['minted_at']),
    replacedAt: time(row['replaced_at']),
  };
}
