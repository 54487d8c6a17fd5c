/** For how long a disk counts as full at least, in milliseconds. */
const FULL_FOR = 5_000;

/**
 * Whether the database's disk takes writes, as its answers tell. A small write may find room where others didn't just
 * before, so only a durable one ends a full disk, and not at once.
 */
export class DiskSpace {
  /** When the disk last had no room for a write, or took none, and when it last took a durable one, in milliseconds. */
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
