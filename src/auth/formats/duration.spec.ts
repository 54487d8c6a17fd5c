import { describe, expect, it } from '@jest/globals';
import { parseDuration } from './duration.js';

describe('parseDuration', () => {
  it.each<[unknown, number]>([
    [0, 0],
    [90, 90_000],
    ['0', 0],
    ['90', 90_000],
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h', 3_600_000],
    ['30d', 2_592_000_000],
    ['365d', 31_536_000_000],
    ['007s', 7_000],
    // A hundred years of 366 days, the most there is.
    [3_162_240_000, 3_162_240_000_000],
    ['36600d', 3_162_240_000_000],
  ])('reads %j as %d ms', (value, milliseconds) => {
    expect(parseDuration(value)).toBe(milliseconds);
  });

  it.each<unknown>([
    '',
    ' ',
    's',
    ' 90',
    '90 ',
    '90 s',
    '90\n',
    '90S',
    '90ms',
    '1w',
    '1h30m',
    '1.5h',
    '-90',
    '+90',
    '1e3',
    '0x10',
    '٣s',
    'Infinity',
    '36601d',
    '99999999999',
    -1,
    1.5,
    NaN,
    Infinity,
    3_162_240_001,
    null,
    undefined,
    true,
    [90],
    { seconds: 90 },
    new Date(90),
  ])('takes %j for no duration', (value) => {
    expect(parseDuration(value)).toBeUndefined();
  });
});
