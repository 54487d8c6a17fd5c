import type { CookieAttributes } from '../formats/cookie.js';
import type { SigningKey } from '../keys/signing-key.js';
import type { TokenSecret } from '../keys/token-secret.js';
import type { RotationPolicy } from '../rotation/rotation.rule.js';

/** The options as the module uses them: defaulted, validated, durations in milliseconds. */
export interface ResolvedOptions {
  readonly refreshToken: {
    readonly secrets: readonly TokenSecret[];
    readonly retiredSecrets: readonly string[];
    readonly prefix: string;
  };
  readonly rotation: RotationPolicy;
  readonly accessToken: {
    readonly issuer: string;
    readonly audience: string | [string, ...string[]];
    readonly ttl: number;
    readonly clockTolerance: number;
    readonly checkSession: boolean;
    readonly keys: readonly SigningKey[];
  };
  readonly session: {
    readonly retention: number;
    readonly purge: boolean;
    readonly lostSessions: 'unavailable' | 'refuse';
    readonly maxSessionsPerSubject: number;
    readonly recordDevice: boolean;
    readonly onPolicyFailure: 'unavailable' | 'allow';
    readonly policyTimeout: number;
  };
  readonly cookie: (CookieAttributes & { readonly origins: ReadonlySet<string> }) | undefined;
  readonly oauth: {
    readonly url: string;
    readonly jwksUrl: string | undefined;
  };
  readonly serviceKeys: readonly string[];
  readonly keyActivationDelay: number;
}
