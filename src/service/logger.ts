import { ConsoleLogger, type LogLevel } from '@nestjs/common';

const LEVELS = ['error', 'warn', 'log', 'debug'] as const;

const CANNOT_LISTEN = /^Error: (?:listen|getaddrinfo) /;

/** Leaves out what Nest says of an error that stops the start: `run.ts` says it in one line. */
class ServiceLogger extends ConsoleLogger {
  override error(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    if (context === 'ExceptionHandler') return;
    if (context === 'NestApplication' && CANNOT_LISTEN.test(String(message))) return;
    super.error(message, ...rest);
  }
}

/** The service's logger: JSON lines, one an event, unless somebody is looking on. */
export function serviceLogger(level: (typeof LEVELS)[number], isTerminal = process.stdout.isTTY): ConsoleLogger {
  const logLevels: LogLevel[] = ['fatal', ...LEVELS.slice(0, LEVELS.indexOf(level) + 1)];
  return new ServiceLogger({
    json: !isTerminal,
    flattenParams: true,
    colors: isTerminal,
    logLevels,
    prefix: 'nest-refresh-token',
  });
}
