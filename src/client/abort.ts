/** Settles as `work` does, or rejects as soon as `signal` aborts. `work` goes on: other callers may wait for it. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    // On older platforms a signal has no `reason`.
    const abort = () => reject(signal.reason ?? new Error('abort'));
    const settle = () => signal.removeEventListener('abort', abort);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    work.then(resolve, reject).then(settle);
  });
}
