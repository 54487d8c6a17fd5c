import type { BackOff } from './back-off.js';
import { delay } from './delay.js';
import type { SessionUnavailableError } from './errors.js';
import type { Endpoints } from './endpoints.js';
import type { Emit } from './event-hub.js';
import { AHEAD_WAIT, MOST_CHANGES } from './limits.js';
import type { StoredSessionStore } from './stored-session.store.js';
import { isAlive, lifetimeOf, tokenOf } from './stored-session.js';
import { requestUrl } from './urls.js';

/** One call that needs an access token. */
export interface Call {
  /** An access token that the API has refused. */
  refused?: string | undefined;
  readonly signal?: AbortSignal | null | undefined;
  /**
   * The number of the sign-in under which the call began: the call gets no token of a later one. `null`: not known yet;
   * `undefined`: any sign-in will do.
   */
  sign_in?: number | null;
}

/** Gives a good access token and refreshes it first where it must; `null`: nobody is signed in. */
export type AccessToken = (call: Call) => Promise<string | null>;

/**
 * Refreshes the access token; calls that come during a refresh share it.
 * @param now the time in milliseconds
 */
export function refresher(
  store: StoredSessionStore,
  { post }: Endpoints,
  pause: BackOff,
  refreshUrl: string,
  emit: Emit,
  now: () => number,
): AccessToken {
  let flight: Promise<string | undefined> | undefined;

  /**
   * @param stale the access token to replace
   * @returns the new access token; `undefined`: the stored tokens have changed, and the caller must read them again
   */
  const refresh = async (stale: string | undefined): Promise<string | undefined> => {
    // Read within the lock: another tab may have saved newer tokens.
    const session = await store.use((stored) => stored);
    if (session.access_token !== stale && isAlive(session, now(), true)) return undefined;
    if (!store.canRefresh(session)) return undefined;

    const obtained_at = now();
    // A URL that can't be resolved is a mistake in the options: its error must not count as an outage.
    const url = requestUrl(refreshUrl);
    const answer = await post(url, session.refresh_token, pause).catch((error: SessionUnavailableError) => error);

    return store.use(async (stored) => {
      // A refresh, sign-in or sign-out came in between: the stored session counts, and the answer is dropped.
      if (JSON.stringify(stored) !== JSON.stringify(session)) return pause.end(undefined);
      if (answer instanceof Error) {
        emit('unavailable', { retryAfter: answer.retryAfter, status: answer.status });
        throw answer;
      }
      if (!answer) return store.save({ ended: 'invalid_refresh_token', sign_in: session.sign_in });
      const access_token = tokenOf(answer['access_token']);
      // A server that doesn't rotate answers without a refresh token: the current one stays.
      const refresh_token = tokenOf(answer['refresh_token']) ?? session.refresh_token;
      const expires_in = lifetimeOf(answer);
      await store.save({ ...session, refresh_token, access_token, expires_in, obtained_at });
      emit('refreshed', { expiresIn: expires_in });
      return access_token;
    });
  };

  return async (call) => {
    const { refused, signal } = call;
    const begun = now();
    for (let changes = 0; changes < MOST_CHANGES;) {
      const session = await store.use((stored) => stored);
      const { access_token, ended, sign_in } = session;
      // A call must not go on under a later sign-in, which may be another user's.
      if (call.sign_in !== undefined) {
        if (!ended && sign_in && sign_in !== (call.sign_in ??= sign_in)) break;
        // A page that was loaded after the sign-in, and has only the cookie, doesn't know the number: 0 stands for it.
        if (access_token) call.sign_in ??= 0;
      }

      const isUsable = access_token && access_token !== refused && isAlive(session, now());
      if (isUsable && isAlive(session, now(), true)) return access_token;
      // After an abort, `abortable` has rejected: the value returned here reaches nobody.
      if (signal?.aborted || !store.canRefresh(session)) return null;
      try {
        pause.assertOver();
        flight ??= store
          .lock(() => refresh(access_token))
          .finally(() => {
            flight = undefined;
          });
        const refreshed = await (isUsable
          ? Promise.race([flight, delay(AHEAD_WAIT).then(() => access_token)])
          : flight);
        // The shared refresh may have begun for another call, and give the very token that this call's API refused.
        if (refreshed && refreshed !== refused) return refreshed;
        changes += 1;
      } catch (error) {
        // The refresh was ahead of time: its failure must not fail a call whose access token is still alive.
        if (isUsable) return access_token;
        await pause.rest(error, begun);
      }
    }
    throw new Error('Session changed');
  };
}
