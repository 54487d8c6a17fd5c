import { isIP } from 'node:net';
import type { AuthRequest } from '../auth.request.js';

/** Where a request came from; each `null` where it isn't known. */
export interface Device {
  readonly userAgent: string | null;
  readonly ip: string | null;
}

export const UNKNOWN_DEVICE: Device = { userAgent: null, ip: null };

/** The longest `User-Agent` that is kept, in characters; the rest is cut off. */
export const MAX_USER_AGENT = 512;
/** The longest text of an IP address, in characters: IPv6 with an embedded IPv4. */
const MAX_IP = 45;

/** The device a request came from, as far as its headers and its connection tell. */
export function deviceOf(request: AuthRequest): Device {
  const userAgent = request.headers['user-agent']?.slice(0, MAX_USER_AGENT);
  return { userAgent: userAgent || null, ip: ipAddress(request.ip) ?? null };
}

/** The address, an IPv4 one as such even where it came over IPv6 (RFC 4291 §2.5.5.2); `undefined` where it is none. */
export function ipAddress(text: string | undefined): string | undefined {
  if (text === undefined || text.length > MAX_IP || isIP(text) === 0) return undefined;
  const embedded = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1];
  return embedded ?? text;
}
