/** The work didn't end in time. */
export class TimeLimitError extends Error {
  constructor(limit: number) {
    super(`No answer within ${limit} ms.`);
    this.name = 'TimeLimitError';
  }
}

/**
 * The result of `work`, whatever it throws, or a `TimeLimitError`. What becomes of late work is nobody's business.
 * @param limit milliseconds
 */
export async function withTimeLimit<T>(work: () => T | Promise<T>, limit: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeLimitError(limit)), limit);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
