import type { AccessTokenOptions, AuthModuleOptions, RefreshTokenOptions } from '../auth/options/auth.options.js';
import { generateSecret, generateSigningKeys } from '../auth/keys/key-generation.js';

/** Options that replace those of `testingOptions`, one by one within each group. */
export interface TestingOverrides extends Omit<AuthModuleOptions, 'refreshToken' | 'accessToken'> {
  refreshToken?: Partial<RefreshTokenOptions> | undefined;
  accessToken?: Partial<AccessTokenOptions> | undefined;
}

/**
 * Options of the module for tests: a new secret, a new ES256 key, and no purge.
 * @example AuthModule.forRoot(testingOptions({ session: { maxSessionsPerSubject: 1 } }))
 */
export function testingOptions({
  refreshToken,
  accessToken,
  session,
  ...others
}: TestingOverrides = {}): AuthModuleOptions {
  const keys = accessToken && 'secret' in accessToken ? {} : { keys: generateSigningKeys() };
  return {
    ...others,
    // The purge starts a new timer after each run: Jest's `runAllTimers` would never end.
    session: { purge: false, ...session },
    refreshToken: { secrets: [generateSecret()], ...refreshToken },
    accessToken: { issuer: 'https://app.test', ...keys, ...accessToken } as AccessTokenOptions,
  };
}
