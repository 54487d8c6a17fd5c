import { isIP } from 'node:net';

/** What Express's `trust proxy` takes: https://expressjs.com/en/guide/behind-proxies.html. */
export type TrustProxy = boolean | number | string;

const NAMED = new Set(['loopback', 'linklocal', 'uniquelocal']);

/** @returns `undefined` where Express would not take it */
export function parseTrustProxy(text: string): TrustProxy | undefined {
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^\d{1,3}$/.test(text)) return Number(text);
  const entries = text.split(',').map((entry) => entry.trim());
  return entries.every((entry) => NAMED.has(entry) || isSubnet(entry)) ? entries.join(',') : undefined;
}

function isSubnet(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}
