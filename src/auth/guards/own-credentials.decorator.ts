import { SetMetadata } from '@nestjs/common';

/** The metadata of a controller whose callers present something other than an access token. */
export const OWN_CREDENTIALS = 'nest-refresh-token:own-credentials';

/**
 * A global `AccessTokenGuard` lets the callers of this controller pass: a client that refreshes has no good access token
 * any more. The controller guards itself.
 */
export function OwnCredentials(): ClassDecorator {
  return SetMetadata(OWN_CREDENTIALS, true);
}
