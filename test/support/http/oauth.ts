import type { ScopedTokenResponse } from 'nest-refresh-token';
import { bearer, call, json, type Answer } from './http.js';
import { SERVICE_KEY } from '../servers/service.js';
import { json as jsonAnswer, type Wire } from './wire.js';

export const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Parameters of a form; as pairs, one may come twice. */
export type FormParameters = Record<string, string> | [name: string, value: string][];

/** Sends a form. */
export function postForm(
  url: string,
  parameters: FormParameters,
  headers: Record<string, string | string[]> = {},
): Promise<Answer> {
  return call(url, {
    headers: { 'Content-Type': FORM_TYPE, ...headers },
    body: new URLSearchParams(parameters).toString(),
  });
}

/** `POST /oauth/token` with a refresh token. */
export function exchange(url: string, token: string, parameters: Record<string, string> = {}): Promise<Answer> {
  return postForm(`${url}/oauth/token`, { grant_type: 'refresh_token', refresh_token: token, ...parameters });
}

/** The same, which must succeed. */
export async function exchanged(
  url: string,
  token: string,
  parameters: Record<string, string> = {},
): Promise<ScopedTokenResponse> {
  const answer = await exchange(url, token, parameters);
  if (answer.status !== 200) throw new Error(`Expected 200, got ${answer.status} ${answer.text}`);
  return json<ScopedTokenResponse>(answer);
}

/** `POST /oauth/revoke`. */
export function revoke(url: string, token: string, parameters: Record<string, string> = {}): Promise<Answer> {
  return postForm(`${url}/oauth/revoke`, { token, ...parameters });
}

/** `POST /oauth/introspect`, with the tests' service key unless other credentials are given. */
export function introspect(
  url: string,
  token: string,
  headers: Record<string, string> = bearer(SERVICE_KEY),
): Promise<Answer> {
  return postForm(`${url}/oauth/introspect`, { token }, headers);
}

/** `Authorization: Basic`, of the credentials as they stand. */
export function basic(user: string, password: string): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

/** An error of RFC 6749 §5.2 that says what is wrong with the request. */
export function oauthError(error: string, description: string): Wire {
  return jsonAnswer(400, JSON.stringify({ error, error_description: description }));
}

/** Tokens, which no cache may keep (RFC 6749 §5.1). */
export function tokenResponse(text: string): Wire {
  const { headers, ...answer } = jsonAnswer(200, text);
  return { ...answer, headers: { ...headers, pragma: 'no-cache' } };
}

/** The same bytes whatever is wrong with the token. */
export const INVALID_GRANT = jsonAnswer(400, '{"error":"invalid_grant"}');

export const INVALID_SCOPE = oauthError(
  'invalid_scope',
  'scope: got more than the session has, takes words of its scope.',
);

const invalidClient = jsonAnswer(401, '{"error":"invalid_client"}');

/** To whoever didn't come with Bearer. */
export const INVALID_CLIENT: Wire = {
  ...invalidClient,
  headers: { ...invalidClient.headers, 'www-authenticate': 'Basic realm="nest-refresh-token"' },
};

/** To whoever came with Bearer (RFC 6749 §5.2: the challenge is of the scheme that was used). */
export const INVALID_BEARER_CLIENT: Wire = {
  ...invalidClient,
  headers: { ...invalidClient.headers, 'www-authenticate': 'Bearer error="invalid_token"' },
};

/** What RFC 7009 §2.2 answers, whether there was anything to revoke or not. */
export const REVOKED: Wire = { status: 200, text: '', headers: { 'cache-control': 'no-store' } };

/** All that is told of a token that isn't good (RFC 7662 §2.2). */
export const INACTIVE = jsonAnswer(200, '{"active":false}');
