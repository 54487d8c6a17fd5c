import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NEEDED = ['initdb', 'postgres', 'pg_basebackup'];
/** Where Debian keeps them, a folder a version. */
const DEBIAN = '/usr/lib/postgresql';

/** The folder of the programs that a PostgreSQL server is made with; `undefined` where there is none. */
export const postgresBinaries = candidates().find((folder) => NEEDED.every((name) => existsSync(join(folder, name))));

function candidates(): string[] {
  return [...configured(), ...packaged(), ...(process.env['PATH'] ?? '').split(delimiter)];
}

function configured(): string[] {
  try {
    return [execFileSync('pg_config', ['--bindir'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()];
  } catch {
    return [];
  }
}

/** Newest version first. */
function packaged(): string[] {
  if (!existsSync(DEBIAN)) return [];
  const versions = readdirSync(DEBIAN).toSorted((one, other) => Number(other) - Number(one));
  return versions.map((version) => join(DEBIAN, version, 'bin'));
}
