import { isIP } from 'node:net';

/** The device that sent a request. A field is `null` where it is not known. */
export interface Device {
  readonly userAgent: string | null;
  readonly ip: string | null;
}

export const UNKNOWN_DEVICE: Device = { userAgent: null, ip: null };

/** The longest `User-Agent` that is stored, in characters. The rest of a longer one is cut off. */
export const MAX_USER_AGENT = 512;
/** The longest text of an IP address, in characters: IPv6 with an embedded IPv4. */
const MAX_IP = 45;

/** The part of a device that fits its columns: a text that does not fit must not make a refresh fail. */
export function recordable({ userAgent, ip }: Device): Device {
  // Cutting may split a surrogate pair, which no database stores, as none stores a NUL.
  const text = userAgent?.slice(0, MAX_USER_AGENT).replaceAll('\0', '').toWellFormed();
  return { userAgent: text || null, ip: ipAddress(ip ?? undefined) ?? null };
}

/** An address with a port: some proxies hand on both. */
const WITH_PORT = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([^\]]+)\]):\d{1,5}$/;

/**
 * Reads an IP address. A port behind the address is dropped. An IPv4 address inside an IPv6 one (RFC 4291 §2.5.5.2) is
 * returned as IPv4.
 * @returns `undefined` where the text is no IP address
 */
export function ipAddress(text: string | undefined): string | undefined {
  const [, ipv4, ipv6] = WITH_PORT.exec(text ?? '') ?? [];
  const address = ipv4 ?? ipv6 ?? text;
  if (address === undefined || address.length > MAX_IP || isIP(address) === 0) return undefined;
  const embedded = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return embedded ?? address;
}
