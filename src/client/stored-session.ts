import type { SignedOutReason } from './event-hub.js';
import { MARGIN } from './limits.js';

/** What is stored of a session. */
export interface StoredSession {
  readonly refresh_token?: string | undefined;
  readonly access_token?: string | undefined;
  /** The life that the server gave the access token, in seconds. */
  readonly expires_in?: unknown;
  /** When it was asked for, in milliseconds of the local clock, which may be wrong: only differences count. */
  readonly obtained_at?: number;
  /** Tells one sign-in, or sign-out, from the next: a later one has a greater number. */
  readonly sign_in?: number | undefined;
  /** The session is over, and why. */
  readonly ended?: SignedOutReason;
}

/** Whether it is of an earlier sign-in, or of one that isn't known. */
export function isBefore({ sign_in = 0 }: StoredSession, other: StoredSession): boolean {
  return sign_in < (other.sign_in ?? 0);
}

/** A JSON object; an unreadable text is an empty one. */
export function parseObject(text: string | null | undefined): Record<string, unknown> {
  try {
    return Object(JSON.parse(text as string));
  } catch {
    return {};
  }
}

/** A token that a header takes: an error about a bad one would show it. */
export function tokenOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[!-~]+$/.test(value) ? value : undefined;
}

/** An access token's life in seconds; where the server doesn't say, it lasts until it is refused. */
export function lifetimeOf({ expires_in }: { expires_in?: unknown }): number {
  return Number(expires_in) || Infinity;
}

/**
 * Whether the access token lives. A clock that was turned back since says no.
 * @param isAhead whether it is to live for a while
 */
export function isAlive(session: StoredSession, now: number, isAhead?: boolean): boolean {
  const life = lifetimeOf(session);
  // Without a time, no comparison holds.
  const age = (now - (session.obtained_at as number)) / 1_000;
  return age >= 0 && age < life - (isAhead ? Math.min(MARGIN, life / 4) : 0);
}
