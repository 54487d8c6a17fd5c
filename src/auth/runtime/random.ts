import { randomFillSync } from 'node:crypto';

/** The module's source of randomness. */
export abstract class RandomSource {
  /** Gives `size` bytes that nobody can predict. */
  abstract bytes(size: number): Buffer;
}

/** How many bytes one call to the system fetches: a call for 16 bytes would cost ten times as much as the bytes. */
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
    // The caller gets memory of its own, and the pool forgets the bytes: a buffer must not show its neighbours.
    const bytes = Buffer.allocUnsafeSlow(size);
    this.pool.copy(bytes, 0, start, this.taken);
    this.pool.fill(0, start, this.taken);
    return bytes;
  }
}
