import { parseArgs } from 'node:util';

/** What a run is asked for. */
export interface BenchOptions {
  readonly rounds: number;
  /** How long each measurement takes, in seconds; `undefined` shares out what is left of the time. */
  readonly seconds: number | undefined;
  /** Parts of names; without any, everything is measured. */
  readonly only: readonly string[];
  readonly isQuick: boolean;
  /** The JSON file. */
  readonly out: string;
  /** A folder for processor profiles of the servers under test. */
  readonly profile: string | undefined;
}

export const HELP = `npm run bench -- [options]

Measures refreshes of the built service (npm run build first), for Express and Fastify on SQLite, PostgreSQL and
MariaDB, against empty handlers; prints a table and writes a JSON file. A full run takes about 15 minutes.

  --quick            everything once, in a minute: it shows that the benchmark works, and no figures to compare
  --rounds <n>       how often each is measured (default 5)
  --seconds <n>      how long each measurement takes, after a second of warm-up (default 3)
  --only <parts>     only what has one of these parts in its name, separated by commas: express/bare, fastify/sqlite,
                     /leeway-0/1k, size (bytes a session) …; ratios need both their sides. The names are those of the table
  --profile <folder> starts the services with --cpu-prof: a .cpuprofile for each, for Chrome's developer tools. The
                     figures are then too low
  --out <file>       the JSON file (default bench.json)
  --help             this text

Names: <adapter>/bare and /nest are empty handlers, <adapter>/<database>/<leeway>/<sessions> the service.
Databases: a folder below the system's temporary one, and databases of its own on the servers at TEST_POSTGRES_URL
(default postgres://root@127.0.0.1:5432/postgres) and TEST_MARIADB_URL (default mysql://root@127.0.0.1:3306/mysql),
dropped at the end. What isn't there is reported as not available.

A profile of one combination:
  npm run bench -- --only express/sqlite/leeway-0/1k --rounds 1 --seconds 10 --profile profiles
`;

/** @returns `help` where that is asked for @throws TypeError naming the option that can't be used */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
      out: { type: 'string' },
      profile: { type: 'string' },
      quick: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return 'help';
  const isQuick = values.quick ?? false;
  const rounds = positive('--rounds', values.rounds) ?? (isQuick ? 1 : 5);
  if (!Number.isInteger(rounds)) throw new TypeError(`--rounds: got ${values.rounds}, takes a whole number.`);
  return {
    rounds,
    seconds: positive('--seconds', values.seconds) ?? (isQuick ? undefined : 3),
    only: (values.only ?? '').split(',').filter((part) => part !== ''),
    isQuick,
    out: values.out ?? 'bench.json',
    profile: values.profile,
  };
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new TypeError(`${name}: got ${text}, takes a number above 0.`);
  return value;
}
