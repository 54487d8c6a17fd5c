import { readFileSync } from 'node:fs';

/** This package's version; `src` and `dist` are equally deep. */
export function packageVersion(): string {
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
