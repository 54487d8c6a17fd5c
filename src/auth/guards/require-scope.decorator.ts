import { ConfigurationError } from '../auth.errors.js';
import { SCOPE } from '../session/issue-options.js';

/** Where the words stand that a route asks for. */
export const REQUIRED_SCOPE = 'nest-refresh-token:required-scope';

/**
 * The scope that `AccessTokenGuard` asks for on a route, or on all of a controller's; a token needs every word, the
 * controller's and the route's, and of each decorator where there are several. Without that guard it asks for nothing.
 * @param scope space-separated words
 * @throws ConfigurationError where it is no scope
 * @example @RequireScope('orders:write')
 */
export function RequireScope(scope: string): MethodDecorator & ClassDecorator {
  if (!SCOPE.test(scope)) {
    throw new ConfigurationError(
      `@RequireScope: got ${JSON.stringify(scope)}, takes space-separated words of printable ASCII without " and \\.`,
    );
  }
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor) => {
    // One that a host's own decorator holds, or a base class has, is not given up for another.
    const on = (descriptor?.value ?? target) as object;
    const declared = (Reflect.getMetadata(REQUIRED_SCOPE, on) ?? []) as readonly string[];
    Reflect.defineMetadata(REQUIRED_SCOPE, [...scope.split(' '), ...declared], on);
  };
}
