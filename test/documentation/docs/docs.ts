// npm run docs: writes what the READMEs show of the code: snippets, tables of options and variables, the rooms.
import { readFileSync, writeFileSync } from 'node:fs';
import { withMarkedPlaces } from './marked-places.js';
import { readmes } from './readmes.js';

for (const path of readmes()) {
  const text = readFileSync(path, 'utf8');
  const written = withMarkedPlaces(text);
  if (written === text) continue;
  writeFileSync(path, written);
  process.stdout.write(`${path}\n`);
}
