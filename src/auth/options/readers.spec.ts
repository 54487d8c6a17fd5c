import { describe, expect, it } from '@jest/globals';
import { optional, Refusal, withDefault } from './reader.js';
import { choice, count, duration, flag, list, refused } from './readers.js';

const NOW = 0;
const DURATION = 'whole seconds, or a number with s, m, h or d, such as 90, 90s, 15m, 1h or 30d';

describe('a reader', () => {
  it.each([
    [duration(), DURATION],
    [duration({ min: '1s' }), `${DURATION}; at least 1s`],
    [duration({ max: '5m' }), `${DURATION}; at most 5m, 0 allowed`],
    [duration({ min: '1s', max: '4s' }), `${DURATION}; at least 1s, at most 4s`],
    [choice('strict', 'lax'), 'strict, lax'],
    [flag(), 'true, false'],
  ])('says what it takes as a text, its limits too: %#', (reader, takes) => {
    expect(reader.textTakes).toBe(takes);
  });

  it('has limits that are durations themselves', () => {
    expect(() => duration({ max: '5 minutes' })).toThrow(TypeError);
  });

  it('refuses a text that means no value, and never guesses one', () => {
    for (const reader of [flag(), count()]) {
      expect(reader.read(reader.fromText('yes'), NOW)).toBeInstanceOf(Refusal);
    }
  });

  it('of a list hands out a list of its own: the host may change the one it gave', () => {
    const given = ['a'];
    const reader = list({ of: 'texts', isEntry: () => true, refuse: (entry, _, takes) => refused(entry, takes) });
    expect(reader.read(given, NOW)).toEqual(given);
    expect(reader.read(given, NOW)).not.toBe(given);
  });
});

describe('an option that is left out', () => {
  it('has its default, which is read as a value of the host is', () => {
    const reader = withDefault(duration(), '1m');
    expect(reader).toMatchObject({ fallback: '1m' });
    expect(reader.read(undefined, NOW)).toBe(60_000);
    expect(reader.read('2m', NOW)).toBe(120_000);
  });

  it('may mean what no value can say', () => {
    const reader = optional(count(), Infinity);
    expect(reader.read(undefined, NOW)).toBe(Infinity);
    expect(reader.read(Infinity, NOW)).toBeInstanceOf(Refusal);
    expect(reader.read(null, NOW)).toBeInstanceOf(Refusal);
  });
});
