import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import type { DatabaseDescription } from './databases/bench-database.js';
import type { Pinning } from './processors.js';

/** Where a result was measured, and what it depends on. */
export interface Machine {
  readonly processor: string;
  readonly processors: number;
  /** Bytes. */
  readonly memory: number;
  readonly kernel: string;
  readonly node: string;
  /** Where SQLite's files are; `null` where the system doesn't tell. */
  readonly fileSystem: string | null;
  readonly databases: readonly DatabaseDescription[];
  /** What ran where. */
  readonly placement: string;
  /** How many processes wanted a processor in the minute before; 0 is a machine of one's own. */
  readonly loadBefore: number;
}

/** Describes the machine. @param folder where SQLite's files are */
export function describeMachine(
  folder: string,
  pinning: Pinning | string,
  databases: readonly DatabaseDescription[],
): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: cpus().length,
    memory: totalmem(),
    kernel: `${type()} ${release().replace(/-.*/, '')}`,
    node: process.version,
    fileSystem: fileSystemOf(folder),
    databases,
    placement: placementOf(pinning),
    loadBefore: loadavg()[0] ?? 0,
  };
}

function placementOf(pinning: Pinning | string): string {
  const databases = 'database servers where the system puts them';
  return typeof pinning === 'string'
    ? `server and generator share processors, since ${pinning}; ${databases}`
    : `server on processor ${pinning.server}, generator on processor ${pinning.generator}, ${databases}`;
}

function fileSystemOf(folder: string): string | null {
  const { stdout, status } = spawnSync('df', ['--output=fstype', folder], { encoding: 'utf8' });
  return status === 0 ? (stdout.trim().split('\n').at(-1) ?? null) : null;
}
