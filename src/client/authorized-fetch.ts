import { RequestNotRepeatedError } from './errors.js';
import type { AccessToken, Call } from './refresher.js';
import { assertTrusted } from './urls.js';

/**
 * `fetch` that adds the access token, and on a 401 refreshes it once and repeats the request once.
 * @param trusted URLs of the origins that may get it, besides the page's own
 */
export function authorizedFetch(
  send: typeof fetch,
  accessToken: AccessToken,
  trusted: readonly string[],
): typeof fetch {
  return async (input, init) => {
    const request = input instanceof Request ? input : undefined;
    const headers = new Headers(init?.headers ?? request?.headers);
    // Whoever brings credentials of his own wants those.
    if (headers.has('Authorization')) return send(input, init);
    // A URL object may be changed while the token is waited for.
    const url = request?.url ?? String(input);
    assertTrusted(url, trusted);

    const sendWith = (token: string | null): Promise<Response> => {
      if (token) headers.set('Authorization', `Bearer ${token}`);
      // A clone, since a body can be sent only once.
      return send(request?.clone() ?? url, { ...init, headers });
    };

    const call: Call = { signal: init?.signal ?? request?.signal, sign_in: null };
    const token = await accessToken(call);
    const response = await sendWith(token);
    if (!token || response.status !== 401) return response;

    call.sign_in ??= 0;
    call.refused = token;
    const next = await accessToken(call);
    if (!next) return response;
    // A stream, of the web's kind or of Node's, is gone.
    const body: { getReader?: unknown; [Symbol.asyncIterator]?: unknown } = Object(init?.body);
    if (body.getReader ?? body[Symbol.asyncIterator]) throw new RequestNotRepeatedError(response);
    // Nobody reads it: the connection is free again.
    void response.body?.cancel().catch(() => undefined);
    return sendWith(next);
  };
}
