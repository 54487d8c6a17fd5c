/** What has to be taken away at the end, however it comes. */
export class CleanUp {
  private tasks: (() => Promise<unknown>)[] = [];
  private running: Promise<unknown[]> = Promise.resolve([]);

  add(task: () => Promise<unknown>): void {
    this.tasks.push(task);
  }

  /**
   * Takes everything away, what came last first. What fails is left for the next time: after an interruption, what was
   * being done may still be using it.
   * @returns why some of it is still there
   */
  run(): Promise<unknown[]> {
    this.running = this.running.then(() => this.takeAway());
    return this.running;
  }

  private async takeAway(): Promise<unknown[]> {
    const failures: unknown[] = [];
    const failed: (() => Promise<unknown>)[] = [];
    for (let task = this.tasks.pop(); task; task = this.tasks.pop()) {
      const current = task;
      await current().catch((error: unknown) => {
        failures.push(error);
        failed.unshift(current);
      });
    }
    this.tasks = [...failed, ...this.tasks];
    return failures;
  }
}
