/** How long before its end an access token is refreshed at the earliest, in seconds. */
export const REFRESH_MARGIN = 30;

/** For how long a call waits for a refresh while its access token still lives, in milliseconds. */
export const AHEAD_WAIT = 2_000;

/** How often a call starts again because another tab or call has changed the tokens. */
export const MOST_CHANGES = 5;

/** The longest pause after a failure without a `Retry-After`, in seconds. */
export const LONGEST_PAUSE = 30;

/** The longest pause that a `Retry-After` can ask for, in milliseconds. A longer one may be a server's mistake. */
export const LONGEST_RETRY_AFTER = 3_600_000;

/** How much longer than one request may take a tab waits for another tab's lock, in milliseconds. */
export const LOCK_GRACE = 5_000;

/** How long a tab's write to the storage may take to reach another tab, in milliseconds. */
export const WRITE_DELAY = 90;
