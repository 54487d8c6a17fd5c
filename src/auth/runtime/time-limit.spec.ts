import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TimeLimitError, withTimeLimit } from './time-limit.js';

const LIMIT = 2_000;

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** Settles after some milliseconds. */
function after<T>(milliseconds: number, settle: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setTimeout(() => {
      try {
        resolve(settle());
      } catch (error) {
        reject(error as Error);
      }
    }, milliseconds);
  });
}

function fail(): never {
  throw new RangeError('the work failed');
}

/** What became of a promise so far, in one word or two. */
function stateOf(promise: Promise<unknown>): { state: string } {
  const seen = { state: 'pending' };
  promise.then(
    (value) => (seen.state = `resolved ${String(value)}`),
    (error: Error) => (seen.state = `rejected ${error.name}`),
  );
  return seen;
}

describe('withTimeLimit', () => {
  it('hands over what the work returns, at once or later', async () => {
    await expect(withTimeLimit(() => 'now', LIMIT)).resolves.toBe('now');
    await expect(withTimeLimit(() => undefined, LIMIT)).resolves.toBeUndefined();

    const later = withTimeLimit(() => after(LIMIT - 1, () => 'later'), LIMIT);
    await jest.advanceTimersByTimeAsync(LIMIT - 1);
    await expect(later).resolves.toBe('later');
  });

  it('throws what the work throws, at once or later', async () => {
    await expect(withTimeLimit(fail, LIMIT)).rejects.toThrow(RangeError);
    await expect(withTimeLimit(() => Promise.reject(new RangeError()), LIMIT)).rejects.toThrow(RangeError);

    const later = withTimeLimit(() => after(LIMIT - 1, fail), LIMIT);
    const thrown = expect(later).rejects.toThrow('the work failed');
    await jest.advanceTimersByTimeAsync(LIMIT - 1);
    await thrown;
  });

  it.each<[string, () => Promise<unknown>]>([
    ['never ends', () => new Promise(() => {})],
    ['ends a millisecond late', () => after(LIMIT + 1, () => 'late')],
    ['fails a millisecond late', () => after(LIMIT + 1, fail)],
  ])('gives up at the limit, and not before it, on work that %s', async (_, work) => {
    const seen = stateOf(withTimeLimit(work, LIMIT));
    await jest.advanceTimersByTimeAsync(LIMIT - 1);
    expect(seen.state).toBe('pending');

    await jest.advanceTimersByTimeAsync(1);
    expect(seen.state).toBe('rejected TimeLimitError');

    await jest.advanceTimersByTimeAsync(LIMIT);
    expect(seen.state).toBe('rejected TimeLimitError');
  });

  it('lets nobody hear of work that fails late', async () => {
    const heard: unknown[] = [];
    const listen = (error: unknown) => heard.push(error);
    process.on('unhandledRejection', listen);
    try {
      const limited = expect(withTimeLimit(() => after(LIMIT + 1, fail), LIMIT)).rejects.toThrow(TimeLimitError);
      await jest.advanceTimersByTimeAsync(LIMIT + 1);
      await limited;
      jest.useRealTimers();
      // Node tells of a rejection once the promises of a turn have settled.
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off('unhandledRejection', listen);
    }
    expect(heard).toEqual([]);
  });

  it.each<[string, () => unknown]>([
    ['ended at once', () => 'now'],
    ['failed at once', fail],
    ['ended later', () => Promise.resolve()],
    ['failed later', () => Promise.reject(new Error())],
  ])('leaves no timer behind that would hold the process, where the work %s', async (_, work) => {
    await withTimeLimit(work, LIMIT).catch(() => {});

    expect(jest.getTimerCount()).toBe(0);
  });

  it('says how long it waited', () => {
    expect(new TimeLimitError(LIMIT)).toMatchObject({ name: 'TimeLimitError', message: 'No answer within 2000 ms.' });
  });
});
