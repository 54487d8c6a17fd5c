import { DATABASE_KINDS, sizeName } from './contenders.js';
import { labelOf, type Figures, type Findings } from './report.js';
import { bytesPerSession } from './size.js';
import { markdownTable, numberText, spreadText } from './table.js';

const OPENING = '<!-- bench -->';
const CLOSING = '<!-- /bench -->';
const MEBIBYTE = 1_048_576;

/**
 * Puts a section between the two markers.
 * @throws Error where the markers aren't there, in their order
 */
export function withSection(text: string, section: string): string {
  const from = text.indexOf(OPENING);
  const to = text.indexOf(CLOSING);
  if (from < 0 || to < from)
    throw new Error(`test/bench/README.md: takes the lines ${OPENING} and ${CLOSING}, one after the other.`);
  return `${text.slice(0, from + OPENING.length)}\n\n${section}\n\n${text.slice(to)}`;
}

/**
 * The README's words for a run.
 * @throws Error where that run is nothing to show
 */
export function readmeSection(findings: Findings): string {
  const { isQuick, isProfiled } = findings.options;
  if (isQuick) throw new Error('got the JSON of a quick run, takes that of a full one.');
  if (isProfiled) throw new Error('got the JSON of a profiled run, takes one without --profile.');
  if (findings.wrongAnswers.length > 0) throw new Error('got the JSON of a run that has failed.');
  return [
    aboutText(findings),
    speedText(findings),
    growthText(findings),
    ...(findings.size ? [sizeText(findings.size)] : []),
    generatorText(findings),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function aboutText({ startedAt, machine, options, figures }: Findings): string {
  const { processor, processors, memory, kernel, node, fileSystem, databases, placement } = machine;
  const gibibytes = numberText(memory / MEBIBYTE / 1_024);
  return [
    `Measured on ${startedAt.slice(0, 10)} by \`npm run bench\` on one machine: ${processor}, ${processors} processors,`,
    `${gibibytes} GiB, ${kernel}, Node ${node}; ${databases.map(({ version }) => version).join(', ')};`,
    ...(fileSystem === null ? [] : [`SQLite's files on ${fileSystem};`]),
    `${placement}. ${options.connections} connections, ES256, each request a refresh of a session at random.`,
    `Medians of ${options.rounds} rounds (lowest–highest).`,
    `With a leeway of 0 each refresh rotates and writes${rotatedText(figures)}.`,
  ].join('\n');
}

function rotatedText(figures: readonly Figures[]): string {
  const shares = figures.flatMap(({ measured, rotated }) =>
    measured.kind === 'service' && measured.leeway === 'default' ? [rotated.median] : [],
  );
  if (shares.length === 0) return '';
  const most = numberText(Math.max(...shares) * 100);
  return `; with the default one at most ${most} % did, the others were handed the same token again`;
}

function speedText({ figures }: Findings): string {
  const smallest = Math.min(...figures.map(({ measured }) => sessionsOf(measured)));
  const shown = figures.filter(({ measured }) => measured.kind === 'baseline' || measured.sessions === smallest);
  const rows = shown.map((figure) => [
    labelOf(figure.measured),
    spreadText(figure.perSecond, 0),
    figure.toExpress ? spreadText(figure.toExpress, 2) : '–',
    figure.toOwn ? spreadText(figure.toOwn, 2) : '–',
    numberText(figure.p50.median, 1),
    numberText(figure.p99.median, 1),
    figure.processorTime ? numberText(figure.processorTime.median) : '–',
    memoryText(figure),
  ]);
  const head = ['', 'a second', 'of bare Express', 'of its own bare adapter', 'p50 ms', 'p99 ms', 'CPU µs', 'peak MiB'];
  return rows.length === 0 ? '' : markdownTable(head, rows);
}

function growthText({ figures }: Findings): string {
  const grown = figures.flatMap((figure) =>
    figure.measured.kind === 'service' && figure.measured.leeway === 'none' ? [{ ...figure, ...figure.measured }] : [],
  );
  const sizes = [...new Set(grown.map(({ sessions }) => sessions))].toSorted((a, b) => a - b);
  if (sizes.length < 2) return '';
  const rows = (['Express', 'Fastify'] as const).flatMap((adapter) =>
    DATABASE_KINDS.flatMap((database) => {
      const bySize = sizes.map((size) =>
        grown.find((one) => one.adapter === adapter && one.database === database && one.sessions === size),
      );
      if (bySize.every((one) => one === undefined)) return [];
      const speeds = bySize.map((one) => (one ? numberText(one.perSecond.median) : '–'));
      const largest = bySize.at(-1);
      return [[`${adapter} + ${database}`, ...speeds, largest ? memoryText(largest) : '–']];
    }),
  );
  const names = sizes.map((size) => `${sizeName(size)} sessions`);
  return markdownTable(['leeway 0, a second', ...names, `peak MiB at ${sizeName(sizes.at(-1) ?? 0)}`], rows);
}

function sizeText(size: NonNullable<Findings['size']>): string {
  const { before, after } = bytesPerSession(size);
  return [
    `A session takes ${numberText(before)} bytes on SQLite, indexes included (user ids of 36 characters, no claims, no`,
    `device), and ${numberText(after)} after ${size.refreshes} refreshes; ${numberText(size.sessions)} sessions are then`,
    `${numberText(size.after.rows)} rows.`,
  ].join('\n');
}

function generatorText({ topSpeeds, figures }: Findings): string {
  const busiest = Math.max(0, ...figures.map(({ generator }) => generator.max));
  const [fastest] = topSpeeds.toSorted((a, b) => b.perSecond - a.perSecond);
  if (!fastest) return '';
  return [
    `The load generator used at most ${numberText(busiest * 100)} % of its own processor, and gets`,
    `${numberText(fastest.perSecond)} answers a second from a server that does nothing.`,
  ].join('\n');
}

function memoryText({ peakMemory }: Figures): string {
  return peakMemory === null ? '–' : numberText(peakMemory / MEBIBYTE);
}

function sessionsOf(measured: Figures['measured']): number {
  return measured.kind === 'service' ? measured.sessions : Infinity;
}
