/** One thing after the other that a run does. */
export interface Step {
  readonly name: string;
  /** About how long it takes, in seconds. */
  estimate(): number;
  /** @returns what came of it, for the reader */
  run(): Promise<string>;
}

/**
 * Runs steps, with a line for each as soon as it is done, and how much time is left.
 * @throws the signal's reason, once the step that is under way has ended
 */
export async function runSteps(
  steps: readonly Step[],
  write: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const [position, step] of steps.entries()) {
    const outcome = await step.run();
    // Cut off in the middle, it says nothing.
    signal.throwIfAborted();
    const left = steps.slice(position + 1).reduce((sum, next) => sum + next.estimate(), 0);
    const isLast = position === steps.length - 1;
    write(`[${position + 1}/${steps.length}] ${step.name}: ${outcome}${isLast ? '' : ` · ${timeText(left)} left`}`);
  }
}

function timeText(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
