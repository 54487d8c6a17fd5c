import { ConsoleLogger, type LogLevel } from '@nestjs/common';

const LEVELS = ['error', 'warn', 'log', 'debug'] as const;

/** The service's logger: JSON lines, one an event, unless somebody is looking on. */
export function serviceLogger(level: (typeof LEVELS)[number], isTerminal = process.stdout.isTTY): ConsoleLogger {
  const logLevels: LogLevel[] = ['fatal', ...LEVELS.slice(0, LEVELS.indexOf(level) + 1)];
  return new ConsoleLogger({
    json: !isTerminal,
    flattenParams: true,
    colors: isTerminal,
    logLevels,
    prefix: 'nest-refresh-token',
  });
}
