/** Resolves after some time. @param milliseconds at most 2^31 − 1: a longer timer ends at once */
export function delay(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
