import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { FleetDevice } from '../support/fleet/fleet-device.js';
import { FleetSessions, type FleetSession } from '../support/fleet/fleet-sessions.js';
import { steal } from '../support/fleet/fleet-thief.js';
import { refresh } from '../support/http/http.js';
import { describeMariadbServers, MariadbServer, stopMariadbServers } from '../support/databases/mariadb-server.js';
import { describePostgresServers, PostgresServer, stopPostgresServers } from '../support/databases/postgres-server.js';
import { cleanUp, until } from '../support/servers/process.js';
import { productionEnvironment } from '../support/servers/service.js';
import { PATIENCE, ServiceFleet, shuffled } from '../support/fleet/service-fleet.js';
import { numberOf } from '../support/http/token-parts.js';

const INSTANCES = 3;
const DEVICES = 200;
const KILLS = 8;
/** How long an instance is left to live at least, in milliseconds. */
const BETWEEN_KILLS = 1_000;
/** How many tokens are stolen at each kill. */
const THEFTS = 2;
/** At which of them the database is restarted, and killed. */
const RESTART = 2;
const CRASH = 5;
/** How many sessions are ended just before. */
const ENDED_BEFORE_RESTART = 5;
/** How many sessions there are at least that nothing has disturbed, however busy the machine. */
const UNDISTURBED = 5;
/** How many whose refusal is a fault: half of those who stay have a lock, and send nothing in parallel. */
const JUDGED = DEVICES / 4;
/** What an instance says that has lived through an outage of the database. */
const OUTAGE = '"event":"request.unavailable"';
/** Milliseconds. */
const LEEWAY = 2_000;
const BETWEEN_ENDINGS = 100;

/** A database server of the test's own. */
interface Server {
  readonly url: string;
  query(sql: string): Promise<Record<string, unknown>[]>;
  start(): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

afterEach(async () => {
  await Promise.all([stopPostgresServers(), stopMariadbServers()]);
  await cleanUp();
}, PATIENCE);

describePostgresServers('Instances that die all the time, on a PostgreSQL that dies too', () =>
  keepTheirPromises(() => PostgresServer.start({ max_connections: '100' })),
);

describeMariadbServers('Instances that die all the time, on a MariaDB that dies too', () =>
  keepTheirPromises(() => MariadbServer.start()),
);

function keepTheirPromises(startServer: () => Promise<Server>): void {
  it(
    'sign out nobody, end every theft, and keep every revocation',
    async () => {
      const server = await startServer();
      const fleet = await ServiceFleet.start(INSTANCES, {
        ...productionEnvironment(server.url),
        REFRESH_TOKEN_LEEWAY: `${LEEWAY / 1_000}s`,
        ACCESS_TOKEN_TTL: '1s',
      });
      const sessions = new FleetSessions(fleet.send, LEEWAY / 2);
      const devices = await Promise.all(
        Array.from({ length: DEVICES }, (_, at) =>
          FleetDevice.signIn(sessions, { user: `user-${at}`, hasLock: at % 2 === 0 }),
        ),
      );

      const { stolen, killedAt } = await withLoad({ fleet, sessions, devices, server });
      expect(sessions.broken).toEqual([]);
      expect(fleet.unexplained).toEqual([]);
      // It was no quiet time.
      expect(fleet.lost).toBeGreaterThanOrEqual(KILLS);
      expect(sessions.answers).toMatchObject({ 200: expect.any(Number), 503: expect.any(Number) });

      expectOneSuccessorALeeway(sessions, killedAt);
      await expectTheOthersToBeSignedIn(devices);
      await expectTheEndedToStayEnded(sessions, fleet);
      await expectOneRowASession(sessions, stolen, server);
      await expectGoodEndings(sessions, fleet);
    },
    2 * PATIENCE,
  );
}

interface World {
  readonly server: Server;
  readonly fleet: ServiceFleet;
  readonly sessions: FleetSessions;
  readonly devices: readonly FleetDevice[];
}

interface Happened {
  /** The sessions of which a token was stolen. */
  readonly stolen: FleetSession[];
  /** When the database was killed, in milliseconds: its last rotations may be lost. */
  readonly killedAt: number;
}

/** All that happens, until all of it has come to its end. */
async function withLoad({ server, fleet, sessions, devices }: World): Promise<Happened> {
  // Half of the users sign out now and then, or are signed out; of both kinds of device.
  const leavers = devices.filter((_, at) => at % 4 < 2);
  const victims = shuffled(devices.filter((device) => !leavers.includes(device))).slice(0, KILLS * THEFTS);
  const stolen: FleetSession[] = [];
  const over = new AbortController();
  let lastCrash = 0;
  let killedAt = 0;

  const background = [
    repeat(over.signal, async () => {
      await endSome(1);
    }),
    repeat(over.signal, async () => {
      const [session] = shuffled(sessions.ended);
      if (session) await sessions.refresh(shuffled(session.tokens)[0] as string).catch(() => undefined);
    }),
  ];
  devices.forEach((device) => device.start());
  const stopAll = () => {
    over.abort();
    return [...background, ...devices.map((device) => device.stop())];
  };

  const thefts: Promise<void>[] = [];
  let outage = Promise.resolve();
  try {
    for (let kills = 0; kills < KILLS && !sessions.isBroken; kills += 1) {
      await delay(BETWEEN_KILLS);
      for (const victim of victims.splice(0, THEFTS)) {
        stolen.push(victim.session);
        thefts.push(waitedForBelow(steal(victim, sessions, () => lastCrash, thefts.length % 2 === 0)));
      }
      if (kills === RESTART) outage = waitedForBelow(restart(() => server.stop()));
      if (kills === CRASH) {
        await outage;
        outage = waitedForBelow(
          restart(async () => {
            await server.kill();
            killedAt = Date.now();
          }),
        );
      }
      await fleet.killOne();
    }
    await outage;
    await fleet.settle();
    await Promise.all(thefts);
  } catch (error) {
    // What follows from it must not hide it.
    await Promise.allSettled(stopAll());
    throw error;
  }
  await Promise.all(stopAll());
  return { stolen, killedAt };

  async function endSome(count: number): Promise<void> {
    const free = leavers.filter(({ session }) => !session.isEnding);
    const some = shuffled(free).slice(0, count);
    await Promise.all(some.map(({ session }) => sessions.end(session)));
  }

  async function restart(end: () => Promise<void>): Promise<void> {
    // What was confirmed a moment ago counts, too.
    await endSome(ENDED_BEFORE_RESTART);
    const before = sessions.answers[503] ?? 0;
    await end();
    lastCrash = Date.now();
    await until('clients are told to come again', () => (sessions.answers[503] ?? 0) > before || undefined, PATIENCE);
    await server.start();
  }
}

/** Until it is waited for, nobody hears of its failure. */
function waitedForBelow(work: Promise<void>): Promise<void> {
  work.catch(() => undefined);
  return work;
}

/** Does something again and again, with a short rest in between. */
async function repeat(over: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!over.aborted) {
    await work();
    await delay(BETWEEN_ENDINGS);
  }
}

