import 'reflect-metadata';
import { writeFile } from 'node:fs/promises';
import { BenchRun } from './bench-run.js';
import { CleanUp } from './clean-up.js';
import { describeDatabases } from './databases/describe-databases.js';
import { describeMachine } from './machine.js';
import { reasonOf } from './not-available.error.js';
import { HELP, readOptions, type BenchOptions } from './options.js';
import { runSteps } from './progress.js';
import { faultsOf, figuresOf, wrongAnswersOf, type Findings } from './report.js';
import { reportText } from './report.text.js';
import { setUpRig } from './rig.js';
import { requireBuild } from './servers.js';
import { CONNECTIONS } from './scale.js';
import { targetsOf } from './targets.js';

const cleanUp = new CleanUp();
const interruption = new AbortController();
let interruptedAt = 0;

/** Within how many milliseconds a second signal is the first one again. */
const PATIENCE = 2_000;

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Servers and databases are taken away, which ends what is being done; a later signal ends it at once. */
function interrupt(): void {
  if (interruption.signal.aborted) {
    // Ctrl-C comes twice under npm: from the terminal, and handed on.
    if (performance.now() > interruptedAt + PATIENCE) process.exit(130);
    return;
  }
  interruptedAt = performance.now();
  interruption.abort(new Error('interrupted'));
  write('Interrupted: cleaning up.');
  void cleanUp.run();
}

async function bench(options: BenchOptions): Promise<void> {
  const startedAt = new Date().toISOString();
  requireBuild();
  const rig = await setUpRig(cleanUp, options.profile);
  const databases = await describeDatabases(rig.sources);
  const machine = describeMachine(rig.folder, rig.pinning, databases.there);
  const run = new BenchRun(rig, options, databases.missing);
  await runSteps(run.steps(), write, interruption.signal);

  const measurements = run.all.flatMap((measured) => {
    const rounds = run.rounds.get(measured.name);
    return rounds ? [{ measured, rounds }] : [];
  });
  const findings: Findings = {
    startedAt,
    took: performance.now() / 1_000,
    options: {
      rounds: options.rounds,
      seconds: options.seconds ?? null,
      connections: CONNECTIONS,
      isQuick: options.isQuick,
      isProfiled: options.profile !== undefined,
      only: options.only,
    },
    machine,
    topSpeeds: run.topSpeeds,
    figures: figuresOf(measurements),
    notAvailable: run.notAvailable,
    rows: run.rows,
    size: run.size ?? null,
    wrongAnswers: wrongAnswersOf(measurements),
  };
  const targets = targetsOf(findings);
  await writeFile(options.out, `${JSON.stringify({ ...findings, targets }, undefined, 2)}\n`);
  write(`\n${reportText(findings, targets)}\n\n${options.out} has all of it.`);
  const faults = faultsOf(findings, { needsAll: process.env['REQUIRE_DATABASES'] === '1' });
  if (faults.length > 0) throw new Error(faults.join('; '));
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    write(HELP);
    return;
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    await bench(options);
  } finally {
    const failures = await cleanUp.run();
    failures.forEach((failure) => write(`Not cleaned up: ${reasonOf(failure)}`));
  }
}

try {
  await main();
} catch (error) {
  // What an interruption breaks off fails in its own way.
  if (!interruption.signal.aborted) process.stderr.write(`bench: ${reasonOf(error)}\n`);
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
