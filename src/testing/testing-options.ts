import type { AccessTokenOptions, AuthModuleOptions, RefreshTokenOptions } from '../auth/options/auth.options.js';
import { generateSecret, generateSigningKeys } from '../auth/keys/key-generation.js';

/** Options that differ from those of `testingOptions`, group by group. */
export interface TestingOverrides extends Omit<AuthModuleOptions, 'refreshToken' | 'accessToken'> {
  refreshToken?: Partial<RefreshTokenOptions> | undefined;
  accessToken?: Partial<AccessTokenOptions> | undefined;
}

/**
 * Options to run the module with in tests: a fresh secret and a fresh ES256 key; nothing is purged meanwhile.
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
    // A timer that begins anew would never let a test run all of its fake ones.
    session: { purge: false, ...session },
    refreshToken: { secrets: [generateSecret()], ...refreshToken },
    accessToken: { issuer: 'https://app.test', ...keys, ...accessToken } as AccessTokenOptions,
  };
}
