import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { TemporarilyUnavailableError } from '../../auth.errors.js';
import { resolveAuthOptions } from '../../options/resolve-options.js';
import { PurgeWalk, type PurgeStep } from './purge.walk.js';
import { SessionPurger } from './session.purger.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ON_THE_WAY: PurgeStep = { deleted: 0, isAtEnd: false, isClean: false };
const AT_THE_END: PurgeStep = { deleted: 0, isAtEnd: true, isClean: false };
const CLEAN: PurgeStep = { deleted: 0, isAtEnd: true, isClean: true };

/** A walk whose steps are in the test's hand. */
class ScriptedWalk implements Pick<PurgeWalk, 'step'> {
  /** When each step began, in milliseconds since the start. */
  readonly begun: number[] = [];
  private readonly start = performance.now();
  next: () => PurgeStep | Promise<PurgeStep> = () => ON_THE_WAY;

  async step(): Promise<PurgeStep> {
    this.begun.push(performance.now() - this.start);
    return this.next();
  }

  /** How long after one step the next one began. */
  get pauses(): number[] {
    return this.begun.slice(1).map((time, position) => time - (this.begun[position] as number));
  }
}

let walk: ScriptedWalk;
let log: jest.Spied<Logger['log']>;
let warn: jest.Spied<Logger['warn']>;

/** @param byte all of the randomness: 0x80 makes each pause what it is on average, 0 half of it */
function purger({ byte = 0x80, purge = true } = {}): SessionPurger {
  const resolved = resolveAuthOptions(
    {
      refreshToken: { secrets: ['x'.repeat(32)] },
      accessToken: { issuer: 'urn:acme', algorithm: 'HS256', secret: 'y'.repeat(32) },
      session: { purge },
    },
    0,
  );
  const bytes = (size: number) => Buffer.concat([Buffer.of(byte), Buffer.alloc(size - 1, byte === 0xff ? 0xff : 0)]);
  return new SessionPurger(walk as Partial<PurgeWalk> as PurgeWalk, { bytes }, resolved);
}

const pass = (milliseconds: number) => jest.advanceTimersByTimeAsync(milliseconds);

beforeEach(() => {
  jest.useFakeTimers();
  log = jest.spyOn(Logger.prototype, 'log').mockReturnValue();
  warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
  walk = new ScriptedWalk();
});
afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

describe('SessionPurger', () => {
  it.each([
    ['half', 0, 30_000, 750],
    ['all', 0x80, 60_000, 1_500],
    ['nearly one and a half', 0xff, 89_999, 2_249],
  ])('waits a minute and then a step, each as long as chance has it: %s of it', async (_, byte, first, pause) => {
    purger({ byte }).onApplicationBootstrap();
    await pass(first - 1);
    expect(walk.begun).toEqual([]);
    await pass(1 + 3 * pause);
    expect(walk.begun).toEqual([0, 1, 2, 3].map((step) => first + step * pause));
  });

  it('walks ten million rows in a day', async () => {
    purger().onApplicationBootstrap();
    await pass(MINUTE + HOUR);
    const rowsADay = (walk.begun.length - 1) * 200 * 24;
    expect(rowsADay).toBeGreaterThan(10_000_000);
    expect(rowsADay).toBeLessThan(15_000_000);
  });

  it('rests for an hour after a walk that has found nothing, and after that only', async () => {
    const steps = [ON_THE_WAY, AT_THE_END, CLEAN, ON_THE_WAY];
    walk.next = () => steps.shift() ?? CLEAN;
    purger().onApplicationBootstrap();
    await pass(3 * HOUR);
    expect(walk.pauses.slice(0, 3)).toEqual([1_500, 1_500, HOUR]);
  });

  it('never begins a step before the last one has ended, and leaves a slow database alone for longer', async () => {
    let end = (): void => undefined;
    walk.next = () => new Promise((resolve) => (end = () => resolve(ON_THE_WAY)));
    purger().onApplicationBootstrap();
    await pass(MINUTE);
    await pass(10_000);
    expect(walk.begun).toHaveLength(1);
    end();
    await pass(20 * 10_000 - 1);
    expect(walk.begun).toHaveLength(1);
    await pass(1);
    expect(walk.begun).toHaveLength(2);
  });

  it('tells at the end of the table how many rows went, and nothing where none did', async () => {
    const steps = [{ ...ON_THE_WAY, deleted: 2 }, ON_THE_WAY, { ...AT_THE_END, deleted: 3 }, AT_THE_END];
    walk.next = () => steps.shift() ?? ON_THE_WAY;
    purger().onApplicationBootstrap();
    await pass(MINUTE + 1_500);
    expect(log).not.toHaveBeenCalled();
    await pass(1_500);
    expect(log.mock.calls.map(([, about]: unknown[]) => about)).toEqual([{ event: 'sessions.purged', count: 5 }]);
    await pass(HOUR);
    expect(log).toHaveBeenCalledTimes(1);
  });

  it('complains once of failures that follow one another, by the code alone, and tries again a minute later', async () => {
    const cause = Object.assign(new Error('Key (id)=(0b7e) is still referenced'), { code: '23503' });
    const fail = () => {
      throw new TemporarilyUnavailableError('database', { cause });
    };
    walk.next = fail;
    purger().onApplicationBootstrap();
    await pass(5 * MINUTE);
    expect(walk.pauses).toEqual([MINUTE, MINUTE, MINUTE, MINUTE]);
    expect(warn.mock.calls.map(([, about]: unknown[]) => about)).toEqual([
      { event: 'sessions.purge_failed', cause: expect.stringMatching(/^23503 Error\n +at /) },
    ]);

    walk.next = () => ON_THE_WAY;
    await pass(2 * MINUTE);
    walk.next = fail;
    await pass(5 * MINUTE);
    expect(warn).toHaveBeenCalledTimes(2);
    expect(JSON.stringify(warn.mock.calls)).not.toContain('0b7e');
  });

  it('stops for good at the shut-down, also in the middle of a step', async () => {
    let end = (): void => undefined;
    let fail: (error: Error) => void = () => undefined;
    walk.next = () =>
      new Promise((resolve, reject) => {
        end = () => resolve({ ...ON_THE_WAY, deleted: 4 });
        fail = reject;
      });
    const idle = purger();
    idle.onApplicationBootstrap();
    idle.beforeApplicationShutdown();
    await pass(HOUR);
    expect(walk.begun).toEqual([]);

    const busy = purger();
    busy.onApplicationBootstrap();
    await pass(MINUTE);
    end();
    await pass(1_500);
    busy.beforeApplicationShutdown();
    // What it had deleted is told.
    expect(log.mock.calls.map(([, about]: unknown[]) => about)).toEqual([{ event: 'sessions.purged', count: 4 }]);
    fail(new Error('The connection was closed.'));
    await pass(HOUR);
    expect(walk.begun).toHaveLength(2);
    expect(warn).not.toHaveBeenCalled();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does nothing where it is switched off', async () => {
    purger({ purge: false }).onApplicationBootstrap();
    await pass(24 * HOUR);
    expect(walk.begun).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('keeps no process up', () => {
    const timers = jest.spyOn(globalThis, 'setTimeout');
    purger().onApplicationBootstrap();
    const [made] = timers.mock.results as { value: NodeJS.Timeout }[];
    expect(made?.value.hasRef()).toBe(false);
  });
});
