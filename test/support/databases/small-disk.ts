import { spawnSync } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from '@jest/globals';
import { emptyFolder, startProcess, type ServiceProcess } from '../servers/process.js';
import { productionEnvironment } from '../servers/service.js';

const SIZE = 1024 * 1024;
const DATABASE = 'sessions.sqlite';
const FILLER = 'filler';

/** Gives the program that follows a view of the file system of its own, which is gone with it. */
const OWN_VIEW = ['unshare', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']), '--mount'];

const isAllowed = spawnSync(OWN_VIEW[0] as string, [...under('/mnt').slice(1), 'true']).status === 0;

/** `it` where a disk can be made; elsewhere it is skipped, with one visible line. */
export function itOnSmallDisk(what: string, test: (disk: SmallDisk) => Promise<void>): void {
  if (!isAllowed) process.stderr.write(`\nThis user may not mount: "${what}" is skipped.\n`);
  (isAllowed ? it : it.skip)(what, async () => test(await SmallDisk.withService()));
}

/** The service, whose SQLite database is on a disk of a megabyte of its own. */
export class SmallDisk {
  private constructor(
    readonly service: ServiceProcess,
    private readonly folder: string,
  ) {}

  static async withService(): Promise<SmallDisk> {
    const folder = await emptyFolder();
    const env = { ...productionEnvironment(`sqlite:${join(folder, DATABASE)}`), REFRESH_TOKEN_LEEWAY: '0' };
    const service = await startProcess({ env, under: under(folder) });
    return new SmallDisk(service, `/proc/${service.pid}/root${folder}`);
  }

  /** Leaves no room at all. */
  async fill(): Promise<void> {
    const file = await open(join(this.folder, FILLER), 'a');
    try {
      for (const size of [4096, 1]) await fillBy(file, size);
    } finally {
      await file.close();
    }
  }

  /** Gives back what `fill` took. */
  async free(): Promise<void> {
    await rm(join(this.folder, FILLER));
  }
}

async function fillBy(file: Awaited<ReturnType<typeof open>>, size: number): Promise<void> {
  const chunk = Buffer.alloc(size);
  try {
    for (;;) await file.write(chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

function under(folder: string): string[] {
  return [...OWN_VIEW, 'sh', '-c', `mount -t tmpfs -o size=${SIZE} tmpfs "$0" && exec "$@"`, folder];
}
