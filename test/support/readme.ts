import { readFileSync } from 'node:fs';
import type { Variable } from '../../src/service/config/variable.js';
import { variables } from '../../src/service/config/variables.js';

/** The README's text. */
export const readme = readFileSync('README.md', 'utf8');

/** The configuration table as the README must have it. */
export function configurationTable(): string {
  const rows = Object.values<Variable<unknown>>(variables).map(
    ({ name, takes, about, fallback, fallbackAbout, isSecret }) => {
      const unset = fallback === undefined ? (fallbackAbout ?? 'none') : `\`${fallback}\``;
      const names = isSecret ? `\`${name}\`, \`${name}_FILE\`` : `\`${name}\``;
      return `| ${names} | ${about} | ${takes.replaceAll('<', '&lt;')} | ${unset} |`;
    },
  );
  return ['| variable | what it is | what it takes | default |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** The part of a fixture that the README shows. */
export function region(path: string): string {
  const text = readFileSync(path, 'utf8');
  const found = /^.*#region readme\n([\s\S]*?)\n.*#endregion/m.exec(text)?.[1];
  if (found === undefined) throw new Error(`${path} has no region for the README.`);
  return found;
}
