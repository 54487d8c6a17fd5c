/** Something that can't be measured here, and why, in one line. */
export class NotAvailableError extends Error {
  override readonly name = 'NotAvailableError';

  constructor(reason: string, options?: ErrorOptions) {
    super(reason.trim().split('\n', 1)[0] ?? '', options);
  }
}

/** What went wrong, in one line. */
export function reasonOf(error: unknown): string {
  // A host of several addresses fails with an error for each, and an empty message for all.
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
}
