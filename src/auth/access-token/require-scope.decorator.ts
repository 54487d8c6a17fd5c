import { SetMetadata } from '@nestjs/common';
import { ConfigurationError } from '../auth.errors.js';

/** Where the words stand that a route asks for. */
export const REQUIRED_SCOPE = 'nest-refresh-token:required-scope';

// RFC 6749 §3.3.
const WORDS = /^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$/;

/**
 * The scope that `AccessTokenGuard` asks for on a route, or on all of a controller's; a token needs every word, the
 * controller's and the route's. Without that guard it asks for nothing.
 * @param scope space-separated words
 * @throws ConfigurationError where it is no scope
 * @example @RequireScope('orders:write')
 */
export function RequireScope(scope: string): MethodDecorator & ClassDecorator {
  if (!WORDS.test(scope)) {
    throw new ConfigurationError(
      `@RequireScope: got ${JSON.stringify(scope)}, takes space-separated words of printable ASCII without " and \\.`,
    );
  }
  return SetMetadata(REQUIRED_SCOPE, scope.split(' '));
}
