import type { SignedOutReason } from './event-hub.js';
import { REFRESH_MARGIN } from './limits.js';

/** A session as the storage keeps it, as JSON. */
export interface StoredSession {
  readonly refresh_token?: string | undefined;
  readonly access_token?: string | undefined;
  /** The life of the access token in seconds, as the server sent it, unchecked. */
  readonly expires_in?: unknown;
  /** When the client asked for the access token, in milliseconds of the local clock: only differences count. */
  readonly obtained_at?: number;
  /** The number of the sign-in or sign-out that wrote this: a later one has a greater number. */
  readonly sign_in?: number | undefined;
  /** Why the session is over; `undefined` while it isn't. */
  readonly ended?: SignedOutReason;
}

/** Whether a session has a smaller sign-in number than `other`; one without a number counts as 0. */
export function isBefore({ sign_in = 0 }: StoredSession, other: StoredSession): boolean {
  return sign_in < (other.sign_in ?? 0);
}

/** Parses a JSON object. An unreadable text gives an empty object. */
export function parseObject(text: string | null | undefined): Record<string, unknown> {
  try {
    return Object(JSON.parse(text as string));
  } catch {
    return {};
  }
}

/** The token, if a header can hold it: `fetch` would throw an error that shows the token. */
export function tokenOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[!-~]+$/.test(value) ? value : undefined;
}

/** An access token's life in seconds. Without `expires_in`, the token is used until the API refuses it. */
export function lifetimeOf({ expires_in }: { expires_in?: unknown }): number {
  return Number(expires_in) || Infinity;
}

/**
 * Whether the access token has not expired. After the clock was turned back, the token counts as expired.
 * @param now the time in milliseconds
 * @param isAhead whether the token must also be outside of the time in which it is refreshed ahead
 */
export function isAlive(session: StoredSession, now: number, isAhead?: boolean): boolean {
  const life = lifetimeOf(session);
  // Without `obtained_at` the age is NaN, and both comparisons are false.
  const age = (now - (session.obtained_at as number)) / 1_000;
  return age >= 0 && age < life - (isAhead ? Math.min(REFRESH_MARGIN, life / 4) : 0);
}
