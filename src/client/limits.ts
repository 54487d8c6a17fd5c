/** At most for so long before its end an access token is refreshed, in seconds. */
export const MARGIN = 30;

/** For how long a call waits for a refresh while its access token still lives, in milliseconds. */
export const AHEAD = 2_000;

/** How often a call looks again when others change the tokens under its refresh. */
export const MOST_CHANGES = 5;

/** The longest time between two tries where the server asks for none, in seconds. */
export const LONGEST_PAUSE = 30;

/** No server is believed that asks for more, in milliseconds: it may be a clock that is wrong. */
export const LONGEST_ASKED = 3_600_000;

/** How much longer than a refresh may take another tab's is waited for, in milliseconds. */
export const LOCK_GRACE = 5_000;

/** For how long what one tab has written may be on its way to another, in milliseconds. */
export const SETTLE = 90;
