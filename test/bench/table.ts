import type { Spread } from './statistics.js';

/** Rows of cells under one another; the first column to the left, figures to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  return [head, ...rows]
    .map((row) =>
      widths
        .map((width, column) => (row[column] ?? '')[column === 0 ? 'padEnd' : 'padStart'](width))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The same in Markdown. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** A median with what it lies between: `0.62 (0.60–0.65)`; alone where there is but one value. */
export function spreadText({ median, min, max }: Spread, digits: number): string {
  const text = (value: number) => numberText(value, digits);
  return min === max ? text(median) : `${text(median)} (${text(min)}–${text(max)})`;
}

/** `12,345.6` */
export function numberText(value: number, digits = 0): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
