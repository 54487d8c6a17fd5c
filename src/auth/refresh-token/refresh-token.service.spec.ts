import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RefreshTokenService } from './refresh-token.service.js';
import { RefreshToken } from './refresh-token.js';

const NOW = 1_000_000;
/** How long the database takes to be told that a key is used, in milliseconds. */
const WAIT = 3_000;

describe('a token of a key that is due', () => {
  let now: number;
  const session = { id: 'id', subject: 'alice', scope: null };
  const rotate = jest.fn<(...args: unknown[]) => Promise<object>>().mockResolvedValue({ session, at: NOW + WAIT });
  const create = jest.fn<(...args: unknown[]) => Promise<object>>().mockResolvedValue(session);
  const token = new RefreshToken(Buffer.alloc(16, 1), NOW - 1);
  const service = new RefreshTokenService(
    { read: async () => token } as never,
    { rotate } as never,
    { respond: () => ({}) } as never,
    { create } as never,
    {} as never,
    {} as never,
    { prepare: async () => void (now += WAIT) } as never,
    { now: () => now },
    { bytes: (size: number) => Buffer.alloc(size) },
    {} as never,
  );

  beforeEach(() => {
    now = NOW;
    jest.clearAllMocks();
  });

  it('has the number of when the wait for the database is over: its leeway and its lives begin then', async () => {
    await service.issue({ subject: 'alice' });
    expect(create.mock.calls[0]?.[2]).toBe(NOW + WAIT);

    for (const refresh of [() => service.rotate(token), () => service.exchange('text', {})]) {
      now = NOW;
      await refresh();
      expect(rotate.mock.lastCall?.[1]).toBe(NOW + WAIT);
    }
  });
});
