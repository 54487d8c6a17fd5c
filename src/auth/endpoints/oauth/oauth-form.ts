import { InvalidRequestError } from '../../auth.errors.js';
import { isForm, queryNames, requireOneAuthorization, type AuthRequest } from '../../http/auth.request.js';

/** Parameters that must not stand in a URL, since servers and proxies log URLs (RFC 6749 §2.3.1, RFC 6750 §5.3). */
const SECRETS = new Set(['token', 'refresh_token', 'access_token', 'client_secret']);

/**
 * The named parameters of a form. Other parameters are ignored, and an empty one is left out (RFC 6749 §3.2).
 * @throws InvalidRequestError where the body is no form, a parameter comes twice, or a token stands in the URL
 */
export function oauthForm<T extends string>(request: AuthRequest, names: readonly T[]): { readonly [K in T]?: string } {
  requireOneAuthorization(request);
  const misplaced = queryNames(request).find((name) => SECRETS.has(name));
  if (misplaced !== undefined)
    throw new InvalidRequestError(`${misplaced}: got it in the query, takes it in the body.`);
  const { body } = request;
  if (!isForm(request) || typeof body !== 'object' || body === null) {
    throw new InvalidRequestError('body: got something else, takes a form (application/x-www-form-urlencoded).');
  }
  const given = names.map((name) => [name, parameter(name, (body as Record<string, unknown>)[name])] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as { [K in T]?: string };
}

function parameter(name: string, value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined;
  // A parameter that came more than once (RFC 6749 §3.2) is a list; some form parsers make objects, too.
  if (typeof value !== 'string') throw new InvalidRequestError(`${name}: got it more than once, takes one.`);
  return value;
}
