import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Which processor the server under load has to itself, and which the generator. */
export interface Pinning {
  readonly server: number;
  readonly generator: number;
}

/** @returns why not, where they can't be told apart */
export function findPinning(): Pinning | string {
  if (spawnSync('taskset', ['--version']).error) return 'there is no taskset';
  const [server, generator] = allowedProcessors();
  if (server === undefined || generator === undefined) return 'there is one processor';
  return { server, generator };
}

/** A command that runs on one processor; as it is where there is none to choose. taskset becomes the program itself. */
export function pinned(processor: number | undefined, command: readonly [string, ...string[]]): [string, ...string[]] {
  return processor === undefined ? [...command] : ['taskset', '-c', String(processor), ...command];
}

function allowedProcessors(): number[] {
  const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  });
}
