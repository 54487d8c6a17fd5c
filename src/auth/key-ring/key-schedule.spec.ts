import { describe, expect, it } from '@jest/globals';
import { array, assert, integer, option, property, record } from 'fast-check';
import { isInUse, jwksMaxAge, neededUntil, scheduleOf, type KnownKey } from './key-schedule.js';

const DELAY = 300_000;
const AT_ONCE = -Infinity;

function known(
  id: string,
  firstSeenAt: number,
  usedAt: number | null = null,
  replacedAt: number | null = null,
): KnownKey {
  return { id, firstSeenAt, usedAt, replacedAt, withdrawnAt: null };
}

describe('the schedule of keys', () => {
  it('uses the first at once where it is the only one, or none of the others was ever used', () => {
    expect(scheduleOf(['a'], [known('a', 5)], DELAY)).toEqual({ incumbent: 'a', beginsAt: AT_ONCE });
    expect(scheduleOf(['a', 'b'], [known('a', 5), known('b', 5)], DELAY)).toEqual({
      incumbent: 'a',
      beginsAt: AT_ONCE,
    });
  });

  it('has a new first one wait for the delay since it was first seen, while the one before it is used', () => {
    const rows = [known('old', 0, 0), known('new', 1_000)];
    expect(scheduleOf(['new', 'old'], rows, DELAY)).toEqual({ incumbent: 'old', beginsAt: 1_000 + DELAY });
  });

  it('uses a first one at once that was in use before: the order was turned back', () => {
    const rows = [known('old', 0, 0, 9_000), known('new', 1_000, 9_000)];
    expect(scheduleOf(['old', 'new'], rows, DELAY)).toEqual({ incumbent: 'old', beginsAt: AT_ONCE });
  });

  it('has one wait that was used before and taken away since', () => {
    const rows = [known('back', 20_000, 0, 9_000), known('now', 1_000, 9_000)];
    expect(scheduleOf(['back', 'now'], rows, DELAY)).toEqual({ incumbent: 'now', beginsAt: 20_000 + DELAY });
  });

  it('has nothing wait without a delay', () => {
    const rows = [known('old', 0, 0), known('new', 1_000)];
    expect(scheduleOf(['new', 'old'], rows, 0)).toEqual({ incumbent: 'new', beginsAt: AT_ONCE });
  });

  it.each([
    ['the one in use, wherever it stands', [known('a', 0, 0, 50), known('b', 10, 50), known('new', 60)], 'b'],
    [
      'the one used last, where that in use is not configured',
      [known('a', 0, 0, 50), known('b', 9, 9, 40), known('new', 60)],
      'a',
    ],
  ])('uses until then %s', (_, rows, incumbent) => {
    for (const others of [
      ['a', 'b'],
      ['b', 'a'],
    ]) {
      expect(scheduleOf(['new', ...others], rows, DELAY).incumbent).toBe(incumbent);
    }
  });

  it('never lets a key be used that was not known for the delay, where another one was used before', () => {
    const time = integer({ min: 0, max: 1_000 });
    const row = record({ firstSeenAt: time, usedAt: option(time), replacedAt: option(time) });
    assert(
      property(array(row, { minLength: 2, maxLength: 5 }), integer({ min: 1, max: 500 }), (rows, delay) => {
        const keys = rows.map(({ usedAt, replacedAt, ...rest }, at): KnownKey => {
          return {
            ...rest,
            id: String(at),
            usedAt,
            replacedAt: usedAt === null ? null : replacedAt,
            withdrawnAt: null,
          };
        });
        const { incumbent, beginsAt } = scheduleOf(
          keys.map(({ id }) => id),
          keys,
          delay,
        );
        const [first, ...others] = keys as [KnownKey, ...KnownKey[]];
        const wasUsed = others.some(({ usedAt }) => usedAt !== null);
        const isKnown = first.usedAt !== null && first.usedAt >= first.firstSeenAt;
        if (!wasUsed || isKnown) return incumbent === first.id && beginsAt === AT_ONCE;
        return (
          beginsAt === first.firstSeenAt + delay && keys[Number(incumbent)]?.usedAt !== null && incumbent !== first.id
        );
      }),
    );
  });
});

describe('a key', () => {
  it('is in use from when it began until another does, and not after it was taken away', () => {
    expect([known('a', 5), known('a', 5, 5), known('a', 5, 5, 6), known('a', 5, 4)].map(isInUse)).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });

  it('is needed while it is in use, and for the life of its tokens after that', () => {
    expect(neededUntil(known('a', 5), 100)).toBe(-Infinity);
    expect(neededUntil(known('a', 5, 5), 100)).toBe(Infinity);
    expect(neededUntil(known('a', 5, 5, 50), 100)).toBe(150);
  });
});

describe('the max-age of the JWK set', () => {
  it.each([
    [300_000, 60_000],
    [0, 0],
    [4_999, 0],
    [9_999, 1_000],
  ])('is a fifth of the activation delay, in whole seconds: of %d ms it is %d', (delay, maxAge) => {
    expect(jwksMaxAge(delay)).toBe(maxAge);
  });
});
