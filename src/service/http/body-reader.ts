import { ServerResponse, type IncomingMessage } from 'node:http';
import bodyParser from 'body-parser';
import { InvalidRequestError, RequestTooLargeError } from '../../auth/auth.errors.js';

/** The largest body that is read, in bytes. A compressed body is measured after it is inflated. */
export const BODY_LIMIT = 32 * 1_024;

/** On every route, a body must parse as its Content-Type says. A body of any other type stays a buffer of bytes. */
const PARSERS = [
  bodyParser.json({ limit: BODY_LIMIT, strict: false, type: ['application/json', 'application/*+json'] }),
  bodyParser.urlencoded({ limit: BODY_LIMIT, extended: false }),
  bodyParser.raw({ limit: BODY_LIMIT, type: () => true }),
];

/**
 * Reads a body, and parses JSON and forms. Fastify uses Express's parsers too, so that both accept the same bodies.
 * @returns the parsed body, or the bytes of a body of another type
 * @throws RequestTooLargeError where the body is over the limit
 * @throws InvalidRequestError where the body can't be parsed; its message doesn't quote the body as the parsers' do
 */
export async function readBody(request: IncomingMessage & { body?: unknown }): Promise<unknown> {
  const response = new ServerResponse(request);
  for (const parse of PARSERS) {
    await new Promise<void>((resolve, reject) => {
      parse(request, response, (error?: { type?: string }) => (error ? reject(refusal(error)) : resolve()));
    });
  }
  return request.body;
}

function refusal({ type }: { type?: string }): InvalidRequestError | RequestTooLargeError {
  return type === 'entity.too.large'
    ? new RequestTooLargeError(`body: got more than ${BODY_LIMIT / 1_024} KiB, takes at most that.`)
    : new InvalidRequestError('body: got something that is not what its Content-Type and Content-Encoding say.');
}
