import type { SigningKey } from '../keys/signing-key.js';
import type { TokenSecret } from '../keys/token-secret.js';
import type { RotationPolicy } from '../rotation/rotation.rule.js';
import type { accessTokenTable } from './access-token.table.js';
import type { cookieTable } from './cookie.table.js';
import type { moduleTable } from './module.table.js';
import type { oauthTable } from './oauth.table.js';
import type { Resolved } from './reader.js';
import type { refreshTokenTable } from './refresh-token.table.js';
import type { sessionTable } from './session.table.js';

/** The options as the module uses them: defaulted, validated, durations in milliseconds. */
export interface ResolvedOptions extends Resolved<typeof moduleTable> {
  /** The options of several groups that the rule of rotation goes by. */
  readonly rotation: RotationPolicy;
  readonly refreshToken: Omit<Resolved<typeof refreshTokenTable>, keyof RotationPolicy | 'secrets'> & {
    readonly secrets: readonly TokenSecret[];
  };
  // Options whose default is another option's value are always there.
  readonly accessToken: Resolved<typeof accessTokenTable> & {
    readonly audience: string | [string, ...string[]];
    readonly keys: readonly SigningKey[];
  };
  readonly session: Omit<Resolved<typeof sessionTable>, keyof RotationPolicy> & { readonly retention: number };
  readonly cookie:
    (Omit<Resolved<typeof cookieTable>, 'origins'> & { readonly origins: ReadonlySet<string> }) | undefined;
  readonly oauth: Resolved<typeof oauthTable> & { readonly url: string };
}
