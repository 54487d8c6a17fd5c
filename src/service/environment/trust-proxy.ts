import { isIP } from 'node:net';
import { ExpressAdapter } from '@nestjs/platform-express';

/** What Express's `trust proxy` takes: https://expressjs.com/en/guide/behind-proxies.html. */
export type TrustProxy = boolean | number | string;

const NAMED = new Set(['loopback', 'linklocal', 'uniquelocal']);

/** @returns `undefined` where Express would not take it */
export function parseTrustProxy(text: string): TrustProxy | undefined {
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^\d{1,3}$/.test(text)) return Number(text);
  const entries = text.split(',').map((entry) => entry.trim());
  // Express takes 5 in a list for 0.0.0.5, and 010.0.0.1 for 8.0.0.1: nobody means that.
  const isPlain = entries.every((entry) => NAMED.has(entry) || isIP(entry.split('/', 1)[0] as string) !== 0);
  return isPlain && isTakenByExpress(entries.join(',')) ? entries.join(',') : undefined;
}

function isTakenByExpress(trustProxy: string): boolean {
  try {
    new ExpressAdapter().set('trust proxy', trustProxy);
    return true;
  } catch {
    return false;
  }
}
