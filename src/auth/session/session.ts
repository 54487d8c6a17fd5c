import type { RotationState } from '../rotation/rotation.rule.js';
import type { Device } from './device.js';

/** Claims the host wants in the access token; the registered ones are ours and can't be among them. */
export type CustomClaims = Record<string, unknown>;

/**
 * Why a session was ended before its time: `logout` with its refresh token, `user` from the list of sessions,
 * `service` by the host's code or the login backend, `policy` by the host's policy, `limit` since the subject had too
 * many, `reuse` since a second holder showed up.
 */
export type RevocationReason = 'logout' | 'user' | 'service' | 'policy' | 'limit' | 'reuse';

/** A session as the module works with it. All times are milliseconds. */
export interface Session extends RotationState, Device {
  readonly id: string;
  readonly subject: string;
  readonly clientId: string | null;
  readonly scope: string | null;
  readonly claims: CustomClaims | null;
  readonly lastUsedAt: number;
  /** How many tokens were minted for `used` beyond the first. */
  readonly recovered: number;
  readonly label: string | null;
}
