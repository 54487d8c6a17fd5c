/** The events of a session and their details. No event holds a token. */
export interface SessionEvents {
  /** This tab has refreshed the access token. `expiresIn` is the life of the new one in seconds. */
  refreshed: { readonly expiresIn: number };
  /** The session is over. Every tab that knew of the session gets this event once. */
  signedOut: { readonly reason: SignedOutReason };
  /**
   * A refresh of this tab has failed, and the user stays signed in. `retryAfter` is the time until the next try in
   * seconds. `status` is that of the answer, `undefined` where none came.
   */
  unavailable: { readonly retryAfter: number; readonly status: number | undefined };
}

/**
 * Why a session is over. `sign_out`: the user signed out in this or another tab. `invalid_refresh_token`: the server
 * refused the refresh token, since the session has expired, was ended, or its token was stolen.
 */
export type SignedOutReason = 'invalid_refresh_token' | 'sign_out';

export type Emit = <E extends keyof SessionEvents>(event: E, detail: SessionEvents[E]) => void;

export type Listen = <E extends keyof SessionEvents>(
  event: E,
  listener: (detail: SessionEvents[E]) => void,
) => () => void;

/** Keeps the listeners of a session and calls them. */
export function eventHub(): { emit: Emit; on: Listen } {
  const listeners = new Set<readonly [event: keyof SessionEvents, listener: (detail: never) => void]>();
  return {
    emit: (event, detail) => {
      for (const entry of listeners) {
        if (entry[0] !== event) continue;
        // A listener that throws must neither stop the other listeners nor end a Node process.
        void Promise.resolve(detail as never)
          .then(entry[1])
          // oxlint-disable-next-line eslint/no-console -- For platforms without `reportError`.
          .catch(globalThis.reportError ?? console.error);
      }
    },
    on: (event, listener) => {
      const entry = [event, listener] as const;
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
  };
}
