import { ConfigurationError } from '../auth.errors.js';
import { SCOPE } from '../session/issue-options.js';

/** The metadata that holds the words of a route's scope. */
export const REQUIRED_SCOPE = 'nest-refresh-token:required-scope';

/**
 * The scope that `AccessTokenGuard` asks for on a route, or on all routes of a controller. A token needs every word: the
 * controller's and the route's, and those of each decorator where there are several. Without the guard nothing is asked
 * for.
 * @param scope space-separated words
 * @throws ConfigurationError where the text is no scope
 * @example @RequireScope('orders:write')
 */
export function RequireScope(scope: string): MethodDecorator & ClassDecorator {
  if (!SCOPE.test(scope)) {
    throw new ConfigurationError(
      `@RequireScope: got ${JSON.stringify(scope)}, takes space-separated words of printable ASCII without " and \\.`,
    );
  }
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor) => {
    // Words that a host's own decorator has set, or a base class has, stay.
    const on = (descriptor?.value ?? target) as object;
    const declared = (Reflect.getMetadata(REQUIRED_SCOPE, on) ?? []) as readonly string[];
    Reflect.defineMetadata(REQUIRED_SCOPE, [...scope.split(' '), ...declared], on);
  };
}
