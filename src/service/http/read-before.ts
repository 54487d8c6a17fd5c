import type { IncomingRequest, RequestReader } from './http-adapter.js';

/** Goes on with a request, or with what it is refused with. */
type Next = (error?: Error) => void;

/** Reads a request, leaves its body where the adapter's handlers look for it, and goes on; at once where it has none. */
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
