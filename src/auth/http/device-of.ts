import { recordable, type Device } from '../session/device.js';
import type { AuthRequest } from './auth.request.js';

/** The device a request came from, as far as its headers and its connection tell. */
export function deviceOf({ headers, ip }: AuthRequest): Device {
  return recordable({ userAgent: headers['user-agent'] ?? null, ip: ip ?? null });
}
