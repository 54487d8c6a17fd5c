/** What a session tells its page; no event holds a token. */
export interface SessionEvents {
  /** A refresh of this tab has succeeded; `expiresIn` is the life of the new access token in seconds. */
  refreshed: { readonly expiresIn: number };
  /** The session is over. Comes once in every tab that knew of it. */
  signedOut: { readonly reason: SignedOutReason };
  /** A refresh has failed and nobody is signed out; `retryAfter` is the time until the next try in seconds. */
  unavailable: { readonly retryAfter: number; readonly status: number | undefined };
}

/** `invalid_refresh_token`: the server says so, the session has expired, was ended or stolen. */
export type SignedOutReason = 'invalid_refresh_token' | 'sign_out';

export type Emit = <E extends keyof SessionEvents>(event: E, detail: SessionEvents[E]) => void;

export type Listen = <E extends keyof SessionEvents>(
  event: E,
  listener: (detail: SessionEvents[E]) => void,
) => () => void;

/** Listeners, and how they are told. */
export function eventHub(): { emit: Emit; on: Listen } {
  const listeners = new Set<readonly [event: keyof SessionEvents, listener: (detail: never) => void]>();
  return {
    emit: (event, detail) => {
      for (const entry of listeners) {
        if (entry[0] !== event) continue;
        // What a listener throws disturbs nobody, and doesn't end a process of Node's.
        void Promise.resolve(detail as never)
          .then(entry[1])
          // oxlint-disable-next-line eslint/no-console -- Where a platform has no other way to report what nobody catches.
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
