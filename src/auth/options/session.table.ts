import { TIME_BUDGET } from '../runtime/time-budget.js';
import type { SessionOptions } from './auth.options.js';
import { optional, table, withDefault, type Readers } from './reader.js';
import { choice, count, duration, flag, passedTime } from './readers.js';

/** The options of sessions: limits and defaults. */
export const sessionTable = table('session', {
  retention: optional(duration(), undefined),
  purge: withDefault(flag(), true),
  lostSessions: withDefault(choice('unavailable', 'refuse'), 'unavailable'),
  maxSessionsPerSubject: optional(count(), Infinity),
  notBefore: optional(passedTime(), 0),
  recordDevice: withDefault(flag(), true),
  onPolicyFailure: withDefault(choice('unavailable', 'allow'), 'unavailable'),
  policyTimeout: withDefault(
    duration({ min: '1s', max: `${TIME_BUDGET.longestPolicy / 1_000}s` }),
    `${TIME_BUDGET.policy / 1_000}s`,
  ),
} satisfies Readers<SessionOptions>);
