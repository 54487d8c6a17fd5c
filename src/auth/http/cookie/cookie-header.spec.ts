import { describe, expect, it } from '@jest/globals';
import { cookieValues, setCookieHeader } from './cookie-header.js';

describe('cookieValues', () => {
  it.each<[string | undefined, string[]]>([
    [undefined, []],
    ['', []],
    [';', []],
    ['r', []],
    ['r=', []],
    ['r= ; r=', []],
    ['=r', []],
    ['xr=1; r2=2; R=3; r =4', []],
    ['r=1', ['1']],
    [' r=1 ', ['1']],
    ['a=b;r=1;c=d', ['1']],
    ['r=1; r=; r=2', ['1', '2']],
    ['r=1; r=1', ['1', '1']],
    ['r==', ['=']],
    ['r=a=b', ['a=b']],
    ['r=a b', ['a b']],
    ['a="; r=1; b="', ['1']],
    ['r="1"', ['"1"']],
    ['r=a%2Bb', ['a+b']],
    ['r=%', ['%']],
    ['r=%e9%25', ['%e9%25']],
  ])('in %j is %j', (header, values) => {
    expect(cookieValues(header, 'r')).toEqual(values);
  });

  it('takes a name as it stands', () => {
    expect(cookieValues('a.c=1; abc=2; a*c=3', 'a.c')).toEqual(['1']);
    expect(cookieValues('__Host-r=1; r=2', 'r')).toEqual(['2']);
  });
});

describe('setCookieHeader', () => {
  it.each([
    ['strict', 'Strict'],
    ['lax', 'Lax'],
    ['none', 'None'],
  ] as const)('with sameSite %s is for one host, out of scripts’ sight', (sameSite, written) => {
    expect(setCookieHeader({ name: '__Host-r', sameSite }, 'rt_1', 60)).toBe(
      `__Host-r=rt_1; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=${written}`,
    );
  });
});
