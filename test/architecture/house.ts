import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

/** An import from one file of `src` of another, by their paths below `src`. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

/** The files of a checkout's `src`, and what they import of one another; specs are left out. */
export function importsOf(checkout: string): { files: string[]; imports: Import[] } {
  const source = join(checkout, 'src');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/\.(?:spec|d)\.ts$/.test(file))
    .map((file) => file.replaceAll('\\', '/'))
    .toSorted();
  const imports = files.flatMap((from) =>
    ts
      .preProcessFile(readFileSync(join(source, from), 'utf8'))
      .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
      .map(({ fileName }) => ({ from, to: join(dirname(from), fileName).replace(/\.js$/, '.ts') }))
      .filter(({ to }) => files.includes(to)),
  );
  return { files, imports };
}

/** The room of a file: a folder of `src/auth` or `src/service`, another folder of `src`, or a file beside those. */
export function roomOf(file: string): string {
  const [first = '', second] = file.split('/');
  const room = (first === 'auth' || first === 'service') && second !== undefined ? `${first}/${second}` : first;
  return room.replace(/\.ts$/, '');
}

/** Whether a file stands in a folder inside its room. */
export function isInside(file: string): boolean {
  return dirname(relative(roomOf(file), file)) !== '.' && roomOf(file) !== file.replace(/\.ts$/, '');
}

/** The arrows between rooms: each pair of rooms once, with an import that makes it. */
export function arrowsOf(imports: readonly Import[]): Map<string, Import> {
  const arrows = new Map<string, Import>();
  for (const one of imports) {
    const [from, to] = [roomOf(one.from), roomOf(one.to)];
    if (from !== to && !arrows.has(`${from} -> ${to}`)) arrows.set(`${from} -> ${to}`, one);
  }
  return arrows;
}
