import * as fc from 'fast-check';
import type { HonestDevices } from './honest-devices.js';
import { pick, type RotationWorld } from './rotation-world.js';
import { MINUTE, SECOND } from '../test-clock.js';

/** Where actions happen. */
export interface Scene {
  readonly world: RotationWorld;
  readonly devices: HonestDevices;
  readonly leeway: number;
  /** How far the clocks of instances are off, either way. */
  readonly clockError: number;
}

/** What can happen, and how often it does. */
const FREQUENCIES = {
  refresh: 6,
  ask: 6,
  arrive: 6,
  deliver: 5,
  interfere: 3,
  giveUp: 2,
  reload: 1,
  wait: 6,
  waitLong: 1,
  restart: 1,
  backUp: 2,
  restore: 2,
  turnClock: 1,
  signIn: 2,
  signOut: 2,
  logOut: 1,
  steal: 2,
};

/** Any two natural numbers go with an action, and it means something by them. */
export type Action = readonly [verb: keyof typeof FREQUENCIES, a: number, b: number];

/** Lists of actions. */
export function actions(): fc.Arbitrary<Action[]> {
  const number = fc.nat({ max: 11 });
  return fc.array(fc.tuple(weighted(FREQUENCIES), number, number), { maxLength: 45, size: 'max' });
}

export async function perform({ world, devices, leeway, clockError }: Scene, [verb, a, b]: Action): Promise<void> {
  switch (verb) {
    case 'refresh':
      return devices.refresh(a, b);
    case 'ask':
      return devices.ask(a, b);
    case 'arrive':
      return devices.arrive(a, pick([0, clockError, -clockError], b));
    case 'deliver':
      return devices.deliver(a, b);
    case 'interfere':
      return devices.interfere(a, b);
    case 'giveUp':
      return devices.giveUp(a, b);
    case 'reload':
      return devices.reload(a, b);
    case 'wait':
      return devices.wait(pick(stepsAround(leeway), a));
    case 'waitLong':
      return devices.wait(pick(LONG_STEPS, a));
    case 'restart':
      return world.restart();
    case 'backUp':
      return world.backUp();
    case 'restore':
      return devices.restore(a, pick([false, false, true], b));
    case 'turnClock':
      return devices.turnClock(a, b);
    case 'signIn':
      return devices.signInAgain(a, b);
    case 'signOut':
      return devices.signOut(a, b);
    case 'logOut':
      return devices.logOut(a, b);
    case 'steal':
      return devices.stealFrom(a, b);
  }
}

/** Steps of time around everything that a leeway decides. */
export function stepsAround(leeway: number): number[] {
  return [...new Set([1, SECOND, leeway - 1, leeway, leeway + 1, 2 * leeway])].filter((step) => step >= 0);
}

/** Around an idle life of a minute. */
const LONG_STEPS = [30 * SECOND, 40 * SECOND, MINUTE - 1, MINUTE, MINUTE + 1];

/** One of the names, each as often as it says; the first is the simplest. */
export function weighted<K extends string>(frequencies: Record<K, number>): fc.Arbitrary<K> {
  const names = Object.keys(frequencies) as K[];
  const arbitraries = names.map((name) => ({ weight: frequencies[name], arbitrary: fc.constant(name) }));
  return fc.oneof({ withCrossShrink: true }, ...arbitraries);
}
