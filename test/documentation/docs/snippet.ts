import { readFileSync } from 'node:fs';
import { extname } from 'node:path';

const LANGUAGES: Readonly<Record<string, string>> = { '.ts': 'ts', '.py': 'python' };

/**
 * A part of a file, as a block of code.
 * @param source the file's path and the name of the region: `test/fixtures/client/session.ts#start`; without a name,
 * the region `readme`
 */
export function snippet(source: string): string {
  const [path = '', name] = source.split('#');
  const language = LANGUAGES[extname(path)] ?? '';
  return `\`\`\`${language}\n${region(path, name)}\n\`\`\``;
}

/**
 * The lines between `#region <name>` and its `#endregion` in a file. Regions may stand inside one another.
 * @throws Error where the file has no such region
 */
export function region(path: string, name = 'readme'): string {
  const open: string[] = [];
  const lines: string[] = [];
  let isFound = false;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const opened = /#region (\S+)/.exec(line)?.[1];
    if (opened !== undefined) open.push(opened);
    else if (line.includes('#endregion')) open.pop();
    else if (open.includes(name)) lines.push(line);
    isFound ||= opened === name;
  }
  if (!isFound || open.length > 0) throw new Error(`${path}: takes one #region ${name} and its #endregion.`);
  return lines.join('\n');
}
