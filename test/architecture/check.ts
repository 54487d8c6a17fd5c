// npm run rooms: counts the rooms and their arrows, here or in the checkout that is named, and says which imports are
// wrong; `npm run lint` runs it with --check, which says only those, and fails where there are any.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { arrowsOf, importsOf, roomOf } from './house.js';
import { arrowsUp, faultOf, roomsInLoops } from './walls.js';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { check: { type: 'boolean' } } });
const checkout = positionals[0] ?? '.';
const { files, imports } = importsOf(checkout);
const faults = imports.flatMap((one) => faultOf(one) ?? []);

if (!values.check) {
  for (const [name, isCounted] of [
    ['src/auth', (file: string) => file.startsWith('auth/')],
    ['src', () => true],
  ] as const) {
    const counted = files.filter(isCounted);
    const arrows = arrowsOf(imports.filter(({ from, to }) => isCounted(from) && isCounted(to)));
    const texts = counted.map((file) => readFileSync(join(checkout, 'src', file), 'utf8'));
    const lines = texts.reduce((sum, text) => sum + text.split('\n').length - 1, 0);
    const naming = texts.filter((text) => /mariadb|mysql/i.test(text)).length;
    process.stdout.write(
      `${name}: ${new Set(counted.map(roomOf)).size} rooms, ${arrows.size} arrows, ${arrowsUp(arrows.keys())} up, ` +
        `${roomsInLoops(arrows.keys()).length} rooms in loops; ` +
        `${counted.length} files, ${lines} lines; ${naming} files name MariaDB\n`,
    );
  }
}
// Without --check, another checkout may have an order of its own.
if (values.check || positionals.length === 0) process.stdout.write(faults.map((line) => `${line}\n`).join(''));
if (values.check && faults.length > 0) process.exitCode = 1;
