/**
 * The access token couldn't be refreshed now. The user stays signed in: the client keeps the tokens, and a later call
 * tries again.
 *
 * @example
 * if (error instanceof SessionUnavailableError) show(`Not now. Trying again in ${error.retryAfter} s.`);
 */
export class SessionUnavailableError extends Error {
  override readonly name = 'SessionUnavailableError';
  /** Seconds from the failure on until the server may be asked again. */
  declare readonly retryAfter: number;
  /** The status of the server's answer; `undefined` where no answer came. */
  declare readonly status: number | undefined;

  constructor(message: string, retryAfter: number, status?: number, cause?: unknown) {
    super(message, { cause });
    this.retryAfter = retryAfter;
    this.status = status;
  }
}

/**
 * The API answered a request with 401, and the request can't be repeated: its body was a stream, which can be sent only
 * once. The access token has been refreshed. Make the stream anew and send the request again.
 */
export class RequestNotRepeatedError extends Error {
  override readonly name = 'RequestNotRepeatedError';
  /** The 401 answer; nothing has read its body. */
  declare readonly response: Response;

  constructor(response: Response) {
    super('Needs new stream');
    this.response = response;
  }
}
