import type { Answer } from './http.js';

/** An answer byte for byte: its status, its body, and every header but those of the connection. */
export interface Wire {
  readonly status: number;
  readonly text: string;
  readonly headers: Record<string, unknown>;
}

const OF_THE_CONNECTION = new Set(['date', 'connection', 'keep-alive', 'content-length']);

/** What of an answer the contract decides; a header more or less is a difference. */
export function wire({ status, text, headers }: Answer): Wire {
  const decided = Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.has(name));
  return { status, text, headers: Object.fromEntries(decided) };
}

const JSON_HEADERS = { 'cache-control': 'no-store', 'content-type': 'application/json; charset=utf-8' };
const REFUSED_HEADERS = { ...JSON_HEADERS, 'www-authenticate': 'Bearer error="invalid_token"' };

/** An answer with a JSON body and no header of its own. */
export function json(status: number, text: string): Wire {
  return { status, text, headers: JSON_HEADERS };
}

export const MISSING_TOKEN: Wire = {
  status: 401,
  text: '{"error":"missing_token"}',
  headers: { ...JSON_HEADERS, 'www-authenticate': 'Bearer' },
};

export const REFUSED: Wire = {
  status: 401,
  text: '{"error":"invalid_refresh_token"}',
  headers: REFUSED_HEADERS,
};

export const INVALID_TOKEN: Wire = {
  status: 401,
  text: '{"error":"invalid_token"}',
  headers: REFUSED_HEADERS,
};

export const WRONG_SERVICE_KEY: Wire = {
  status: 401,
  text: '{"error":"invalid_service_key"}',
  headers: REFUSED_HEADERS,
};

export const UNAVAILABLE: Wire = {
  status: 503,
  text: '{"error":"temporarily_unavailable"}',
  headers: { ...JSON_HEADERS, 'retry-after': '5' },
};

export const TOO_LARGE = json(
  413,
  '{"error":"invalid_request","error_description":"body: got more than 32 KiB, takes at most that."}',
);

export const SERVER_ERROR = json(500, '{"error":"server_error"}');
export const NOT_FOUND = json(404, '{"error":"not_found"}');
export const NO_CONTENT: Wire = { status: 204, text: '', headers: { 'cache-control': 'no-store' } };

export function invalidRequest(description: string): Wire {
  return {
    status: 400,
    text: JSON.stringify({ error: 'invalid_request', error_description: description }),
    headers: { ...JSON_HEADERS, 'www-authenticate': 'Bearer error="invalid_request"' },
  };
}

export const TWO_AUTHORIZATIONS = invalidRequest('Authorization: got more than one such header, takes one.');
export const NOT_WHAT_ITS_TYPE_SAYS = invalidRequest(
  'body: got something that is not what its Content-Type and Content-Encoding say.',
);