/**
 * Whichever instances they ask at once: tabs are handed the same successor, and no other one before a leeway is over. A
 * database that was killed knows nothing of those just before: there, a token that is ahead is at once good for another.
 */
function expectOneSuccessorALeeway({ all }: FleetSessions, killedAt: number): void {
  const undisturbed = all.filter((each) => !each.isContested && !each.isBeyondLimits && !each.hasFailed);
  expect(undisturbed.filter(({ tokens }) => tokens.length > 2).length).toBeGreaterThanOrEqual(UNDISTURBED);
  const early = undisturbed.filter(({ tokens }) => {
    // The first one has no leeway.
    const numbers = tokens.slice(1).map(numberOf);
    numbers.sort((one, other) => one - other);
    return numbers.some((number, at) => {
      const before = numbers[at - 1] ?? 0;
      return number - before < LEEWAY && !(before < killedAt && killedAt < number);
    });
  });
  expect(early.map(({ story }) => story)).toEqual([]);
}

/** In every tab there is an access token of its session; of one that was ended last, none. */
async function expectTheOthersToBeSignedIn(devices: readonly FleetDevice[]): Promise<void> {
  for (const device of devices) {
    const tokens = await until(
      'both tabs know whether somebody is signed in',
      async () => {
        const given = await device.accessTokens();
        return given.includes(undefined) ? undefined : given;
      },
      PATIENCE,
    );
    const { id, isEnding } = device.session;
    const expected = isEnding ? null : id;
    expect(tokens.map((token) => token && decodeJwt(token)['sid'])).toEqual([expected, expected]);
  }
}

/** No token of theirs is good for anything, at any instance. */
async function expectTheEndedToStayEnded({ ended }: FleetSessions, { urls }: ServiceFleet): Promise<void> {
  expect(ended.length).toBeGreaterThan(KILLS);
  for (const { tokens } of ended) {
    const last = tokens.at(-1) as string;
    const answers = await Promise.all(urls.map((url) => refresh(url, last)));
    expect(answers.map(({ status }) => status)).toEqual(urls.map(() => 401));
  }
}

async function expectOneRowASession(
  { all, unanswered }: FleetSessions,
  stolen: readonly FleetSession[],
  server: Server,
): Promise<void> {
  const rows = await server.query('SELECT id, subject, revoked_at, revoked_reason FROM refresh_token_sessions');
  const endings = new Map(rows.map((row) => [String(row['subject']), row['revoked_at'] && row['revoked_reason']]));
  expect(endings.size).toBe(rows.length);
  for (const { subject } of all) expect([...endings.keys()]).toContain(subject);
  // Of a sign-in that was not answered, there may be a row.
  const known = new Set([...all.map(({ subject }) => subject), ...unanswered]);
  expect([...endings.keys()].filter((subject) => !known.has(subject))).toEqual([]);

  for (const { subject, isEnded } of all)
    expect({ subject, isEnded: endings.get(subject) !== null }).toEqual({ subject, isEnded });
  expect(stolen.map(({ subject }) => endings.get(subject))).toEqual(stolen.map(() => 'reuse'));
}

/** All shut down when they are asked to, and none has written a token, or told of a reuse where there was none. */
async function expectGoodEndings({ all }: FleetSessions, fleet: ServiceFleet): Promise<void> {
  for (const { code, signal, stderr } of await fleet.stop()) {
    const faults = stderr.split('\n').filter((line) => line !== '' && !line.includes(OUTAGE));
    expect({ code, signal, faults }).toEqual({ code: 0, signal: null, faults: [] });
  }
  const written = fleet.processes.map(({ stdout, stderr }) => stdout + stderr).join('\n');
  expect(written).not.toMatch(/rt_[\w-]{10}|eyJ[\w-]{10}/);

  const honest = all.filter(({ isContested, isBeyondLimits }) => !isContested && !isBeyondLimits);
  const lines = written.split('\n').filter((line) => line.includes('"session.reuse_detected"'));
  expect(lines.length).toBeGreaterThan(0);
  expect(honest.filter(({ isEnding }) => !isEnding).length).toBeGreaterThanOrEqual(JUDGED);
  expect(honest.filter(({ id }) => lines.some((line) => line.includes(id)))).toEqual([]);
}
