import { SetMetadata } from '@nestjs/common';

/** Marks a controller whose callers have no access token, or not that alone: it sees to its callers itself. */
export const OWN_CREDENTIALS = 'nest-refresh-token:own-credentials';

/** A global `AccessTokenGuard` lets the controller's callers pass: who refreshes has no good access token any more. */
export function OwnCredentials(): ClassDecorator {
  return SetMetadata(OWN_CREDENTIALS, true);
}
