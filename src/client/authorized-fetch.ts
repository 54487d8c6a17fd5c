import { RequestNotRepeatedError } from './errors.js';
import type { AccessToken, Call } from './refresher.js';
import { assertTrusted } from './urls.js';

/**
 * A `fetch` that adds the access token. On a 401 it refreshes the token once and repeats the request once.
 * @param trusted URLs of the origins that may get the token, besides the page's own
 */
export function authorizedFetch(
  send: typeof fetch,
  accessToken: AccessToken,
  trusted: readonly string[],
): typeof fetch {
  return async (input, init) => {
    const request = input instanceof Request ? input : undefined;
    const headers = new Headers(init?.headers ?? request?.headers);
    // A caller's own credentials are sent as they are.
    if (headers.has('Authorization')) return send(input, init);
    // Read now: the caller may change a URL object while this waits for the token.
    const url = request?.url ?? String(input);
    assertTrusted(url, trusted);

    const sendWith = (token: string | null): Promise<Response> => {
      if (token) headers.set('Authorization', `Bearer ${token}`);
      // A clone, since the body of a `Request` can be sent only once.
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
    // A stream (the web's or Node's) was used up by the first request.
    const body: { getReader?: unknown; [Symbol.asyncIterator]?: unknown } = Object(init?.body);
    if (body.getReader ?? body[Symbol.asyncIterator]) throw new RequestNotRepeatedError(response);
    // Nobody reads the body of the 401. Cancelling it frees the connection.
    void response.body?.cancel().catch(() => undefined);
    return sendWith(next);
  };
}
