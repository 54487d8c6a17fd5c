import type { BackOff } from './back-off.js';
import { delay } from './delay.js';
import type { SessionUnavailableError } from './errors.js';
import type { Endpoints } from './endpoints.js';
import type { Emit } from './event-hub.js';
import { AHEAD, MOST_CHANGES } from './limits.js';
import type { SessionStore } from './stored-session.store.js';
import { isAlive, lifetimeOf, tokenOf } from './stored-session.js';
import { requestUrl } from './urls.js';

/** Somebody who needs an access token. */
export interface Call {
  /** An access token that was refused. */
  refused?: string | undefined;
  readonly signal?: AbortSignal | null | undefined;
  /** Keeps the call to the sign-in under which it began; `null`: which that is isn't known yet. */
  sign_in?: number | null;
}

/** A good access token, refreshed where there is need; `null`: nobody is signed in. */
export type AccessToken = (call: Call) => Promise<string | null>;

export function refresher(
  store: SessionStore,
  { post }: Endpoints,
  pause: BackOff,
  refreshUrl: string,
  emit: Emit,
  now: () => number,
): AccessToken {
  let flight: Promise<string | undefined> | undefined;

  /**
   * @param stale the access token to be replaced
   * @returns the new one; `undefined`: the stored tokens have changed, look again
   */
  const refresh = async (stale: string | undefined): Promise<string | undefined> => {
    // Read in the lock: what another tab has saved meanwhile is used, or sent.
    const session = await store.use((stored) => stored);
    if (session.access_token !== stale && isAlive(session, now(), true)) return undefined;
    if (!store.canRefresh(session)) return undefined;

    const obtained_at = now();
    // One that can't be resolved is a mistake, and no outage.
    const url = requestUrl(refreshUrl);
    const answer = await post(url, session.refresh_token, pause).catch((error: SessionUnavailableError) => error);

    return store.use(async (stored) => {
      // Refreshed, signed in or signed out meanwhile: what is stored counts, whatever the answer.
      if (JSON.stringify(stored) !== JSON.stringify(session)) return pause.end(undefined);
      if (answer instanceof Error) {
        emit('unavailable', { retryAfter: answer.retryAfter, status: answer.status });
        throw answer;
      }
      if (!answer) return store.save({ ended: 'invalid_refresh_token', sign_in: session.sign_in });
      const access_token = tokenOf(answer['access_token']);
      // A server that doesn't rotate hands out no refresh token: the one there is goes on.
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
      // What was begun under one sign-in must not be done under the next: that may be somebody else's.
      if (call.sign_in !== undefined) {
        if (!ended && sign_in && sign_in !== (call.sign_in ??= sign_in)) break;
        // One that the page doesn't know, since it was loaded later and has no more than a cookie.
        if (access_token) call.sign_in ??= 0;
      }

      const isUsable = access_token && access_token !== refused && isAlive(session, now());
      if (isUsable && isAlive(session, now(), true)) return access_token;
      // Once it is aborted, nobody hears what is returned.
      if (signal?.aborted || !store.canRefresh(session)) return null;
      try {
        pause.assertOver();
        flight ??= store
          .lock(() => refresh(access_token))
          .finally(() => {
            flight = undefined;
          });
        const refreshed = await (isUsable ? Promise.race([flight, delay(AHEAD).then(() => access_token)]) : flight);
        // It may have begun for another access token than this call's.
        if (refreshed && refreshed !== refused) return refreshed;
        changes += 1;
      } catch (error) {
        // Refreshing ahead of time must not make a call worse.
        if (isUsable) return access_token;
        await pause.rest(error, begun);
      }
    }
    throw new Error('Session changed');
  };
}
