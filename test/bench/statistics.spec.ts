import { describe, expect, it } from '@jest/globals';
import { orderOf, percentile, ratio, spread } from './statistics.js';

describe('spread', () => {
  it('is the middle value of an odd number of them, whatever their order', () => {
    expect(spread([10, 2, 9])).toEqual({ median: 9, min: 2, max: 10 });
  });

  it('is halfway between the two middle values of an even number', () => {
    expect(spread([4, 1, 100, 2])).toEqual({ median: 3, min: 1, max: 100 });
  });

  it('leaves the values as they were', () => {
    const values = [3, 1, 2];
    spread(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it('is nothing of no values', () => {
    expect(() => spread([])).toThrow('spread: got no values, takes at least one');
  });
});

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);

  it.each([
    [0.5, 50],
    [0.99, 99],
    [1, 100],
    [0.001, 1],
  ])('has a share of %p of the values at or below it', (share, value) => {
    expect(percentile(hundred, share)).toBe(value);
  });

  it('is one of the values, and not between two of them', () => {
    expect(percentile([1, 100], 0.5)).toBe(1);
    expect(percentile([1, 100], 0.51)).toBe(100);
  });

  it('is 0 where nothing was answered', () => {
    expect(percentile([], 0.99)).toBe(0);
  });
});

describe('ratio', () => {
  it('compares within rounds: a slow round slows down both', () => {
    const of = new Map([
      [0, 50],
      [1, 5],
      [2, 60],
    ]);
    const to = new Map([
      [0, 100],
      [1, 10],
      [2, 100],
    ]);
    expect(ratio(of, to)).toEqual({ median: 0.5, min: 0.5, max: 0.6 });
  });

  it('leaves out rounds that one of them does not have', () => {
    const of = new Map([
      [0, 50],
      [1, 900],
    ]);
    expect(ratio(of, new Map([[0, 100]]))).toEqual({ median: 0.5, min: 0.5, max: 0.5 });
  });

  it('is nothing where they have no round in common', () => {
    expect(ratio(new Map([[0, 1]]), new Map([[1, 1]]))).toBeUndefined();
  });
});

describe('orderOf', () => {
  const all = ['a', 'b', 'c', 'd', 'e', 'f'];
  const rounds = Array.from({ length: 5 }, (_, round) => orderOf(round, 5, all));

  it('measures everything in every round, once', () => {
    for (const round of rounds) expect(round.toSorted()).toEqual(all);
  });

  it('begins as named', () => {
    expect(rounds[0]).toEqual(all);
  });

  it('has another order in every round', () => {
    expect(new Set(rounds.map((round) => round.join(''))).size).toBe(5);
  });

  it('has nothing always behind the same neighbour', () => {
    for (const name of all) {
      const before = rounds.map((round) => round.at(round.indexOf(name) - 1));
      expect(new Set(before).size).toBeGreaterThan(1);
    }
  });
});
