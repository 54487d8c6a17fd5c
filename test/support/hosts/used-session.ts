import { refreshed } from '../http/http.js';
import type { TestService } from '../servers/service.js';
import { signInWith } from '../http/session-calls.js';
import { MINUTE } from '../test-clock.js';

/** A session that has refreshed twice, a leeway apart: its first token is dead, its last one the current. */
export async function usedSession({ url, clock }: Pick<TestService, 'url' | 'clock'>, body: object = {}) {
  const session = await signInWith(url, { subject: 'alice', ...body });
  const second = await refreshed(url, session.refresh_token);
  clock.advance(MINUTE);
  const third = await refreshed(url, second.refresh_token);
  clock.advance(MINUTE);
  return {
    id: session.session_id,
    first: session.refresh_token,
    second: second.refresh_token,
    third: third.refresh_token,
    accessToken: third.access_token,
  };
}
