/** @param milliseconds at most 2^31 − 1 */
export function delay(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
