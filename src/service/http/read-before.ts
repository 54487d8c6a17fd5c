import type { IncomingRequest, RequestReader } from './http-adapter.js';

/** Goes on with a request, or answers it with the error. */
type Next = (error?: Error) => void;

/**
 * Reads a request and goes on with it; a request without a body goes on without waiting.
 * @param incoming Node's request, which is read
 * @param request the framework's request, whose handlers find the body in `body`
 */
export function readBefore(
  next: Next,
  read: RequestReader,
  incoming: IncomingRequest,
  request: { body?: unknown },
): void {
  let reading: Promise<unknown> | undefined;
  try {
    reading = read(incoming);
  } catch (error) {
    return next(error as Error);
  }
  if (reading) void leaveBody(request, reading, next);
  else next();
}

async function leaveBody(request: { body?: unknown }, reading: Promise<unknown>, next: Next): Promise<void> {
  try {
    request.body = await reading;
  } catch (error) {
    return next(error as Error);
  }
  next();
}
