import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../../injection-tokens.js';
import { logCause } from '../../runtime/log-cause.js';
import { RandomSource } from '../../runtime/random.js';
import { PurgeWalk } from './purge.walk.js';

// Pauses, in milliseconds. Each real pause is drawn between half and one and a half times the figure.

/** After the start, while a roll-out keeps the database busy. */
const FIRST_PAUSE = 60_000;
/**
 * Between two steps of 200 rows. One instance walks 133 rows a second, and 10 million rows in 21 hours. A step is one
 * SELECT by key, and one DELETE where a row is past: a millisecond or two each, a thousandth of one processor.
 */
const PAUSE = 1_500;
/** How many times as long as the last step the pause is, where the database is slow. */
const EASE = 20;
/** After a walk that found no row to delete. */
const REST = 3_600_000;
/** After a failure. */
const BACK_OFF = 60_000;

/** Deletes sessions whose retention has passed, a few rows at a time. Every instance does so by itself. */
@Injectable()
export class SessionPurger implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('SessionPurger');
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;
  private hasFailed = false;
  /** How many rows were deleted since the last line of the log about it. */
  private deleted = 0;

  constructor(
    private readonly walk: PurgeWalk,
    private readonly random: RandomSource,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  onApplicationBootstrap(): void {
    if (this.options.session.purge) this.schedule(FIRST_PAUSE);
  }

  beforeApplicationShutdown(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.report();
  }

  private schedule(pause: number): void {
    if (this.isOver) return;
    const goOn = async () => this.schedule(await this.step());
    // The next step is set after the last one, so that steps never overlap. The timer keeps no process running.
    this.timer = setTimeout(() => void goOn(), this.jittered(pause)).unref();
  }

  /** Deletes a few rows; never throws. @returns the pause before the next step, in milliseconds */
  private async step(): Promise<number> {
    const begun = performance.now();
    try {
      const { deleted, isAtEnd, isClean } = await this.walk.step();
      this.hasFailed = false;
      this.deleted += deleted;
      if (isAtEnd) this.report();
      return isClean ? REST : Math.max(PAUSE, EASE * (performance.now() - begun));
    } catch (error) {
      this.complain(error);
      return BACK_OFF;
    }
  }

  /** Logs once a walk, since a line for each step would be too many. */
  private report(): void {
    if (this.deleted === 0) return;
    this.logger.log('Sessions past their retention were deleted', { event: 'sessions.purged', count: this.deleted });
    this.deleted = 0;
  }

  /** Logs the first of several failures in a row, and none that the shut-down causes. */
  private complain(error: unknown): void {
    if (this.hasFailed || this.isOver) return;
    this.hasFailed = true;
    this.logger.warn('Sessions past their retention can not be deleted now; trying again', {
      event: 'sessions.purge_failed',
      cause: logCause((error as { cause?: unknown }).cause ?? error, { withMessage: false }),
    });
  }

  private jittered(pause: number): number {
    return pause * (0.5 + this.random.bytes(4).readUInt32BE() / 2 ** 32);
  }
}
