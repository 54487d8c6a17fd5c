import { describe, expect, it } from '@jest/globals';
import { table } from './table.js';

describe('table', () => {
  it('makes each column as wide as its widest cell, be it the head or a row', () => {
    const text = table(
      ['KIND', 'ID', 'ADDED', 'STATE'],
      [
        ['key', 'a-long-id', '-', 'signs'],
        ['secret', 'b', '-', 'verifies; can be retired'],
      ],
    );

    expect(text).toBe(
      [
        'KIND    ID         ADDED  STATE',
        'key     a-long-id  -      signs',
        'secret  b          -      verifies; can be retired',
        '',
      ].join('\n'),
    );
  });

  it('is its head where there are no rows', () => {
    expect(table(['KIND', 'ID'], [])).toBe('KIND  ID\n');
  });

  it('leaves no space at the end of a line, whatever stands there', () => {
    expect(table(['A', 'B'], [['x', ''], ['y', 'long'], ['z']])).toBe('A  B\nx\ny  long\nz\n');
  });
});
