import type { IssuedSession, SessionListResponse } from 'nest-refresh-token';
import { bearer, call, json, postSession, type Answer } from './http.js';
import { SERVICE_KEY } from '../servers/service.js';
import { json as jsonAnswer, type Wire } from './wire.js';

/** How many sessions `DELETE /sessions` has ended. */
export function ended(count: number): Wire {
  return jsonAnswer(200, `{"ended":${count}}`);
}

/** `GET /sessions`, with an access token or a service key. */
export function getSessions(url: string, credential: string, query = ''): Promise<Answer> {
  return call(`${url}/sessions${query}`, { method: 'GET', headers: bearer(credential) });
}

/** `DELETE /sessions`, and what follows it: `/<id>` or a query. */
export function deleteSessions(url: string, credential: string, rest = ''): Promise<Answer> {
  return call(`${url}/sessions${rest}`, { method: 'DELETE', headers: bearer(credential) });
}

/** `PATCH /sessions`, and what follows it: `/<id>` or a query. */
export function patchSessions(url: string, credential: string, rest: string, body: unknown): Promise<Answer> {
  return call(`${url}/sessions${rest}`, {
    method: 'PATCH',
    headers: { ...bearer(credential), 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** A page of sessions, which must be answered. */
export async function listed(url: string, credential: string, query = ''): Promise<SessionListResponse> {
  const answer = await getSessions(url, credential, query);
  if (answer.status !== 200) throw new Error(`Expected 200, got ${answer.status} ${answer.text}`);
  return json<SessionListResponse>(answer);
}

/** A subject's first hundred sessions, as its login backend sees them. */
export async function sessionsOf(url: string, subject: string): Promise<SessionListResponse['sessions']> {
  return (await listed(url, SERVICE_KEY, `?subject=${encodeURIComponent(subject)}&limit=100`)).sessions;
}

/** The ids of a subject's first hundred sessions, newest first. */
export async function idsOf(url: string, subject: string): Promise<string[]> {
  return (await sessionsOf(url, subject)).map(({ id }) => id);
}

/** Starts a session with more than a subject, which must succeed. */
export async function signInWith(
  url: string,
  body: { subject: string; [field: string]: unknown },
): Promise<IssuedSession> {
  const answer = await postSession(url, body);
  if (answer.status !== 201) throw new Error(`Expected 201, got ${answer.status} ${answer.text}`);
  return json<IssuedSession>(answer);
}
