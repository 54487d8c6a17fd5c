/**
 * The rotation rule, pure: no database, no HTTP, no clock. `rotation.statement.ts` says the same in SQL; a test holds
 * the two against each other.
 *
 * A session keeps three numbers. `used` is the last token that a client used. `issued` is the last token handed out.
 * `floor` is the last token that was handed out before `used` was first used. The numbers above `floor` are the
 * children of `used`. The good tokens are `used` and its children. A client that uses a child ends the child's
 * siblings. Any other token proves that two clients hold tokens of the session.
 */

/** The part of a session that the rule reads. All times and numbers are milliseconds. */
export interface RotationState {
  readonly used: number;
  readonly issued: number;
  readonly floor: number;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
}

/** The settings of the rule. All durations are milliseconds. */
export interface RotationPolicy {
  /** For how long after a mint every request gets that same token. */
  readonly leeway: number;
  readonly idleTtl: number;
  readonly absoluteTtl: number;
  /** Sessions created before this time are refused; 0 refuses none. */
  readonly notBefore: number;
  /** How the last used token is judged when it comes again after the leeway: a lost response, or a second holder. */
  readonly lostResponse: 'forgive' | 'revoke';
}

/** Why a new token is minted. `store_behind`: the token is newer than the row, which was restored or failed over. */
export type MintCause = 'rotated' | 'recovered' | 'store_behind';

export type RotationDecision =
  | { readonly kind: 'mint'; readonly cause: MintCause }
  | { readonly kind: 'repeat' }
  | { readonly kind: 'refuse'; readonly reason: 'revoked' | 'expired' | 'reuse' };

/**
 * Decides on token `n`, presented at `now`. The token's authenticity has been proved before.
 * @param now milliseconds
 */
export function decide(session: RotationState, n: number, now: number, policy: RotationPolicy): RotationDecision {
  if (session.revokedAt !== null || session.createdAt < policy.notBefore) return { kind: 'refuse', reason: 'revoked' };

  const isAhead = n > session.issued;
  // The idle end in a row that is behind the token is too early: the token itself tells the right one.
  const idleEnd = isAhead ? n + policy.idleTtl : session.expiresAt;
  const absoluteEnd = session.createdAt + policy.absoluteTtl;
  if (now >= idleEnd || now >= absoluteEnd) return { kind: 'refuse', reason: 'expired' };

  if (isAhead) return { kind: 'mint', cause: 'store_behind' };

  const isUsed = n === session.used;
  const isChild = n > session.floor;
  const isFresh = session.used > 0 && Math.abs(now - session.issued) < policy.leeway;
  if (isFresh && (isUsed || isChild)) return { kind: 'repeat' };
  if (isChild) return { kind: 'mint', cause: 'rotated' };
  if (isUsed && policy.lostResponse === 'forgive') return { kind: 'mint', cause: 'recovered' };
  return { kind: 'refuse', reason: 'reuse' };
}

/**
 * Whether a session is alive, by its row alone: neither revoked nor expired nor from before the brake.
 * @param now milliseconds
 */
export function isLive(
  { revokedAt, createdAt, expiresAt }: RotationState,
  now: number,
  { absoluteTtl, notBefore }: Pick<RotationPolicy, 'absoluteTtl' | 'notBefore'>,
): boolean {
  return revokedAt === null && expiresAt > now && createdAt + absoluteTtl > now && createdAt >= notBefore;
}

/** The session after a mint for the presented `n`. Only for a decision of kind `mint`. */
export function mint<T extends RotationState>(session: T, n: number, now: number, policy: RotationPolicy): T {
  return {
    ...session,
    floor: n === session.used ? session.floor : Math.max(session.issued, n),
    used: n,
    issued: Math.max(now, session.issued + 1, n + 1),
    expiresAt: Math.min(now + policy.idleTtl, session.createdAt + policy.absoluteTtl),
  };
}
