/** @param milliseconds at most 2^31 − 1 */
export const delay = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));
