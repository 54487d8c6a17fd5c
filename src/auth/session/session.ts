import type { RotationState } from '../rotation/rotation.rule.js';
import type { Device } from './device.js';

/** The host's claims of an access token. Registered claims can't be among them: the module sets those. */
export type CustomClaims = Record<string, unknown>;

/**
 * Why a session ended before its time.
 * - `logout`: a client logged out with the session's refresh token
 * - `user`: the user ended the session from the list of sessions
 * - `service`: the host's code or the login backend ended the session
 * - `policy`: the host's policy denied a refresh
 * - `limit`: the user had more sessions than are allowed
 * - `reuse`: a second holder of the session's tokens showed up
 */
export type RevocationReason = 'logout' | 'user' | 'service' | 'policy' | 'limit' | 'reuse';

/** A session's row, read. All times are milliseconds since the epoch. */
export interface Session extends RotationState, Device {
  readonly id: string;
  readonly subject: string;
  readonly clientId: string | null;
  readonly scope: string | null;
  readonly claims: CustomClaims | null;
  readonly lastUsedAt: number;
  /** How many tokens were minted for `used` after the first one: each stands for an answer that was lost. */
  readonly recovered: number;
  readonly label: string | null;
}
