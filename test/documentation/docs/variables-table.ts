import { variables } from '../../../src/service/config/variables.js';

/** What the table shows of a variable. */
interface Documented {
  readonly name: string;
  readonly about: string;
  readonly takes: string;
  readonly fallback?: string;
  readonly fallbackAbout?: string;
  readonly isSecret?: boolean;
}

/** The variables of the service, as a table. */
export function variablesTable(): string {
  const rows = Object.values<Documented>(variables).map(({ name, takes, about, fallback, fallbackAbout, isSecret }) => {
    const unset = fallback === undefined ? (fallbackAbout ?? 'none') : `\`${fallback}\``;
    const names = isSecret ? `\`${name}\`, \`${name}_FILE\`` : `\`${name}\``;
    return `| ${names} | ${about} | ${takes.replaceAll('<', '&lt;')} | ${unset} |`;
  });
  return ['| variable | what it is | what it takes | default |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
