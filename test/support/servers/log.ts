/** What an entry of the log says about an event: the object among its arguments. */
export type LoggedEvent = Record<string, unknown>;

/** The entries of a captured log that are events of one kind, oldest first. */
export function eventsIn(log: readonly string[], event: string): LoggedEvent[] {
  return log
    .flatMap((entry) => JSON.parse(entry) as unknown[])
    .filter((part): part is LoggedEvent => typeof part === 'object' && part !== null)
    .filter((part) => part['event'] === event);
}
