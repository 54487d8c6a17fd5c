import { expect, it, jest } from '@jest/globals';
import { StartTransaction } from './start-transaction.js';

it('asks a server what it is until it was found fit, and not again when keys change', async () => {
  const refuseUnfitServer = jest.fn(() => Promise.resolve());
  refuseUnfitServer.mockRejectedValueOnce(new Error('lost'));
  const errors = { isBusy: () => false, isDeadEnd: () => false, isMissingTable: () => false };
  const dialect = { refuseUnfitServer, errors: { ...errors, isLost: () => false } };
  const transact = jest.fn(() => Promise.resolve('done'));
  const start = new StartTransaction({} as never, dialect as never, { transact } as never);
  const change = () => start.exclusively({} as never, () => Promise.resolve('done'));

  await expect(change()).rejects.toThrow('lost');
  expect(transact).not.toHaveBeenCalled();
  for (const _ of [1, 2]) expect(await change()).toBe('done');
  expect(refuseUnfitServer).toHaveBeenCalledTimes(2);
});
