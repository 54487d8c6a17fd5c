import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { AuthRequest } from '../http/auth.request.js';
import { deviceOf } from '../http/device-of.js';
import { ipAddress, recordable, UNKNOWN_DEVICE } from './device.js';

/** A request as far as a device is read from it. */
function request(ip: string | undefined, headers: IncomingHttpHeaders = {}): AuthRequest {
  return { ip, headers } as AuthRequest;
}

describe('deviceOf', () => {
  it('is what the request says of itself, and where it came from', () => {
    expect(deviceOf(request('203.0.113.7', { 'user-agent': 'Firefox/140.0' }))).toEqual({
      userAgent: 'Firefox/140.0',
      ip: '203.0.113.7',
    });
  });

  it('is unknown where the request says nothing', () => {
    expect(deviceOf(request(undefined))).toEqual(UNKNOWN_DEVICE);
    expect(deviceOf(request('', { 'user-agent': '' }))).toEqual(UNKNOWN_DEVICE);
  });

  it('keeps 512 characters of a User-Agent', () => {
    const userAgent = (text: string) => deviceOf(request(undefined, { 'user-agent': text })).userAgent;

    expect(userAgent('x'.repeat(512))).toBe('x'.repeat(512));
    expect(userAgent(`${'x'.repeat(512)}y`)).toBe('x'.repeat(512));
    expect(userAgent('x'.repeat(16_000))).toBe('x'.repeat(512));
  });

  it('is the address alone where a proxy says the port, too', () => {
    expect(deviceOf(request('203.0.113.7:4711')).ip).toBe('203.0.113.7');
    expect(deviceOf(request('[2001:db8::7]:4711')).ip).toBe('2001:db8::7');
  });

  it.each(['unknown', 'localhost', 'localhost:80', '203.0.113', '<script>', '203.0.113.7, 10.0.0.1'])(
    'takes no word of a proxy for an address: %s',
    (ip) => {
      expect(deviceOf(request(ip))).toEqual(UNKNOWN_DEVICE);
    },
  );
});

describe('ipAddress', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['0.0.0.0', '0.0.0.0'],
    ['2001:db8::1', '2001:db8::1'],
    ['::1', '::1'],
    ['::', '::'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:203.0.113.7', '203.0.113.7'],
    // Another network's addresses with IPv4 in them are not IPv4 (RFC 6052).
    ['64:ff9b::203.0.113.7', '64:ff9b::203.0.113.7'],
    ['0123:4567:89ab:cdef:0123:4567:255.255.255.255', '0123:4567:89ab:cdef:0123:4567:255.255.255.255'],
    ['203.0.113.7:4711', '203.0.113.7'],
    ['203.0.113.7:65535', '203.0.113.7'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[::ffff:203.0.113.7]:443', '203.0.113.7'],
    // Eight groups, the last of which is no port.
    ['2001:db8:0:0:0:0:7:443', '2001:db8:0:0:0:0:7:443'],
    ['[0123:4567:89ab:cdef:0123:4567:255.255.255.255]:65535', '0123:4567:89ab:cdef:0123:4567:255.255.255.255'],
  ])('reads %s as %s', (text, address) => {
    expect(ipAddress(text)).toBe(address);
  });

  it.each([
    undefined,
    '',
    ' ',
    ' 203.0.113.7',
    '203.0.113.7 ',
    '203.0.113.7\n',
    '203.0.113.256',
    '203.0.113.07',
    '0xcb007107',
    '3405803783',
    '[2001:db8::1]',
    '[2001:db8::1]:',
    '[2001:db8::1]:http',
    '[2001:db8::1]:443:443',
    '[203.0.113.7:80]:80',
    '[example.com]:80',
    '203.0.113.7:',
    '203.0.113.7:http',
    '203.0.113.7:123456',
    '203.0.113.7:80\n',
    '203.0.113.256:80',
    '2001:db8::1::2',
    '203.0.113.0/24',
    '::ffff:203.0.113.7.example.com',
    // As long as the column, and one more.
    `fe80::1%${'a'.repeat(38)}`,
    `::1%${'a'.repeat(10_000)}`,
  ])('takes %j for no address', (text) => {
    expect(ipAddress(text)).toBeUndefined();
  });
});

describe('recordable', () => {
  it.each([
    ['x'.repeat(511) + '\u{1f600}', `${'x'.repeat(511)}\ufffd`],
    ['\ud83d alone', '\ufffd alone'],
    ['a\0b', 'ab'],
    ['\0', null],
    ['\u{1f600} ÿ', '\u{1f600} ÿ'],
  ])('takes of a user agent what any database takes: %j', (userAgent, kept) => {
    expect(recordable({ userAgent, ip: '192.0.2.1' })).toEqual({ userAgent: kept, ip: '192.0.2.1' });
  });

  it('takes no other text for an address', () => {
    expect(recordable({ userAgent: null, ip: 'somewhere' })).toEqual(UNKNOWN_DEVICE);
  });
});
