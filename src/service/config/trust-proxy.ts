import { isIP } from 'node:net';

/** A value of Express's `trust proxy`: https://expressjs.com/en/guide/behind-proxies.html. */
export type TrustProxy = boolean | number | string;

const NAMED = new Set(['loopback', 'linklocal', 'uniquelocal']);
/** An address, and how much of it counts: some bits, or a mask. */
const SUBNET = /^([^/]+)(?:\/(?:(\d{1,3})|(\d+\.\d+\.\d+\.\d+)))?$/;
/** The one form of IPv6 with an IPv4 address in it that is read. */
const MAPPED = /^(?:::|(?:0:){5})ffff:[\d.]+$/i;

/** @returns `undefined` where Express would refuse the text. Express isn't asked: the service may run without it */
export function parseTrustProxy(text: string): TrustProxy | undefined {
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^\d{1,3}$/.test(text)) return Number(text);
  const entries = text.split(',').map((entry) => entry.trim());
  // Express reads 5 in a list as 0.0.0.5, and 010.0.0.1 as 8.0.0.1. Nobody means that, so both are refused.
  return entries.every((entry) => NAMED.has(entry) || isSubnet(entry)) ? entries.join(',') : undefined;
}

function isSubnet(entry: string): boolean {
  const [, address = '', bits, mask] = SUBNET.exec(entry) ?? [];
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return false;
  if (family === 6 && address.includes('.') && !MAPPED.test(address)) return false;
  if (mask !== undefined) return family === 4 && isMask(mask);
  return bits === undefined || (Number(bits) > 0 && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Ones, then zeros. */
function isMask(mask: string): boolean {
  const bits = mask.split('.').map((octet) => Number(octet).toString(2).padStart(8, '0'));
  return isIP(mask) === 4 && /^1+0*$/.test(bits.join(''));
}
