import { ConsoleLogger, type LogLevel } from '@nestjs/common';

/** From severe to chatty, as LOG_LEVEL takes them. */
const LEVELS = ['error', 'warn', 'log', 'debug'] as const;

/** The beginning of Nest's entry about a HOST or PORT that can't be listened on. */
const CANNOT_LISTEN = /^Error: (?:listen|getaddrinfo) /;

/** Drops what Nest logs about an error that stops the start, since `run.ts` reports that error on stderr. */
class ServiceLogger extends ConsoleLogger {
  override error(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    if (context === 'ExceptionHandler') return;
    if (context === 'NestApplication' && CANNOT_LISTEN.test(String(message))) return;
    super.error(message, ...rest);
  }
}

/**
 * The service's logger: one line of JSON for each entry, or coloured text where stdout is a terminal.
 * @param level the least severe level that is logged
 */
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
