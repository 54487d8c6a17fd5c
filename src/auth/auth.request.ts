import type { IncomingMessage } from 'node:http';
import { InvalidRequestError } from './auth.errors.js';

/** A request as an HTTP adapter of Nest hands it over: what the adapters have in common. */
export interface AuthRequest extends IncomingMessage {
  readonly query?: unknown;
  readonly body?: unknown;
}

/** Parameters that carry a token in other protocols, with or without a subscript (`token[]`). */
const TOKEN_PARAMETER = /^(?:access_token|refresh_token|token)(?:\[|$)/;

/**
 * Refuses a second `Authorization` header: Node keeps the first in `headers`, a proxy may keep the last.
 * @throws InvalidRequestError
 */
export function requireOneAuthorization(request: AuthRequest): void {
  if ((request.headersDistinct['authorization']?.length ?? 0) > 1) {
    throw new InvalidRequestError('Authorization: got more than one such header, takes one.');
  }
}

/**
 * Refuses what could make two readers of the request see different tokens: a repeated `Authorization` header, or a
 * token anywhere but there (RFC 6750 §2 allows one method a request; §5.3 warns of URLs).
 * @throws InvalidRequestError
 */
export function requireTokenInHeaderOnly(request: AuthRequest): void {
  requireOneAuthorization(request);
  const places = { query: request.query, body: request.body };
  for (const [place, parameters] of Object.entries(places)) {
    const name = tokenParameterOf(parameters);
    if (name) {
      throw new InvalidRequestError(`${name}: got it in the ${place}, takes a token in the Authorization header only.`);
    }
  }
}

function tokenParameterOf(parameters: unknown): string | undefined {
  if (typeof parameters !== 'object' || parameters === null) return undefined;
  const found = Object.keys(parameters).find((name) => TOKEN_PARAMETER.test(name));
  // The bare name: what follows it is the client's text.
  return found?.replace(/\[.*/s, '');
}

/** Whether the request presents bearer credentials at all, be they good or malformed (RFC 6750 §2.1). */
export function presentsBearer(request: AuthRequest): boolean {
  return /^bearer\s/i.test(request.headers.authorization ?? '');
}

/** The token of well-formed bearer credentials; `undefined` where they are missing or malformed. */
export function bearerToken(request: AuthRequest): string | undefined {
  return /^bearer ([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1];
}
