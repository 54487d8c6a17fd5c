/** By how much every time limit of the tests is stretched: `test/jest/time-factor.js` measures the machine. */
const FACTOR = Number(process.env['TEST_TIME_FACTOR'] ?? 3);

/** The longest time that a timer of Node takes. */
const FOREVER = 2 ** 31 - 1;

/**
 * How long something may take on this machine, in milliseconds. Every limit of a test is made here, so that none is a
 * guess at the speed of a machine.
 * @param milliseconds what it takes at the most on a machine that has nothing else to do
 */
export function limit(milliseconds: number): number {
  return Math.min(FOREVER, Math.round(milliseconds * FACTOR));
}

/** How long an answer may take, in milliseconds: the deadline of a handler (5 s), and what this machine adds. */
export const DEADLINE = 5_000 + limit(1_000);

/** How long a process may take for what nothing holds up, in milliseconds. */
export const PROMPT = limit(500);
