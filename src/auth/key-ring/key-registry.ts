import { Logger } from '@nestjs/common';
import type { Clock } from '../runtime/clock.js';
import type { HeldKeys } from './key-ring.js';
import { isInUse, isKnownEverywhere, scheduleOf, type KeySchedule, type KnownKey } from './key-schedule.js';
import type { KeyRows, KeyTable } from './key-table.js';

/**
 * Holds the keys of one kind to the one rule (`key-schedule.ts`): notes in the database since when each is known, and
 * hands the key ring the one to use. Instances do so one after the other.
 */
export abstract class KeyRegistry<TKey extends object> {
  protected readonly logger = new Logger('Keys');
  private keys: readonly TKey[] = [];
  private turn: Promise<unknown> = Promise.resolve();

  /** @param delay the activation delay, in milliseconds */
  protected constructor(
    private readonly table: KeyTable,
    private readonly clock: Clock,
    private readonly delay: number,
  ) {}

  protected abstract idOf(key: TKey): string;

  /** Asks the database which of the configured keys may be used. */
  abstract onModuleInit(): Promise<void>;

  /** Hands the keys over to the key ring. */
  protected abstract handOver(keys: HeldKeys<TKey>): void;

  /**
   * When the configured keys are due: at once, and by way of the start. A hook of the host may make a token before the
   * module's own hooks have run, and that token then waits for the database.
   */
  protected untilStart(): Pick<HeldKeys<TKey>, 'changesAt' | 'change'> {
    return { changesAt: -Infinity, change: () => this.onModuleInit() };
  }

  /**
   * Takes keys into use, the first of which is to be used.
   * @param refuseMissing throws where a key is needed that is known and not among `keys`; nothing changes then
   * @throws ConfigurationError where the module's tables are missing or old; whatever the database throws
   */
  protected async take(
    keys: readonly TKey[],
    refuseMissing: (missing: readonly KnownKey[], now: number) => void,
  ): Promise<void> {
    await this.inTurn(async () => {
      const ids = keys.map((key) => this.idOf(key));
      const schedule = await this.table.exclusively(async (rows) => {
        // Under the lock, which may have been waited for.
        const now = this.clock.now();
        const missing = (await rows.list()).filter(({ id }) => !ids.includes(id));
        refuseMissing(missing, now);
        for (const { id, withdrawnAt } of missing) if (withdrawnAt === null) await rows.withdraw(id, now);
        return this.plan(rows, ids, now);
      });
      this.keys = keys;
      this.use(ids, schedule);
    });
  }

  /** Plans anew by what the database says now: the first one may have been withdrawn elsewhere, or a backup restored. */
  private async change(): Promise<void> {
    await this.inTurn(async () => {
      const ids = this.keys.map((key) => this.idOf(key));
      this.use(ids, await this.table.exclusively((rows) => this.plan(rows, ids, this.clock.now())));
    });
  }

  private async plan(rows: KeyRows, ids: readonly string[], now: number): Promise<KeySchedule> {
    const known = await rows.list();
    for (const [position, id] of ids.entries()) {
      const row = known.find((key) => key.id === id);
      if (!row || row.withdrawnAt !== null || (position === 0 && this.mayBeRolledBack(row, now)))
        await rows.see(id, now);
    }
    const seen = await rows.list();
    const schedule = scheduleOf(ids, seen, this.delay);
    if (now < schedule.beginsAt) return schedule;
    const first = seen.find(({ id }) => id === ids[0]) as KnownKey;
    if (!isInUse(first)) await rows.use(first.id, now);
    return { incumbent: first.id, beginsAt: -Infinity };
  }

  /**
   * Whether a key has waited in vain: it was rolled back with the instance that had it, where no other one started.
   * This instance knows better of a key that it has had itself.
   */
  private mayBeRolledBack(key: KnownKey, now: number): boolean {
    const isOurs = this.keys.some((ours) => this.idOf(ours) === key.id);
    return !isOurs && !isKnownEverywhere(key) && key.firstSeenAt + this.delay <= now;
  }

  private use(ids: readonly string[], { incumbent, beginsAt }: KeySchedule): void {
    const isWaiting = beginsAt !== -Infinity;
    if (isWaiting) {
      this.logger.log('A new key is known, and waits', {
        event: 'keys.waiting',
        id: ids[0],
        used_from: new Date(beginsAt).toISOString(),
      });
    }
    this.handOver({
      all: this.keys,
      inUse: this.keys[ids.indexOf(incumbent)] as TKey,
      changesAt: isWaiting ? beginsAt : Infinity,
      change: () => this.change(),
    });
  }

  /** One after the other: what comes last is what stays. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }
}
