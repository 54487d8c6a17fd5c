import { request as send, type IncomingHttpHeaders } from 'node:http';
import type { IssuedSession, TokenResponse } from 'nest-refresh-token';
import { SERVICE_KEY } from '../servers/service.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The body, byte for byte. */
  readonly text: string;
}

interface Request {
  method?: string;
  /** An array sends the header once an entry. */
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
}

/** One request over a connection of its own, with headers exactly as given. */
export function call(url: string, { method = 'POST', headers = {}, body }: Request = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = send(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.once('error', reject);
    request.end(body);
  });
}

export function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

/** `POST /refresh_token`. */
export function refresh(url: string, token: string): Promise<Answer> {
  return call(`${url}/refresh_token`, { headers: bearer(token) });
}

/** `POST /logout`. */
export function logout(url: string, token: string): Promise<Answer> {
  return call(`${url}/logout`, { headers: bearer(token) });
}

/** `POST /sessions` with the tests' service key. */
export function postSession(url: string, body: object): Promise<Answer> {
  return call(`${url}/sessions`, {
    headers: { ...bearer(SERVICE_KEY), 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Starts a session, which must succeed. */
export async function signIn(url: string, subject = 'alice'): Promise<IssuedSession> {
  return json<IssuedSession>(expectStatus(201, await postSession(url, { subject })));
}

/** Refreshes, which must succeed. */
export async function refreshed(url: string, token: string): Promise<TokenResponse> {
  return json<TokenResponse>(expectStatus(200, await refresh(url, token)));
}

export function json<T>(answer: Answer): T {
  return JSON.parse(answer.text) as T;
}

function expectStatus(status: number, answer: Answer): Answer {
  if (answer.status !== status) throw new Error(`Expected ${status}, got ${answer.status} ${answer.text}`);
  return answer;
}
