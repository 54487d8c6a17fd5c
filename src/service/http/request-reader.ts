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
  const { 'content-length': length = '0', 'content-type': type, 'transfer-encoding': encoding } = headers;
  // An empty body of some type is what that type makes of nothing: a form without fields.
  const hasBody = encoding !== undefined || length !== '0' || type !== undefined;
  return hasBody ? readBody(request) : undefined;
}
