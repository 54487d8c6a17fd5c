import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Every README of the repository, by its path from the top folder; the top one is the first. */
export function readmes(): string[] {
  const rooms = ['src', 'test'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return ['.', 'src', 'test', ...rooms.toSorted()]
    .map((folder) => join(folder, 'README.md'))
    .filter((path) => existsSync(path));
}
