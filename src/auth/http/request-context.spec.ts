import { describe, expect, it } from '@jest/globals';
import { RequestContextKey } from './request-context.js';

describe('RequestContextKey', () => {
  const key = new RequestContextKey<string>('caller');

  it('keeps a fact with the request that it is about, and the last one that was set', () => {
    const [one, other] = [{}, {}];
    key.set(one, 'alice');
    key.set(one, 'bob');
    expect([key.get(one), key.get(other)]).toEqual(['bob', undefined]);
  });

  it('is a place of its own, whatever its name', () => {
    const request = {};
    key.set(request, 'alice');
    expect(new RequestContextKey<string>('caller').get(request)).toBeUndefined();
  });

  it('finds nothing that a client could have sent', () => {
    const sent: unknown = JSON.parse('{"caller":"mallory","nest-refresh-token:caller":"mallory"}');
    expect(key.get(sent as object)).toBeUndefined();
  });

  it('shows nothing in the JSON of the request', () => {
    const request = { url: '/' };
    key.set(request, 'alice');
    expect(JSON.stringify(request)).toBe('{"url":"/"}');
  });
});
