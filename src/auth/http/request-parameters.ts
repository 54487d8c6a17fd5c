import { InvalidRequestError } from '../auth.errors.js';
import type { AuthRequest } from './auth.request.js';

/** The longest name that an error repeats, in characters. */
const MAX_NAME = 20;

/**
 * The parameters of the query. An unknown one is refused: a misspelt `subject` must not mean "all".
 * @throws InvalidRequestError naming the parameter that is unknown, or there twice
 */
export function queryOf<T extends string>(
  { url = '' }: AuthRequest,
  known: readonly T[],
): { readonly [K in T]?: string } {
  const start = url.indexOf('?');
  const parameters = [...new URLSearchParams(start < 0 ? '' : url.slice(start))];
  for (const [position, [name]] of parameters.entries()) {
    if (!isKnown(name, known)) throw unknown('query', 'parameter', name, known);
    if (parameters.findIndex(([other]) => other === name) < position) {
      throw new InvalidRequestError(`${name}: got it more than once, takes one.`);
    }
  }
  return Object.fromEntries(parameters) as { [K in T]?: string };
}

/**
 * The fields of the JSON body. An unknown one is refused.
 * @throws InvalidRequestError where the body is no JSON object, or naming the field that is unknown
 */
export function bodyOf<T extends string>(request: AuthRequest, known: readonly T[]): { readonly [K in T]?: unknown } {
  const { body } = request;
  if (!isJson(request) || typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new InvalidRequestError('body: got something else, takes a JSON object with Content-Type: application/json.');
  }
  const stranger = Object.keys(body).find((field) => !isKnown(field, known));
  if (stranger !== undefined) throw unknown('body', 'field', stranger, known);
  return body as { [K in T]?: unknown };
}

function isKnown(name: string, known: readonly string[]): boolean {
  return known.includes(name);
}

function unknown(place: string, kind: string, name: string, known: readonly string[]): InvalidRequestError {
  const takes = known.length > 0 ? known.join(', ') : 'none';
  // A longer name may be a token or a key in the wrong place: the error doesn't repeat it.
  const got =
    name.length > MAX_NAME
      ? `an unknown ${kind} of ${name.length} characters`
      : `the unknown ${kind} ${JSON.stringify(name)}`;
  return new InvalidRequestError(`${place}: got ${got}, takes ${takes}.`);
}

function isJson(request: AuthRequest): boolean {
  return /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '');
}
