import { labelOf, type Figures, type Findings } from './report.js';
import { bytesPerSession } from './size.js';
import { numberText, spreadText, table } from './table.js';
import type { Target } from './targets.js';

const MEBIBYTE = 1_048_576;

/** From this share of its processor on, it may be the generator that is measured. */
const BUSY = 0.9;

/** What is printed at the end of a run. */
export function reportText(findings: Findings, targets: readonly Target[]): string {
  const { figures, notAvailable, size, wrongAnswers } = findings;
  return [
    machineText(findings),
    ...(figures.length > 0 ? [figuresText(figures)] : []),
    generatorText(findings),
    ...(notAvailable.length > 0 ? [notAvailableText(findings)] : []),
    ...(findings.rows.length > 0 ? [rowsText(findings)] : []),
    ...(size ? [sizeText(size)] : []),
    targetsText(targets, findings),
    ...(wrongAnswers.length > 0 ? [['WRONG ANSWERS: the run has failed.', ...wrongAnswers].join('\n')] : []),
  ].join('\n\n');
}

function machineText({ machine, options }: Findings): string {
  const { processor, processors, memory, kernel, node, fileSystem, databases, placement, loadBefore } = machine;
  const versions = databases.map(({ version }) => version).join(', ');
  const isBusy = loadBefore >= processors / 2;
  return [
    `${processor}, ${processors} processors, ${numberText(memory / MEBIBYTE / 1_024)} GiB, ${kernel}, Node ${node}`,
    `${versions}; SQLite's files on ${fileSystem ?? 'a file system that the system does not tell'}`,
    `${options.connections} connections, ES256; ${placement}`,
    ...(isBusy
      ? [`The machine was busy (load ${numberText(loadBefore, 1)} before the run): the figures are too low.`]
      : []),
    ...(options.isProfiled ? ['The servers were profiled: the figures are too low.'] : []),
  ].join('\n');
}

function figuresText(figures: readonly Figures[]): string {
  const head = [
    '',
    'a second',
    'p50 ms',
    'p99 ms',
    'CPU µs',
    'peak MiB',
    'of Express',
    'of its own',
    'rotated',
    'generator',
  ];
  const rows = figures.map((figure) => [
    labelOf(figure.measured),
    spreadText(figure.perSecond, 0),
    spreadText(figure.p50, 1),
    spreadText(figure.p99, 1),
    figure.processorTime ? spreadText(figure.processorTime, 0) : '–',
    figure.peakMemory === null ? '–' : numberText(figure.peakMemory / MEBIBYTE),
    figure.toExpress ? spreadText(figure.toExpress, 2) : '–',
    figure.toOwn ? spreadText(figure.toOwn, 2) : '–',
    figure.measured.kind === 'baseline' ? '–' : shareText(figure.rotated.median),
    shareText(figure.generator.median) + (figure.generator.max >= BUSY ? ' !' : ''),
  ]);
  return [
    table(head, rows),
    'Medians over the rounds (lowest–highest). "of Express", "of its own": answers a second relative to the bare empty',
    'handler of Express and of its own adapter, round by round. "generator": which share of its processor it used.',
  ].join('\n');
}

function generatorText({ topSpeeds }: Findings): string {
  const speeds = topSpeeds.map(
    ({ responder, perSecond, generatorShare }) =>
      `${numberText(perSecond)} a second from the ${responder} (${shareText(generatorShare)} busy)`,
  );
  return [
    `The generator's top speed: ${speeds.join(', ')}.`,
    `Behind its share stands "!" where it was ${shareText(BUSY)} busy or more, and may be what was measured.`,
  ].join('\n');
}

function notAvailableText({ notAvailable }: Findings): string {
  return ['Not available:', ...notAvailable.map(({ name, reason }) => `  ${name}: ${reason}`)].join('\n');
}

function rowsText({ rows }: Findings): string {
  const texts = rows.map(({ database, before, after }) => `${database} ${numberText(before)} → ${numberText(after)}`);
  return `Rows before and after: ${texts.join(', ')}`;
}

function sizeText(size: NonNullable<Findings['size']>): string {
  const perSession = bytesPerSession(size);
  const line = (name: string, file: typeof size.before, bytes: number) => [
    name,
    numberText(file.rows),
    numberText(file.asWritten),
    numberText(file.vacuumed),
    numberText(bytes, 1),
  ];
  return table(
    ['SQLite file', 'rows', 'bytes', 'vacuumed', 'a session'],
    [
      line('new sessions', size.before, perSession.before),
      line(`after ${size.refreshes} refreshes each`, size.after, perSession.after),
    ],
  );
}

function targetsText(targets: readonly Target[], { options }: Findings): string {
  const rows = targets.map(({ what, bound, limit, unit, measured, verdict }) => [
    what,
    `${bound} ${limit} ${unit}`,
    measured ? spreadText(measured, DIGITS[unit]) : '–',
    verdict,
  ]);
  const caveat = options.isQuick ? ['A quick run is no measurement: it shows that the benchmark works.'] : [];
  return [table(['target', 'takes', 'got', ''], rows), ...caveat].join('\n');
}

const DIGITS: Record<Target['unit'], number> = { '×': 2, '%': 1, rows: 0, bytes: 0, MiB: 0 };

function shareText(value: number): string {
  return `${numberText(value * 100)} %`;
}
