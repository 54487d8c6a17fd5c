import { randomFillSync } from 'node:crypto';

/** Where the module takes its randomness from. */
export abstract class RandomSource {
  /** `size` bytes that nobody can predict. */
  abstract bytes(size: number): Buffer;
}

/** How much is asked of the system at a time, in bytes: for 16 bytes the asking costs ten times what they do. */
const POOL_SIZE = 4_096;

export class SystemRandomSource extends RandomSource {
  private readonly pool = Buffer.alloc(POOL_SIZE);
  private taken = POOL_SIZE;

  bytes(size: number): Buffer {
    if (size > POOL_SIZE) return randomFillSync(Buffer.alloc(size));
    if (this.taken + size > POOL_SIZE) {
      randomFillSync(this.pool);
      this.taken = 0;
    }
    const start = this.taken;
    this.taken += size;
    // Memory of its own, and the pool forgets it: a buffer must not show its neighbours.
    const bytes = Buffer.allocUnsafeSlow(size);
    this.pool.copy(bytes, 0, start, this.taken);
    this.pool.fill(0, start, this.taken);
    return bytes;
  }
}
