import { isIP } from 'node:net';

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

/** What of a device can be recorded, whatever a host hands over: a text that has no room must not cost a refresh. */
export function recordable({ userAgent, ip }: Device): Device {
  // Cutting may leave half a character, which is none to a database; and no database takes a NUL.
  const text = userAgent?.slice(0, MAX_USER_AGENT).replaceAll('\0', '').toWellFormed();
  return { userAgent: text || null, ip: ipAddress(ip ?? undefined) ?? null };
}

/** An address with a port, as some proxies hand it over. */
const WITH_PORT = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([^\]]+)\]):\d{1,5}$/;

/**
 * The address without the port that some proxies add; an IPv4 one as such even where it came over IPv6 (RFC 4291
 * §2.5.5.2); `undefined` where it is none.
 */
export function ipAddress(text: string | undefined): string | undefined {
  const [, ipv4, ipv6] = WITH_PORT.exec(text ?? '') ?? [];
  const address = ipv4 ?? ipv6 ?? text;
  if (address === undefined || address.length > MAX_IP || isIP(address) === 0) return undefined;
  const embedded = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return embedded ?? address;
}
