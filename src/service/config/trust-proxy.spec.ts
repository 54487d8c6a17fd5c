import { describe, expect, it } from '@jest/globals';
import { ExpressAdapter } from '@nestjs/platform-express';
import * as fc from 'fast-check';
import { parseTrustProxy, type TrustProxy } from './trust-proxy.js';

interface ExpressApplication {
  set(name: 'trust proxy', value: TrustProxy): void;
  get(name: 'trust proxy fn'): (address: string, hop: number) => boolean;
}

/** Whom Express itself believes, set so; throws where it doesn't take the value. */
function expressWith(value: TrustProxy): (address: string, hop?: number) => boolean {
  const express = new ExpressAdapter().getInstance<ExpressApplication>();
  express.set('trust proxy', value);
  return (address, hop = 0) => express.get('trust proxy fn')(address, hop);
}

/** Whom the service believes where TRUST_PROXY is that text. */
function serviceWith(text: string): ReturnType<typeof expressWith> {
  const value = parseTrustProxy(text);
  if (value === undefined) throw new Error(`TRUST_PROXY=${text} was refused.`);
  return expressWith(value);
}

describe('TRUST_PROXY', () => {
  it('believes everybody, nobody, or some hops', () => {
    expect(parseTrustProxy('true')).toBe(true);
    expect(parseTrustProxy('false')).toBe(false);
    expect(parseTrustProxy('0')).toBe(0);
    expect(parseTrustProxy('2')).toBe(2);

    expect(serviceWith('true')('203.0.113.7', 9)).toBe(true);
    expect(serviceWith('false')('127.0.0.1')).toBe(false);
    expect(serviceWith('0')('127.0.0.1')).toBe(false);
    expect([0, 1, 2].map((hop) => serviceWith('2')('203.0.113.7', hop))).toEqual([true, true, false]);
  });

  it.each<[text: string, believed: string, other: string]>([
    ['loopback', '127.0.0.53', '10.0.0.1'],
    ['linklocal', '169.254.1.2', '127.0.0.1'],
    ['uniquelocal', '192.168.1.2', '127.0.0.1'],
    ['10.0.0.1', '10.0.0.1', '10.0.0.2'],
    ['10.0.0.1', '::ffff:10.0.0.1', '::ffff:10.0.0.2'],
    ['10.0.0.0/8', '10.200.3.4', '11.0.0.1'],
    ['10.0.0.0/255.0.0.0', '10.200.3.4', '11.0.0.1'],
    ['10.0.0.1/32', '10.0.0.1', '10.0.0.0'],
    ['2001:db8::/32', '2001:db8:1::1', '2001:db9::1'],
    ['::1/128', '::1', '::2'],
    ['::ffff:10.0.0.1', '10.0.0.1', '10.0.0.2'],
    ['loopback, 10.0.0.0/8 ,2001:db8::1', '10.0.0.1', '11.0.0.1'],
    [' 10.0.0.1 ', '10.0.0.1', '10.0.0.2'],
  ])('as %j believes %s and not %s, as Express does', (text, believed, other) => {
    for (const isTrusted of [serviceWith(text), expressWith(text)]) {
      expect(isTrusted(believed)).toBe(true);
      expect(isTrusted(other)).toBe(false);
    }
  });

  it.each([
    '10.0.0.0/0',
    '::/0',
    '10.0.0.0/33',
    '2001:db8::/129',
    '10.0.0.0/',
    '10.0.0.0/-8',
    '10.0.0.0/8/8',
    '10.0.0.0/eight',
    '10.0.0.0/255.0.255.0',
    '10.0.0.0/0.0.0.0',
    '10.0.0.1 /8',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.1:80',
    '[::1]',
    '::1.2.3.4',
    '64:ff9b::10.0.0.1',
    'Loopback',
    'private',
    'proxy.internal',
    'TRUE',
    'yes',
    'toString',
    '__proto__',
    '*',
    ',',
    '10.0.0.1,',
    'loopback,,10.0.0.1',
    'loopback;10.0.0.1',
    'loopback 10.0.0.1',
    'true,10.0.0.1',
  ])('is not %j, which Express does not take either', (text) => {
    expect(() => expressWith(text)).toThrow(TypeError);
    expect(parseTrustProxy(text)).toBeUndefined();
  });

  it.each([
    ['a number of hops in a list', '1,10.0.0.1'],
    ['more hops than anybody has', '1000'],
    ['an octal number', '010.0.0.1'],
    ['a hexadecimal number', '0x0a.0.0.1'],
  ])('is not %s, which Express takes for an address that nobody means: %s', (_, text) => {
    expect(() => expressWith(text)).not.toThrow();
    expect(parseTrustProxy(text)).toBeUndefined();
  });

  it('takes nothing that Express would not take', () => {
    const addresses = fc.oneof(fc.ipV4(), fc.ipV4Extended(), fc.ipV6(), fc.constantFrom('loopback', 'uniquelocal'));
    const ranges = fc.oneof(
      fc.constant(''),
      fc.nat(140).map((bits) => `/${bits}`),
      fc.ipV4().map((mask) => `/${mask}`),
    );
    const entries = fc.tuple(addresses, ranges).map(([address, range]) => address + range);
    const texts = fc.oneof(
      fc.array(entries, { minLength: 1, maxLength: 3 }).map((list) => list.join(', ')),
      fc.string(),
      fc.nat().map(String),
    );

    fc.assert(
      fc.property(texts, (text) => {
        const value = parseTrustProxy(text);
        if (value !== undefined) expect(() => expressWith(value)).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });
});
