import { InvalidRequestError } from '../auth.errors.js';
import { kindOf } from '../kind-of.js';
import type { CustomClaims } from './session.js';
import type { NewSession } from './session.store.js';

/** What a host's login hands over to start a session. */
export interface IssueOptions {
  /** The user's id, 1 to 255 characters; never interpreted. */
  subject: string;
  /** More claims for the access token, fixed for the session's life: at most 4 KiB as JSON, none of the registered names. */
  claims?: CustomClaims | undefined;
  /** The scope granted: space-separated words (RFC 6749 §3.3), at most 1,024 characters. */
  scope?: string | undefined;
  /** The client the session belongs to, 1 to 255 printable ASCII characters (RFC 6749 §2.2). */
  clientId?: string | undefined;
}

/** Claims that are the module's to set (RFC 7519 §4.1, RFC 9068 §2.2, RFC 7800 §3.1). */
export const REGISTERED_CLAIMS: readonly string[] = [
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'sid',
  'client_id',
  'scope',
  'auth_time',
  'cnf',
];

const MAX_SUBJECT = 255;
const MAX_CLIENT_ID = 255;
const MAX_SCOPE = 1_024;
const MAX_CLAIMS_BYTES = 4_096;
// RFC 6749 §3.3 and appendix A.1.
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$/;
const CLIENT_ID = /^[\x20-\x7E]+$/;

/**
 * Checks what a session is to start with; the one place where that is decided, for the host's code and for HTTP.
 * @throws InvalidRequestError naming the field, what it got and what it takes
 */
export function checkIssueOptions({ subject, claims, scope, clientId }: IssueOptions): Omit<NewSession, 'id'> {
  return {
    subject: checkSubject(subject),
    claims: claims === undefined ? null : checkClaims(claims),
    scope: scope === undefined ? null : checkScope(scope),
    clientId: clientId === undefined ? null : checkClientId(clientId),
  };
}

/** @throws InvalidRequestError where it can't be a subject */
export function checkSubject(subject: unknown): string {
  const takes = `a string of 1 to ${MAX_SUBJECT} characters`;
  if (typeof subject !== 'string') reject('subject', kindOf(subject), takes);
  // Counted as the database counts, and OpenAPI: an emoji is one.
  const { length } = Array.from(subject);
  if (length < 1 || length > MAX_SUBJECT) reject('subject', `${length} characters`, takes);
  if (!isStorable(subject)) reject('subject', 'U+0000 or half a character', takes);
  return subject;
}

function checkClaims(claims: unknown): CustomClaims {
  const takes = `an object of at most ${MAX_CLAIMS_BYTES} bytes of JSON`;
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) reject('claims', kindOf(claims), takes);
  const json = jsonOf(claims) ?? reject('claims', 'something that JSON has no form for', takes);
  const size = Buffer.byteLength(json);
  if (size > MAX_CLAIMS_BYTES) reject('claims', `${size} bytes`, takes);
  // In JSON text, U+0000 and a lone surrogate can only stand as escapes; an escaped backslash before them is no escape.
  if (/(?:^|[^\\])(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i.test(json)) {
    reject('claims', 'U+0000 or half a character in a string', takes);
  }

  // What is checked is what will be signed: toJSON may have made something else of the object.
  const plain = JSON.parse(json) as CustomClaims;
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) reject('claims', kindOf(plain), takes);
  const reserved = Object.keys(plain).find((name) => REGISTERED_CLAIMS.includes(name) || name === '__proto__');
  if (reserved) reject('claims', `the reserved name "${reserved}"`, `any but ${REGISTERED_CLAIMS.join(', ')}`);
  return plain;
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function checkScope(scope: unknown): string {
  const takes = `space-separated words of printable ASCII without " and \\, at most ${MAX_SCOPE} characters`;
  if (typeof scope !== 'string') reject('scope', kindOf(scope), takes);
  if (scope.length > MAX_SCOPE) reject('scope', `${scope.length} characters`, takes);
  if (!SCOPE.test(scope)) reject('scope', 'something else', takes);
  return scope;
}

function checkClientId(clientId: unknown): string {
  const takes = `a string of 1 to ${MAX_CLIENT_ID} printable ASCII characters`;
  if (typeof clientId !== 'string') reject('client_id', kindOf(clientId), takes);
  if (clientId.length > MAX_CLIENT_ID) reject('client_id', `${clientId.length} characters`, takes);
  if (!CLIENT_ID.test(clientId)) reject('client_id', clientId === '' ? '0 characters' : 'other characters', takes);
  return clientId;
}

/** A database can store neither U+0000 (PostgreSQL) nor half of a surrogate pair (UTF-8). */
function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function reject(field: string, got: string, takes: string): never {
  throw new InvalidRequestError(`${field}: got ${got}, takes ${takes}.`);
}
