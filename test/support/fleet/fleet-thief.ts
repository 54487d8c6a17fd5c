import type { TokenResponse } from 'nest-refresh-token';
import type { FleetDevice } from './fleet-device.js';
import type { FleetSessions } from './fleet-sessions.js';
import { json } from '../http/http.js';
import { until } from '../servers/process.js';
import { insist, PATIENCE } from './service-fleet.js';
import { numberOf } from '../http/token-parts.js';

/**
 * How often the owner has gone on when a token is dead for certain: once to leave it, once to use what came for it, and
 * once where that was a second child of the token, for a request of the other tab's that came late.
 */
const STEPS = 3;

/** What a thief can't see: when the database was last set back to what was on its disk, in milliseconds. */
export type LastCrash = () => number;

/**
 * Copies the token of a device, uses it at once where he is `greedy`, and comes again when the owner has gone on without
 * him: he is refused then, and the session is over.
 */
export async function steal(
  device: FleetDevice,
  sessions: FleetSessions,
  lastCrash: LastCrash,
  isGreedy: boolean,
): Promise<void> {
  const { session } = device;
  session.isContested = true;
  let { token } = device;
  if (isGreedy) token = (await present(sessions, token)) ?? token;

  const hasOwnerLeft = () => device.session !== session || sessions.isBroken;
  while (!session.isEnded) {
    let crash = 0;
    const isDead = () => {
      crash = lastCrash();
      // A refresh of the owner's that a crash has undone proves nothing any more.
      return hasOwnerLeft() || device.stepsBeyond(Math.max(numberOf(token), crash)) >= STEPS || undefined;
    };
    await until("the thief's token is dead", isDead, PATIENCE);
    const successor = await present(sessions, token);
    if (successor === undefined) break;
    if (crash === lastCrash()) return sessions.fail('a thief stays in', session);
    token = successor;
  }
  await until('the owner is asked to sign in again', () => hasOwnerLeft() || undefined, PATIENCE);
}

/** @returns the successor; `undefined`: refused */
async function present(sessions: FleetSessions, token: string): Promise<string | undefined> {
  const answer = await insist(
    () => sessions.refresh(token),
    (status) => status === 200 || status === 401,
  );
  return answer.status === 200 ? json<TokenResponse>(answer).refresh_token : undefined;
}
