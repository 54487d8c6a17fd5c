import { spawnSync } from 'node:child_process';

/** What tests do most: a process of Node starts and computes. */
const WORK = `
  const { createHash } = require('node:crypto');
  for (let round = 0; round < 60_000; round += 1) createHash('sha256').update(String(round)).digest('hex');`;

/** How long the work took on the machine for which the limits were written, with nothing beside it, in milliseconds. */
const REFERENCE = 220;

/** Load comes and goes: a test may meet a machine that is so many times slower than the measured one. */
const RESERVE = 3;

/** A test that hangs must end some day. */
const AT_MOST = 30;

/** By how much the time limits of the tests are stretched on this machine, as busy as the machine is now. */
export function measuredFactor() {
  const [, median] = [takes(), takes(), takes()].toSorted((one, other) => one - other);
  return Math.min(AT_MOST, RESERVE * Math.max(1, median / REFERENCE));
}

function takes() {
  const begun = performance.now();
  const { status } = spawnSync(process.execPath, ['--eval', WORK]);
  if (status !== 0) throw new Error('The work by which the machine is measured has failed.');
  return performance.now() - begun;
}
