import { randomBytes } from 'node:crypto';

/** A fresh service key. */
export function generateServiceKey(): string {
  return `sk_${randomBytes(24).toString('base64url')}`;
}
