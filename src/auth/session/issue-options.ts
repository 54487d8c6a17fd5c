import { InvalidRequestError } from '../auth.errors.js';
import { kindOf } from '../formats/expectation.js';
import { ipAddress, MAX_USER_AGENT } from './device.js';
import type { CustomClaims } from './session.js';
import type { NewSession } from './session.store.js';

/** The options of a new session, as a host's login gives them. */
export interface IssueOptions {
  /** The user's id, 1 to 255 characters. The module never interprets the id. */
  subject: string;
  /** Further claims of the access token: at most 4 KiB as JSON, no registered names. */
  claims?: CustomClaims | undefined;
  /** The scope granted: space-separated words (RFC 6749 §3.3), at most 1,024 characters. */
  scope?: string | undefined;
  /** The client the session belongs to, 1 to 255 printable ASCII characters (RFC 6749 §2.2). */
  clientId?: string | undefined;
  /** The user's own name for the device, 1 to 100 characters. */
  label?: string | undefined;
  /** The `User-Agent` of the login. A longer one is cut to 512 characters. */
  userAgent?: string | null | undefined;
  /** The IP address of the login. A port behind it is cut off. `...deviceOf(request)` gives `userAgent` and `ip`. */
  ip?: string | null | undefined;
  /** Whether the subject's other sessions end: one device at a time. Default false. */
  revokeOthers?: boolean | undefined;
}

/** The claims that only the module sets (RFC 7519 §4.1, RFC 9068 §2.2, RFC 7800 §3.1). */
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

const OPTIONS: readonly string[] = [
  'subject',
  'claims',
  'scope',
  'clientId',
  'label',
  'userAgent',
  'ip',
  'revokeOthers',
] satisfies (keyof IssueOptions)[];

/** The longest subject, in characters. */
export const MAX_SUBJECT = 255;
/** The longest client id, in characters. */
export const MAX_CLIENT_ID = 255;
/** The longest label of a device, in characters. */
export const MAX_LABEL = 100;
/** The longest scope, in characters. */
export const MAX_SCOPE = 1_024;
/** The largest claims, in bytes of JSON. */
export const MAX_CLAIMS_BYTES = 4_096;
/** Space-separated words (RFC 6749 §3.3). */
export const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$/;
/** RFC 6749 appendix A.1. */
const CLIENT_ID = /^[\x20-\x7E]+$/;

/**
 * Checks the options of a new session, for the host's code and for HTTP alike.
 * @throws InvalidRequestError with the field, the value it got and the values it takes
 */
export function checkIssueOptions(options: IssueOptions): Omit<NewSession, 'id'> {
  // A misspelt option would silently have no effect.
  const stranger = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (stranger !== undefined)
    reject('options', `the unknown ${JSON.stringify(stranger.slice(0, 20))}`, OPTIONS.join(', '));
  const { subject, claims, scope, clientId, label, userAgent, ip, revokeOthers } = options;
  if (revokeOthers !== undefined && typeof revokeOthers !== 'boolean') {
    reject('revoke_others', kindOf(revokeOthers), 'true or false');
  }
  return {
    subject: checkSubject(subject),
    claims: claims === undefined ? null : checkClaims(claims),
    scope: scope === undefined ? null : checkScope(scope),
    clientId: clientId === undefined ? null : checkClientId(clientId),
    label: label === undefined ? null : checkLabel(label),
    // An empty User-Agent counts as none: a login must not fail for it.
    userAgent: userAgent === undefined || userAgent === null ? null : checkUserAgent(userAgent) || null,
    ip: isNoAddress(ip) ? null : checkIp(ip),
  };
}

/** @throws InvalidRequestError where the value is no subject */
export function checkSubject(subject: unknown): string {
  return checkText('subject', subject, MAX_SUBJECT);
}

/** @throws InvalidRequestError where the value is no label */
export function checkLabel(label: unknown): string {
  return checkText('label', label, MAX_LABEL);
}

function checkText(field: string, value: unknown, max: number): string {
  const takes = `a string of 1 to ${max} characters`;
  if (typeof value !== 'string') reject(field, kindOf(value), takes);
  // Counted as databases and OpenAPI count: an emoji is one character.
  const { length } = Array.from(value);
  if (length < 1 || length > max) reject(field, `${length} characters`, takes);
  if (!isStorable(value)) reject(field, 'U+0000 or half a character', takes);
  return value;
}

function checkUserAgent(userAgent: unknown): string {
  const takes = 'a string, the User-Agent header of the login';
  if (typeof userAgent !== 'string') reject('user_agent', kindOf(userAgent), takes);
  if (!isStorable(userAgent)) reject('user_agent', 'U+0000 or half a character', takes);
  return Array.from(userAgent).slice(0, MAX_USER_AGENT).join('');
}

/** Whether there is no address to check. RFC 7239 §6 lets a proxy say "unknown": a login must not fail for that. */
function isNoAddress(ip: unknown): boolean {
  return ip === undefined || ip === null || ip === '' || ip === 'unknown';
}

function checkIp(ip: unknown): string {
  const takes = 'an IPv4 or IPv6 address';
  if (typeof ip !== 'string') reject('ip', kindOf(ip), takes);
  return ipAddress(ip) ?? reject('ip', 'something else', takes);
}

/** @throws InvalidRequestError where the value is no claims */
export function checkClaims(claims: unknown): CustomClaims {
  const takes = `an object of at most ${MAX_CLAIMS_BYTES} bytes of JSON`;
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) reject('claims', kindOf(claims), takes);
  const json = jsonOf(claims) ?? reject('claims', 'something that JSON has no form for', takes);
  const size = Buffer.byteLength(json);
  if (size > MAX_CLAIMS_BYTES) reject('claims', `${size} bytes`, takes);
  // In JSON text, U+0000 and a lone surrogate stand as escapes only. Behind an escaped backslash stands no escape.
  if (/(?:^|[^\\])(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i.test(json)) {
    reject('claims', 'U+0000 or half a character in a string', takes);
  }

  // The parsed JSON is what will be signed: an object's toJSON may have changed it.
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

/** @throws InvalidRequestError where the value is no scope */
export function checkScope(scope: unknown): string {
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

/** Whether every database can store a text: PostgreSQL stores no U+0000, and UTF-8 has no half of a surrogate pair. */
function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function reject(field: string, got: string, takes: string): never {
  throw new InvalidRequestError(`${field}: got ${got}, takes ${takes}.`);
}
