import { describe, expect, it } from '@jest/globals';
import { CleanUp } from './clean-up.js';

describe('CleanUp', () => {
  it('takes away what came last first, once', async () => {
    const cleanUp = new CleanUp();
    const done: string[] = [];
    for (const name of ['folder', 'database', 'server']) cleanUp.add(async () => done.push(name));
    expect(await cleanUp.run()).toEqual([]);
    expect(await cleanUp.run()).toEqual([]);
    expect(done).toEqual(['server', 'database', 'folder']);
  });

  it('takes away the others where one fails, and that one the next time', async () => {
    const cleanUp = new CleanUp();
    const done: string[] = [];
    let isInUse = true;
    cleanUp.add(async () => done.push('folder'));
    cleanUp.add(async () => {
      if (isInUse) throw new Error('in use');
      done.push('database');
    });
    expect(await cleanUp.run()).toEqual([new Error('in use')]);
    isInUse = false;
    expect(await cleanUp.run()).toEqual([]);
    expect(done).toEqual(['folder', 'database']);
  });

  it('waits for a run that is under way before it says what is left', async () => {
    const cleanUp = new CleanUp();
    let failLater: (error: Error) => void = () => undefined;
    let tries = 0;
    cleanUp.add(() => {
      tries += 1;
      return tries === 1 ? new Promise((_done, fail) => (failLater = fail)) : Promise.resolve();
    });
    const first = cleanUp.run();
    const second = cleanUp.run();
    await Promise.resolve();
    failLater(new Error('in use'));
    expect([await first, await second, tries]).toEqual([[new Error('in use')], [], 2]);
  });
});
