import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { InvalidRequestError } from '../auth.errors.js';

/** What the module reads of a request, as Express and Fastify hand it over. */
export interface AuthRequest {
  readonly headers: IncomingHttpHeaders;
  readonly url?: string | undefined;
  readonly body?: unknown;
  /** The client's address, behind the proxies that the application trusts. */
  readonly ip?: string | undefined;
  /** Every header as often as it came; Express's request is Node's own. */
  readonly headersDistinct?: IncomingMessage['headersDistinct'] | undefined;
  /** Node's own request, of Fastify's. */
  readonly raw?: Pick<IncomingMessage, 'headersDistinct'> | undefined;
}

/** What in a request, besides the `Authorization` header, would be another token. */
export interface OtherToken {
  /** The names of its parameters, with or without a subscript (`token[]`). */
  readonly names: RegExp;
  /** Whether a field of a JSON body is one, too. */
  readonly isInJson: boolean;
}

/** The parameters that carry a refresh token in other protocols. */
export const OTHER_REFRESH_TOKEN: OtherToken = {
  names: /^(?:access_token|refresh_token|token)(?:\[|$)/,
  isInJson: true,
};
/** The one that carries an access token (RFC 6750 §2.2, §2.3); other fields are the host's own. */
export const OTHER_ACCESS_TOKEN: OtherToken = { names: /^access_token(?:\[|$)/, isInJson: false };

/**
 * Refuses a second `Authorization` header: Node keeps the first in `headers`, a proxy may keep the last.
 * @throws InvalidRequestError
 */
export function requireOneAuthorization({ headersDistinct, raw }: AuthRequest): void {
  // The handshake of a WebSocket has only been given `headers`.
  const distinct = headersDistinct ?? raw?.headersDistinct;
  if ((distinct?.['authorization']?.length ?? 0) > 1) {
    throw new InvalidRequestError('Authorization: got more than one such header, takes one.');
  }
}

/**
 * Refuses what could make two readers of the request see different tokens: a repeated `Authorization` header, or a
 * token anywhere but there (RFC 6750 §2 allows one method a request; §5.3 warns of URLs).
 * @throws InvalidRequestError
 */
export function requireTokenInHeaderOnly(request: AuthRequest, { names, isInJson }: OtherToken): void {
  requireOneAuthorization(request);
  const given = { query: queryNames(request), body: isInJson || isForm(request) ? bodyNames(request) : [] };
  for (const place of ['query', 'body'] as const) {
    const name = given[place].find((candidate) => names.test(candidate));
    if (name !== undefined) {
      // The bare name: what follows it is the client's text.
      const shown = name.replace(/\[.*/s, '');
      throw new InvalidRequestError(
        `${shown}: got it in the ${place}, takes a token in the Authorization header only.`,
      );
    }
  }
}

/** The names in the query, read from the URL itself: the adapters' parsers stop at some number of parameters. */
export function queryNames({ url = '' }: AuthRequest): string[] {
  const start = url.indexOf('?');
  return start < 0 ? [] : [...new URLSearchParams(url.slice(start)).keys()];
}

/** Whether the body says that it is a form. */
export function isForm({ headers }: AuthRequest): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
}

function bodyNames({ body }: AuthRequest): string[] {
  // Bytes and lists have as many keys as entries, and no names.
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
