import { NotFoundError } from '../../auth/auth.errors.js';
import type { IncomingRequest } from './http-adapter.js';
import { readBody } from './body-reader.js';
import { isWellFormed } from './request-target.js';

/**
 * Checks the path of a request and reads its body, before the request is routed.
 * @returns the body, or `undefined` without waiting where the request has none
 * @throws NotFoundError where the path is malformed: no route has such a path
 * @throws InvalidRequestError, RequestTooLargeError as `readBody`
 */
export function readRequest(request: IncomingRequest): Promise<unknown> | undefined {
  const { originalUrl, url = '/', headers } = request;
  if (!isWellFormed(originalUrl ?? url)) throw new NotFoundError();
  const { 'content-length': length = '0', 'content-type': type, 'transfer-encoding': encoding } = headers;
  // A request with a Content-Type and no bytes has a body too: an empty form has no fields.
  const hasBody = encoding !== undefined || length !== '0' || type !== undefined;
  return hasBody ? readBody(request) : undefined;
}
