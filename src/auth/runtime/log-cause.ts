import { AuthError } from '../auth.errors.js';

/** What may be a token, a key or a secret: a JWT, or a longer word than an id (a UUID has 36 characters). */
const TOKEN_LIKE = /eyJ[\w-]+(?:\.[\w-]*)+|[\w-]{40,}/g;
/** The user and the password in an address. */
const CREDENTIALS = /\/\/[^\s/@]+@/g;
/** A code as Node, drivers and SQL have them. A host's error may have any other text there. */
const CODE = /^[A-Z\d_]{1,40}$/;

/**
 * What an error was and where it came from, for the log: its code, its name, its message and its stack, never a token.
 * @param options.withMessage false where the message may quote what must not be in the log: a token that a host's code
 * was given, a row that could not be deleted. An error of ours is told by its message all the same
 * @example this.logger.error('The policy failed', { event: 'policy.failed', cause: logCause(error) });
 */
export function logCause(error: unknown, { withMessage = true } = {}): string {
  if (!(error instanceof Error)) return typeof error;
  if (!withMessage && error instanceof AuthError) return error.message;
  const { code, name, stack = '' } = error as Error & { code?: unknown };
  const message = messageOf(error);
  const said = withMessage && message !== '' ? `${name}: ${withoutSecrets(message)}` : name;
  // Of the stack the frames alone: its first lines repeat the message.
  const frames = stack.split('\n').filter((line) => /^ +at /.test(line));
  return [typeof code === 'string' && CODE.test(code) ? `${code} ${said}` : said, ...frames].join('\n');
}

/** What an error says. A host of several addresses fails with an error for each, and an empty message for all. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

/** A message without what may be a token, a key, a secret or a password. */
export function withoutSecrets(message: string): string {
  return message.replace(TOKEN_LIKE, '[…]').replace(CREDENTIALS, '//[…]@');
}
