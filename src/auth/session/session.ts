import type { RotationState } from '../refresh-token/rotation.js';

/** Claims the host wants in the access token; the registered ones are ours and can't be among them. */
export type CustomClaims = Record<string, unknown>;

/** Why a session was ended before its time. */
export type RevocationReason = 'logout' | 'service' | 'reuse';

/** A session as the module works with it. All times are milliseconds. */
export interface Session extends RotationState {
  readonly id: string;
  readonly subject: string;
  readonly clientId: string | null;
  readonly scope: string | null;
  readonly claims: CustomClaims | null;
  readonly lastUsedAt: number;
}
