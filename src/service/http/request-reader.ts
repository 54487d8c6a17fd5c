import { NotFoundError } from '../../auth/auth.errors.js';
import type { IncomingRequest } from './http-adapter.js';
import { readBody } from './body-reader.js';
import { isWellFormed } from './request-target.js';

/**
 * Reads a request, whatever route it is for. @returns its body, or `undefined` at once where it has none
 * @throws NotFoundError where its path is malformed: nothing stands there
 */
export function readRequest(request: IncomingRequest): Promise<unknown> | undefined {
  const { originalUrl, url = '/', headers } = request;
  if (!isWellFormed(originalUrl ?? url)) throw new NotFoundError();
  const hasBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
  return hasBody ? readBody(request) : undefined;
}
