import { AuthError, TemporarilyUnavailableError } from '../auth/auth.errors.js';

/**
 * Why the process ends, for stderr: one line where the message of the error says all, the stack where the error is a
 * bug.
 */
export function failureReason(error: unknown): string {
  if (error instanceof TemporarilyUnavailableError) return [error, error.cause].flatMap(messageOf).join(' ');
  if (error instanceof AuthError) return error.message;
  const { code, message, stack, syscall } = error as NodeJS.ErrnoException;
  // The service was told by HOST and PORT where to listen.
  if (syscall === 'listen' || syscall === 'getaddrinfo') return `HOST, PORT: ${message}`;
  return code === 'EACCES' ? message : (stack ?? message);
}

function messageOf(error: unknown): string[] {
  return error instanceof Error ? [error.message] : [];
}
