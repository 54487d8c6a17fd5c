/** The shortest time for which a disk counts as full, in milliseconds. */
const FULL_FOR = 5_000;

/**
 * Tells from the database's answers whether its disk takes writes. A small write may find room where a larger one
 * didn't just before. So only a durable write ends a full disk, and not before `FULL_FOR` has passed.
 */
export class DiskSpace {
  /** When the disk last refused a write, and when it last took a durable one, in milliseconds of `performance.now`. */
  private refusedAt = -Infinity;
  private writtenAt = 0;

  get isFull(): boolean {
    return this.refusedAt > this.writtenAt || performance.now() - this.refusedAt < FULL_FOR;
  }

  noteRefused(): void {
    this.refusedAt = performance.now();
  }

  noteWritten(): void {
    this.writtenAt = performance.now();
  }
}
