import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { emptyFolder, runToEnd, type Ended } from './process.js';

const CLI = resolve('dist/service/cli/cli.js');

/** Runs `nest-refresh-token` with `input` on its stdin, which comes through a pipe, as from `grep`. */
export async function commandLine(
  args: readonly string[],
  input: string,
  env: Record<string, string> = {},
): Promise<Ended> {
  const cwd = await emptyFolder();
  await writeFile(join(cwd, 'input'), input);
  const script = 'cat input | "$0" "$@"';
  return runToEnd('bash', ['-c', script, process.execPath, CLI, ...args], { cwd, env });
}
