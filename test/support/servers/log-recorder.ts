import type { LoggerService } from '@nestjs/common';

/** A logger that writes into a list: one entry a call, its arguments as JSON. */
export function recorder(log: string[]): LoggerService {
  const record = (...entry: unknown[]) => void log.push(JSON.stringify(entry, withErrors));
  return { log: record, error: record, warn: record, debug: record, verbose: record, fatal: record };
}

/** JSON of an error is `{}`; a real log shows all of it. */
function withErrors(_: string, value: unknown): unknown {
  return value instanceof Error ? { ...value, stack: value.stack } : value;
}
