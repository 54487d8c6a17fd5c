import type { INestApplicationContext } from '@nestjs/common';
import { getAuthToken, NO_NAME } from '../auth/injection-tokens.js';
import { RefreshTokenService } from '../auth/refresh-token/refresh-token.service.js';
import type { IssuedSession } from '../auth/refresh-token/token-response.js';
import type { IssueOptions } from '../auth/session/issue-options.js';

/** A session for a test, and what to send to your guarded routes. */
export interface SignedIn extends IssuedSession {
  /** The `Authorization` header with the access token. */
  readonly authorization: string;
}

/** What the session is to be like. */
export interface SignInOptions extends Omit<IssueOptions, 'subject'> {
  /** The name of the module that issues the tokens, where it has one. */
  moduleName?: string | undefined;
}

/**
 * Signs a user in, past your login.
 * @throws InvalidRequestError as `RefreshTokenService.issue`
 * @example
 * const { authorization } = await signIn(app, 'alice', { scope: 'orders:write' });
 * await request(app.getHttpServer()).get('/orders').set({ authorization }).expect(200);
 */
export async function signIn(
  app: INestApplicationContext,
  subject: string,
  { moduleName, ...options }: SignInOptions = {},
): Promise<SignedIn> {
  // By its class, the app would hand over any module's: all of them have it.
  const token = getAuthToken(RefreshTokenService, moduleName ?? NO_NAME);
  const session = await app.get<RefreshTokenService>(token, { strict: false }).issue({ subject, ...options });
  return { ...session, authorization: `Bearer ${session.access_token}` };
}
