import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { InvalidRequestError } from '../auth.errors.js';

/** The parts of a request that the module reads. Express and Fastify hand over requests that have them. */
export interface AuthRequest {
  readonly headers: IncomingHttpHeaders;
  readonly url?: string | undefined;
  readonly body?: unknown;
  /** The client's address, behind the proxies that the application trusts. */
  readonly ip?: string | undefined;
  /** All values of each header. Express's request has them, since it is Node's own. */
  readonly headersDistinct?: IncomingMessage['headersDistinct'] | undefined;
  /** Node's own request, inside Fastify's. */
  readonly raw?: Pick<IncomingMessage, 'headersDistinct'> | undefined;
}

/** The parameters that would carry a second token, besides the `Authorization` header. */
export interface OtherToken {
  /** The parameters' names, with or without a subscript (`token[]`). */
  readonly names: RegExp;
  /** Whether a field of a JSON body counts, too. */
  readonly isInJson: boolean;
}

/** The parameters that carry a refresh token in other protocols. */
export const OTHER_REFRESH_TOKEN: OtherToken = {
  names: /^(?:access_token|refresh_token|token)(?:\[|$)/,
  isInJson: true,
};
/** The parameter that carries an access token (RFC 6750 §2.2, §2.3). Other fields are the host's own. */
export const OTHER_ACCESS_TOKEN: OtherToken = { names: /^access_token(?:\[|$)/, isInJson: false };

/**
 * Refuses a second `Authorization` header: Node keeps the first in `headers`, a proxy may keep the last.
 * @throws InvalidRequestError
 */
export function requireOneAuthorization({ headersDistinct, raw }: AuthRequest): void {
  // The handshake of a WebSocket has only `headers`.
  const distinct = headersDistinct ?? raw?.headersDistinct;
  if ((distinct?.['authorization']?.length ?? 0) > 1) {
    throw new InvalidRequestError('Authorization: got more than one such header, takes one.');
  }
}

/**
 * Refuses a request in which two readers could see different tokens: with a repeated `Authorization` header, or with a
 * token in the query or the body (RFC 6750 §2 allows one method a request; §5.3 warns of URLs).
 * @throws InvalidRequestError
 */
export function requireTokenInHeaderOnly(request: AuthRequest, { names, isInJson }: OtherToken): void {
  requireOneAuthorization(request);
  const given = { query: queryNames(request), body: isInJson || isForm(request) ? bodyNames(request) : [] };
  for (const place of ['query', 'body'] as const) {
    const name = given[place].find((candidate) => names.test(candidate));
    if (name !== undefined) {
      // Without the subscript, which is the client's text.
      const shown = name.replace(/\[.*/s, '');
      throw new InvalidRequestError(
        `${shown}: got it in the ${place}, takes a token in the Authorization header only.`,
      );
    }
  }
}

/** The names in the query. They are read from the URL: the adapters' parsers stop at some number of parameters. */
export function queryNames({ url = '' }: AuthRequest): string[] {
  const start = url.indexOf('?');
  return start < 0 ? [] : [...new URLSearchParams(url.slice(start)).keys()];
}

/** Whether the request says that its body is a form. */
export function isForm({ headers }: AuthRequest): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
}

function bodyNames({ body }: AuthRequest): string[] {
  // The keys of bytes and lists are positions, no names.
  const hasNames = typeof body === 'object' && body !== null && !ArrayBuffer.isView(body) && !Array.isArray(body);
  return hasNames ? Object.keys(body) : [];
}

/** The bearer credentials that a request presents, be they good or malformed (RFC 6750 §2.1). */
export function bearerCredentials({ headers: { authorization } }: AuthRequest): string | undefined {
  return authorization !== undefined && /^bearer\s/i.test(authorization) ? authorization : undefined;
}

/** The token of well-formed bearer credentials; `undefined` where they are missing or malformed. */
export function bearerToken(request: AuthRequest): string | undefined {
  return /^bearer ([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1];
}
