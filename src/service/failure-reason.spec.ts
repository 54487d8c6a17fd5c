import { describe, expect, it } from '@jest/globals';
import { ConfigurationError, TemporarilyUnavailableError } from '../auth/auth.errors.js';
import { failureReason } from './failure-reason.js';

describe('failureReason', () => {
  it('is the message alone of an error that was thrown on purpose', () => {
    expect(failureReason(new ConfigurationError('PORT: got "x", takes a number.'))).toBe(
      'PORT: got "x", takes a number.',
    );
  });

  it('adds what the database said where it is not available', () => {
    const error = new TemporarilyUnavailableError('database', { cause: new Error('no such table') });
    expect(failureReason(error)).toBe(`${error.message} no such table`);
    expect(failureReason(new TemporarilyUnavailableError('database'))).toBe(error.message);
  });

  it('names the variables of an address that the system refuses', () => {
    const error = Object.assign(new Error('listen EADDRINUSE 127.0.0.1:3000'), { syscall: 'listen' });
    expect(failureReason(error)).toBe('HOST, PORT: listen EADDRINUSE 127.0.0.1:3000');
  });

  it('is one line for a file that the process may not open', () => {
    const error = Object.assign(new Error("EACCES: permission denied, open 'data'"), { code: 'EACCES' });
    expect(failureReason(error)).toBe("EACCES: permission denied, open 'data'");
  });

  it('is the stack of a bug', () => {
    const error = new TypeError('x is not a function');
    expect(failureReason(error)).toBe(error.stack);
  });
});
