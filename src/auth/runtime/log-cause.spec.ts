import { describe, expect, it } from '@jest/globals';
import { ConfigurationError } from '../auth.errors.js';
import { logCause } from './log-cause.js';

const TOKEN = `rt_${'Ab0-_'.repeat(12)}`;
const JWT = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.`;
const SESSION = '0f0e0d0c-0b0a-0908-0706-050403020100';

/** An error as a driver throws it. */
function driverError(message: string): Error {
  return Object.assign(new RangeError(message), { code: '22P02' });
}

describe('the cause of a failure, for the log', () => {
  it('has the code, the name, the message and the frames of an error', () => {
    const lines = logCause(driverError(`no session ${SESSION}`)).split('\n');

    expect(lines[0]).toBe(`22P02 RangeError: no session ${SESSION}`);
    expect(lines.slice(1).every((line) => /^ +at /.test(line))).toBe(true);
    expect(lines[1]).toContain('log-cause.spec.ts');
  });

  it.each([
    ['a refresh token', TOKEN],
    ['an access token', JWT],
    ['a secret of 43 characters', 'x'.repeat(43)],
    ['a secret in hex', 'a1'.repeat(32)],
  ])('shows no %s that a message quotes, wherever it stands', (_, secret) => {
    for (const message of [secret, `value "${secret}" is bad`, `first line\n${secret}\nlast line`, `=${secret},`]) {
      const cause = logCause(driverError(message));
      expect(cause).not.toContain(secret.slice(0, 20));
      expect(cause).toContain('[…]');
    }
  });

  it.each(['hunter2', `key ${SESSION}`, TOKEN])('shows no code that is none of Node, a driver or SQL: %j', (code) => {
    expect(logCause(Object.assign(new Error('failed'), { code })).split('\n')[0]).toBe('Error: failed');
  });

  it('has the message of each attempt where a host has several addresses', () => {
    const attempts = ['::1', '127.0.0.1'].map((address) => new Error(`connect ECONNREFUSED ${address}`));
    expect(logCause(new AggregateError(attempts)).split('\n')[0]).toBe(
      'AggregateError: connect ECONNREFUSED ::1; connect ECONNREFUSED 127.0.0.1',
    );
  });

  it('shows no password of an address', () => {
    expect(logCause(new Error('connect to postgres://user:hunter2@db/tokens failed'))).not.toContain('hunter2');
  });

  it.each(['short', TOKEN, `two\nlines`])('leaves the message out where that is asked for: %j', (token) => {
    const cause = logCause(driverError(`no such token: ${token}`), { withMessage: false });

    expect(cause.split('\n')[0]).toBe('22P02 RangeError');
    expect(cause).not.toContain(token);
    expect(cause).not.toContain('no such token');
  });

  it('tells what we threw ourselves, whose messages hold no token', () => {
    const error = new ConfigurationError('subject: got nothing, takes a string.');
    expect(logCause(error, { withMessage: false })).toBe('subject: got nothing, takes a string.');
  });

  it.each([
    ['a text', 'secret', 'string'],
    ['nothing', undefined, 'undefined'],
    ['an object', { token: TOKEN }, 'object'],
  ])('tells of %s that was thrown what kind it was', (_, thrown, kind) => {
    expect(logCause(thrown)).toBe(kind);
  });
});
