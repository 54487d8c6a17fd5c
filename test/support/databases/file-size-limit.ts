import { spawnSync } from 'node:child_process';
import { it } from '@jest/globals';
import { runToEnd, type SystemUser } from '../servers/process.js';

const isThere = spawnSync('prlimit', ['--version']).status === 0;

/** `it` where there is prlimit; elsewhere it is skipped, with one visible line. */
export function itWithPrlimit(what: string, test: () => Promise<void>): void {
  if (!isThere) process.stderr.write(`\nThere is no prlimit: "${what}" is skipped.\n`);
  (isThere ? it : it.skip)(what, test);
}

/**
 * Has a process fail, from now on, to write anything behind so many bytes of any file: an I/O error at will.
 * @param bytes `unlimited` has it work again
 * @param user whom the process runs as, where that isn't who runs the tests
 */
export async function limitFileSize(
  pid: number | undefined,
  bytes: number | 'unlimited',
  user?: SystemUser,
): Promise<void> {
  // The soft limit only: the hard one can't be raised again.
  const args = ['--pid', String(pid), `--fsize=${bytes}:`];
  const { code, stderr } = await runToEnd('prlimit', args, { cwd: '/', user });
  if (code !== 0) throw new Error(`prlimit has failed: ${stderr}`);
}
