import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { arrowsUp, faultOf, roomsInLoops } from './walls.js';

describe('an import', () => {
  it.each([
    ['down', 'auth/session/session.store.ts', 'auth/database/database.ts'],
    ['within a room', 'auth/session/session.store.ts', 'auth/session/purge/purge.walk.ts'],
    ['into a room, by what wires them all', 'auth/module/auth.providers.ts', 'auth/session/purge/session.purger.ts'],
    ['into a room, by the package’s exports', 'index.ts', 'auth/endpoints/oauth/oauth.controller.ts'],
  ])('%s is good', (_, from, to) => {
    expect(faultOf({ from, to })).toBeUndefined();
  });

  it.each([
    [
      'up',
      'auth/database/database.ts',
      'auth/session/session.entity.ts',
      'auth/database/database.ts imports auth/session/session.entity.ts: auth/session stands above auth/database',
    ],
    [
      'of the service by the module',
      'auth/http/auth.reply.ts',
      'service/http/cors.ts',
      'auth/http/auth.reply.ts imports service/http/cors.ts: service/http stands above auth/http',
    ],
    [
      'into another room’s inside',
      'auth/endpoints/logout.controller.ts',
      'auth/session/purge/purge.walk.ts',
      'auth/endpoints/logout.controller.ts imports auth/session/purge/purge.walk.ts: that is inside auth/session',
    ],
    [
      'of a room without a place',
      'auth/session/session.store.ts',
      'auth/helpers/text.ts',
      'auth/session/session.store.ts: the room auth/helpers has no place in test/architecture/order.ts',
    ],
    [
      'of a file without a place beside the rooms',
      'auth/session/session.store.ts',
      'auth/stray.ts',
      'auth/session/session.store.ts: the room auth/stray has no place in test/architecture/order.ts',
    ],
  ])('%s is told', (_, from, to, line) => {
    expect(faultOf({ from, to })).toBe(line);
  });
});

describe('rooms in a loop', () => {
  it('are those that can be reached from themselves', () => {
    expect(roomsInLoops(['a -> b', 'b -> c', 'c -> b', 'c -> d'])).toEqual(['b', 'c']);
    expect(roomsInLoops(['a -> b', 'b -> c', 'a -> c'])).toEqual([]);
  });

  it('have arrows that point up, however they are ordered', () => {
    expect(arrowsUp(['a -> b', 'b -> c', 'a -> c'])).toBe(0);
    expect(arrowsUp(['a -> b', 'b -> a', 'b -> c'])).toBe(1);
    expect(arrowsUp(['a -> b', 'b -> a', 'c -> d', 'd -> c'])).toBe(2);
  });
});

describe('npm run lint', () => {
  it('fails on a wrong import in a file, and names it', () => {
    const checkout = mkdtempSync(join(tmpdir(), 'house-'));
    try {
      cpSync('src/auth', join(checkout, 'src/auth'), { recursive: true });
      expect(check(checkout)).toEqual({ status: 0, stdout: '' });

      writeFileSync(join(checkout, 'src/auth/runtime/clock.ts'), "import '../session/session.js';\n");
      expect(check(checkout)).toEqual({
        status: 1,
        stdout: 'auth/runtime/clock.ts imports auth/session/session.ts: auth/session stands above auth/runtime\n',
      });
    } finally {
      rmSync(checkout, { recursive: true });
    }
  });
});

function check(checkout: string): { status: number | null; stdout: string } {
  const script = 'test/architecture/check.ts';
  const args = ['--import', '@swc-node/register/esm-register', script, '--check', checkout];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, stdout };
}
