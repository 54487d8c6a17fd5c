import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { retry, type RetryOptions } from './retry.js';

const ALWAYS: RetryOptions = { patience: 1_000, isPassing: () => true, pause: () => 0 };

let now: number;

beforeEach(() => {
  now = 5_000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});

afterEach(() => {
  jest.restoreAllMocks();
});

/** Work that fails some times, each after 100 ms, and then succeeds. */
function failing(times: number): jest.Mock<() => Promise<string>> {
  let left = times;
  return jest.fn(async () => {
    if (left === 0) return 'done';
    now += 100;
    left -= 1;
    throw new RangeError(`${left} more`);
  });
}

/** What comes of a retry. */
function outcomeOf(work: () => Promise<string>, options: Partial<RetryOptions> = {}): Promise<unknown> {
  return retry(work, { ...ALWAYS, ...options }).catch((error: unknown) => error);
}

describe('retry', () => {
  it('does the work once where that succeeds', async () => {
    const work = failing(0);
    expect(await outcomeOf(work)).toBe('done');
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('does it again while it fails, after a pause that may depend on how often and how', async () => {
    const work = failing(3);
    const pause = jest.fn<RetryOptions['pause']>().mockReturnValue(1);

    expect(await outcomeOf(work, { pause })).toBe('done');
    expect(work).toHaveBeenCalledTimes(4);
    expect(pause.mock.calls.map(([failures]) => failures)).toEqual([1, 2, 3]);
    expect(pause).toHaveBeenLastCalledWith(3, new RangeError('0 more'));
  });

  it('gives up at once at an error that does not pass', async () => {
    const work = failing(2);
    expect(await outcomeOf(work, { isPassing: () => false })).toEqual(new RangeError('1 more'));
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('gives up with the last error once the patience is over', async () => {
    const work = failing(100);
    expect(await outcomeOf(work)).toEqual(new RangeError('89 more'));
    expect(work).toHaveBeenCalledTimes(11);
  });
});
