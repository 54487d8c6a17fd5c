import { recordable, type Device } from '../session/device.js';
import type { AuthRequest } from './auth.request.js';

/**
 * The device that a request came from, as its `User-Agent` and its IP address tell.
 * @example await refreshTokens.issue({ subject: user.id, ...deviceOf(request) });
 */
export function deviceOf({ headers, ip }: AuthRequest): Device {
  return recordable({ userAgent: headers['user-agent'] ?? null, ip: ip ?? null });
}
