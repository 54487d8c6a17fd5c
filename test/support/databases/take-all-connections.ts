import { setTimeout as delay } from 'node:timers/promises';

/** A connection that has ended may hold its place for a moment: how often one is refused in a row where none is left. */
const REFUSALS = 3;
/** Milliseconds. */
const PAUSE = 50;

/**
 * Takes connections until the server has none left.
 * @param tooMany the driver's code of the error by which it says so
 * @throws any other error
 */
export async function takeAllConnections<T>(connect: () => Promise<T>, tooMany: string): Promise<T[]> {
  const taken: T[] = [];
  for (let refusals = 0; refusals < REFUSALS;) {
    try {
      taken.push(await connect());
      refusals = 0;
    } catch (error) {
      if ((error as { code?: unknown }).code !== tooMany) throw error;
      refusals += 1;
      await delay(PAUSE);
    }
  }
  return taken;
}
