import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseTime } from './time.js';

describe('parseTime', () => {
  it.each<[string, number]>([
    ['1970-01-01T00:00:00Z', 0],
    ['2026-01-31T09:30:00Z', 1_769_851_800_000],
    ['2026-01-31t09:30:00z', 1_769_851_800_000],
    ['2026-01-31T09:30:00.5Z', 1_769_851_800_500],
    ['2026-01-31T09:30:00.123456789Z', 1_769_851_800_123],
    ['2026-01-31T10:30:00+01:00', 1_769_851_800_000],
    ['2026-01-30T23:45:00-09:45', 1_769_851_800_000],
    ['2026-01-31T09:30:00-00:00', 1_769_851_800_000],
    ['2024-02-29T23:59:59Z', 1_709_251_199_000],
    ['1969-12-31T23:59:59Z', -1_000],
  ])('reads %s as %d', (text, time) => {
    expect(parseTime(text)).toBe(time);
  });

  it('reads what JavaScript writes, to the millisecond', () => {
    const times = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });

    fc.assert(fc.property(times, (time) => parseTime(time.toISOString()) === time.getTime()));
  });

  it.each<[string, string]>([
    ['a time without an offset, which is another one on another machine', '2026-01-31T09:30:00'],
    ['a day', '2026-01-31'],
    ['a time without seconds', '2026-01-31T09:30Z'],
    ['a space for the T', '2026-01-31 09:30:00Z'],
    ['a space before', ' 2026-01-31T09:30:00Z'],
    ['a line break behind', '2026-01-31T09:30:00Z\n'],
    ['an offset without a colon', '2026-01-31T09:30:00+0100'],
    ['an offset of hours', '2026-01-31T09:30:00+01'],
    ['a name for the offset', '2026-01-31T09:30:00 UTC'],
    ['a comma before the fraction', '2026-01-31T09:30:00,5Z'],
    ['a fraction of nothing', '2026-01-31T09:30:00.Z'],
    ['a year of six digits', '+002026-01-31T09:30:00Z'],
    ['milliseconds since the epoch', '1769851800000'],
    ['the text of a Date', 'Sat Jan 31 2026 09:30:00 GMT+0000'],
    ['digits of another script', '２０２６-01-31T09:30:00Z'],
    ['nothing', ''],
  ])('does not read %s', (_, text) => {
    expect(parseTime(text)).toBeUndefined();
  });

  it.each([
    '2026-02-29T09:30:00Z',
    '2026-02-30T09:30:00Z',
    '2026-04-31T09:30:00Z',
    '2026-01-32T09:30:00Z',
    '2026-01-00T09:30:00Z',
    '2026-13-01T09:30:00Z',
    '2026-00-01T09:30:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T25:00:00Z',
    '2026-01-31T09:60:00Z',
    '2026-01-31T09:30:61Z',
    '2026-01-31T09:30:00+24:00',
    '2026-01-31T09:30:00+01:60',
  ])('does not read a time that no calendar has, nor takes it for a later one: %s', (text) => {
    expect(parseTime(text)).toBeUndefined();
  });

  it.each([undefined, null, 0, 1_769_851_800_000, true, new Date(0), ['2026-01-31T09:30:00Z'], {}])(
    'does not read what is no text: %j',
    (value) => {
      expect(parseTime(value)).toBeUndefined();
    },
  );
});
