import { randomBytes } from 'node:crypto';

/** Where the module takes its randomness from. */
export abstract class RandomSource {
  /** `size` bytes that nobody can predict. */
  abstract bytes(size: number): Buffer;
}

export class SystemRandomSource extends RandomSource {
  bytes(size: number): Buffer {
    return randomBytes(size);
  }
}
