import { afterEach, beforeEach } from '@jest/globals';

/** Answers a request in the place of a server. */
export type Handler = (request: Request) => Promise<Response>;

/** The README's example origins, as a page finds them: where a test leads them, with the cookies of a browser. */
export interface ExampleOrigins {
  /** @param to a server's URL, or what answers in its place */
  lead(origin: string, to: string | Handler): void;
  /** The requests that were sent to them: `POST https://auth.example.com/refresh_token`. */
  readonly sent: string[];
}

/** For every test of the suite. */
export function exampleOriginsForEachTest(pageOrigin: string): ExampleOrigins {
  const { fetch } = globalThis;
  const targets = new Map<string, string | Handler>();
  const cookies = new Map<string, string>();
  const sent: string[] = [];

  beforeEach(() => {
    sent.length = 0;
    cookies.clear();
    globalThis.fetch = async (input, init) => {
      const request = new Request(input, init);
      const { origin } = new URL(request.url);
      const to = targets.get(origin);
      if (to === undefined) return fetch(request);
      sent.push(`${request.method} ${request.url}`);
      if (typeof to !== 'string') return to(request);

      const isCredentialed = request.credentials === 'include';
      const headers = new Headers(request.headers);
      headers.set('Origin', pageOrigin);
      const cookie = cookies.get(origin);
      if (isCredentialed && cookie) headers.set('Cookie', cookie);
      const response = await fetch(new Request(to + request.url.slice(origin.length), request), { headers });
      const [set = ''] = response.headers.getSetCookie();
      if (isCredentialed && set) cookies.set(origin, set.split(';', 1).join());
      return response;
    };
  });
  afterEach(() => {
    globalThis.fetch = fetch;
    targets.clear();
  });
  return { sent, lead: (origin, to) => void targets.set(origin, to) };
}
