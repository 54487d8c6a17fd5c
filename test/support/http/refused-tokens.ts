import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import type { IssuedSession, RefusalReason } from 'nest-refresh-token';
import { RefreshToken } from '../../../src/auth/refresh-token/refresh-token.js';
import { RefreshTokenCodec } from '../../../src/auth/refresh-token/refresh-token.codec.js';
import { tokenSecret } from '../../../src/auth/keys/token-secret.js';
import { logout, refresh, refreshed, signIn } from './http.js';
import { SERVICE_KEY, type TestService } from '../servers/service.js';
import { DAY, MINUTE } from '../test-clock.js';

/** A token that is presented and not good. */
export interface RefusedToken {
  readonly token: string;
  readonly reason: RefusalReason;
  /** The session it names, where it is authentic. */
  readonly session?: IssuedSession;
}

/** What the service must be started with for every kind of refusal to happen. */
export const REFUSING = { LOST_SESSIONS: 'refuse', REFRESH_TOKEN_IDLE_TTL: '1d', REFRESH_TOKEN_ABSOLUTE_TTL: '3d' };

/** Every way in which a token isn't good; each makes one, through the service's own doors where there is one. */
export const refusedTokens: Record<string, (service: TestService) => Promise<RefusedToken>> = {
  'not a token': async () => ({ token: 'nonsense', reason: 'malformed' }),
  'two words': async () => ({ token: 'a b', reason: 'malformed' }),
  'a token without its end': async ({ url }) => {
    const { refresh_token } = await signIn(url);
    return { token: refresh_token.slice(0, -1), reason: 'malformed' };
  },
  'an access token': async ({ url }) => ({ token: (await signIn(url)).access_token, reason: 'malformed' }),
  'a service key': async () => ({ token: SERVICE_KEY, reason: 'malformed' }),
  'a forged token': async ({ url }) => {
    const { refresh_token } = await signIn(url);
    const last = refresh_token.endsWith('A') ? 'B' : 'A';
    return { token: refresh_token.slice(0, -1) + last, reason: 'bad_mac' };
  },
  'a token of a secret that is not ours': async ({ app, clock }) => {
    const token = new RefreshToken(randomBytes(16), clock.now());
    const theirs = tokenSecret('a secret of somebody else 0123456789');
    return { token: app.get(RefreshTokenCodec).encode(token, theirs), reason: 'unknown_secret' };
  },
  'a token whose session is not there': async ({ url, app }) => {
    const session = await signIn(url, 'somebody who is deleted');
    await app.get(DataSource).query(`DELETE FROM refresh_token_sessions WHERE subject = 'somebody who is deleted'`);
    return { token: session.refresh_token, reason: 'unknown_session', session };
  },
  'a token that was idle for too long': async ({ url, clock }) => {
    const session = await signIn(url);
    clock.advance(DAY);
    return { token: session.refresh_token, reason: 'expired', session };
  },
  'a token of a session at its absolute end': async ({ url, clock }) => {
    const session = await signIn(url);
    let token = session.refresh_token;
    for (const _ of [1, 2, 3]) {
      clock.advance(DAY - MINUTE);
      token = (await refreshed(url, token)).refresh_token;
    }
    clock.advance(3 * MINUTE);
    return { token, reason: 'expired', session };
  },
  'a token of a session that was ended': async ({ url }) => {
    const session = await signIn(url);
    await logout(url, session.refresh_token);
    return { token: session.refresh_token, reason: 'revoked', session };
  },
  'a token that was displaced': async ({ url, clock }) => {
    const session = await signIn(url);
    await displace(url, clock, session);
    return { token: session.refresh_token, reason: 'reuse', session };
  },
  'the newest token of a session in which one was reused': async ({ url, clock }) => {
    const session = await signIn(url);
    const newest = await displace(url, clock, session);
    await refresh(url, session.refresh_token);
    return { token: newest, reason: 'revoked', session };
  },
};

/** Refreshes twice, a leeway apart. @returns the newest token */
async function displace(url: string, clock: TestService['clock'], session: IssuedSession): Promise<string> {
  const second = await refreshed(url, session.refresh_token);
  clock.advance(MINUTE);
  const third = await refreshed(url, second.refresh_token);
  clock.advance(MINUTE);
  return third.refresh_token;
}
