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

// Pauses in milliseconds, each between half and one and a half of what is said here.

/** After the start: a roll-out has other things to do. */
const FIRST_PAUSE = 60_000;
/**
 * Between two steps of 200 rows: 133 rows a second, so that one instance walks 10 million rows in 21 hours. That is
 * one SELECT of 200 rows by their key every 1.5 s, and one DELETE where any of them are past: at a millisecond or two
 * each, a thousandth of one processor.
 */
const PAUSE = 1_500;
/** Where the database is slow, it is left alone for so many times as long as a step has taken. */
const EASE = 20;
/** After a walk that has found nothing. */
const REST = 3_600_000;
/** After a failure. */
const BACK_OFF = 60_000;

/** Deletes sessions whose retention has passed, little by little, on every instance for itself. */
@Injectable()
export class SessionPurger implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('SessionPurger');
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;
  private hasFailed = false;
  /** How many were deleted since that was last logged. */
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
    // One after the other, so that no step overlaps another; nobody's process or test waits for one.
    this.timer = setTimeout(() => void goOn(), this.jittered(pause)).unref();
  }

  /** Never throws. @returns for how long to pause, in milliseconds */
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

  /** Once a walk: a line for each step would be many. */
  private report(): void {
    if (this.deleted === 0) return;
    this.logger.log('Sessions past their retention were deleted', { event: 'sessions.purged', count: this.deleted });
    this.deleted = 0;
  }

  /** Once for all failures that follow one another, and not of those that the shut-down makes. */
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
