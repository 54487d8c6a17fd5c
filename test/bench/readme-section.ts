import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { reasonOf } from './not-available.error.js';
import { readmeSection, withSection } from './readme-section.text.js';
import type { Findings } from './report.js';

const README = 'test/bench/README.md';
const HELP = `npm run bench:readme -- [file]

Writes what stands between <!-- bench --> and <!-- /bench --> in ${README} from the JSON file of a full run of
"npm run bench" (default bench.json).
`;

async function main([file = 'bench.json']: readonly string[]): Promise<void> {
  if (file === '--help') {
    process.stdout.write(HELP);
    return;
  }
  const findings = JSON.parse(await readFile(file, 'utf8')) as Findings;
  const config = { ...(await resolveConfig(README)), parser: 'markdown' };
  const section = await format(readmeSection(findings), { ...config, proseWrap: 'always' });
  await writeFile(README, withSection(await readFile(README, 'utf8'), section.trim()));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`bench:readme: ${reasonOf(error)}\n`);
  process.exitCode = 1;
}
