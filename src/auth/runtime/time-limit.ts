/** Some work did not end within its time limit. */
export class TimeLimitError extends Error {
  constructor(limit: number) {
    super(`No answer within ${limit} ms.`);
    this.name = 'TimeLimitError';
  }
}

/**
 * Waits for `work`, but no longer than `limit`. Late work goes on; its result is dropped.
 * @param limit milliseconds
 * @throws TimeLimitError where the work is late; whatever `work` throws before that
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
