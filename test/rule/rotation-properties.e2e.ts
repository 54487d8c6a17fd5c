import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { describeOnEachDatabase, type DatabaseName } from '../support/databases/databases.js';
import { HonestDevices } from '../support/rule/honest-devices.js';
import { IS_FASTIFY } from '../support/servers/http-adapter.js';
import { RestorableService } from '../support/servers/restorable-service.js';
import { actions, perform, stepsAround, weighted } from '../support/rule/rotation-actions.js';
import { pick, RotationWorld } from '../support/rule/rotation-world.js';
import type { Policy, SessionModel } from '../support/rule/session-model.js';
import type { NetworkLimits } from '../support/rule/simulated-network.js';
import { DAY, HOUR, MINUTE, SECOND } from '../support/test-clock.js';
import { limit } from '../support/time.js';
import { TokenHolder } from '../support/clients/token-holder.js';

const LEEWAY = 10 * SECOND;
const POLICY: Policy = { leeway: LEEWAY, idleTtl: 30 * DAY, absoluteTtl: 365 * DAY, lostResponse: 'forgive' };
const SHORT_LIVES = { idleTtl: MINUTE, absoluteTtl: 2 * MINUTE };

describeOnEachDatabase('Rotation', (database) => {
  const runs = runsOn(database);

  describe.each([LEEWAY, 0])('with a leeway of %d ms', (leeway) => {
    const longLived = worldFor(database, { ...POLICY, leeway });
    const shortLived = worldFor(database, { ...POLICY, ...SHORT_LIVES, leeway });

    it('refuses no honest client, whatever becomes of messages, other sessions, the service and its database', () => {
      const clockErrors = [0, leeway > 0 ? 3 * SECOND : 2 * SECOND];
      const storage = fc.record({ hasLock: fc.boolean(), tells: fc.boolean() });
      const scenario = fc.record({
        clockError: fc.constantFrom(...clockErrors),
        storages: fc.tuple(storage, storage),
        events: actions(),
      });
      return holds(runs, scenario, async ({ clockError, storages, events }) => {
        const world = shortLived();
        await world.begin(clockError);
        const devices = await HonestDevices.signIn(world, storages, limitsOf(leeway, clockError));
        for (const event of events) await perform({ world, devices, leeway, clockError }, event);
        await devices.calmDown();
        await world.expectTheEndedToStayEnded();
        await world.expectOneRowASession();
      });
    });

    it("locks a thief out by the owner's second refresh, and ends the session when the one locked out tries", () =>
      holds(runs, theft(leeway), async ({ before, stolen, turns }) => {
        const world = longLived();
        await world.begin();
        const session = await world.signIn();
        await world.backUp();
        const owner = await holderOf(world, session);
        for (const { wait, isLost } of before) {
          world.wait(wait);
          await (isLost ? owner.loseAnswer() : owner.refresh());
        }

        session.isContested = true;
        const token = stolen === 'current' ? owner.token : pick(session.allTokens, stolen);
        const thief = await holderOf(world, session, token);
        let ownersRefreshes = 0;
        for (const { who, wait } of turns) {
          if (session.isEnded) break;
          world.wait(wait);
          if (who === 'owner') {
            if (await owner.refresh()) ownersRefreshes += 1;
          } else if (who === 'thief') {
            if (await thief.refresh()) expect(ownersRefreshes).toBeLessThanOrEqual(1);
          } else {
            // What proved the theft is forgotten: it has to be proved again.
            await world.restore(0);
            ownersRefreshes = 0;
          }
        }
        expect(session.isEnded).toBe(true);
        await world.expectOneRowASession();
      }));

    it('refuses nobody who is alone with a token, wherever clock and database jump', () => {
      const jump = fc.constantFrom(...stepsAround(leeway).flatMap((step) => [step, -step]), HOUR, -HOUR);
      const event = weighted({ refresh: 5, loseAnswer: 3, backUp: 1, restore: 1 });
      return holds(runs, listOf({ jump, event }, 15), async (steps) => {
        await longLived().begin();
        const { service } = longLived();
        const { refresh_token } = await service.signIn();
        const send = (token: string) => service.refresh(token);
        const owner = await TokenHolder.of(refresh_token, send, () => service.clock.now());
        let copy = await service.backUp();
        for (const step of steps) {
          service.clock.advance(step.jump);
          if (step.event === 'backUp') copy = await service.backUp();
          else if (step.event === 'restore') await service.restore(copy);
          else if (step.event === 'loseAnswer') expect((await owner.loseAnswer()).status).toBe(200);
          else expect(await owner.refresh()).toBe(true);
        }
      });
    });
  });

  describe('with an idle life of a minute and an absolute one of two', () => {
    const shortLived = worldFor(database, { ...POLICY, ...SHORT_LIVES });

    it('ends a session when its last use is a minute or its first two minutes ago, whatever was restored', () => {
      const wait = fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom(25 * SECOND, 40 * SECOND, 45 * SECOND) },
        { weight: 1, arbitrary: fc.constantFrom(MINUTE - 1, MINUTE) },
      );
      const event = weighted({ refresh: 3, restoreAndRefresh: 1 });
      return holds(runs, listOf({ wait, event }, 8, 4), async (steps) => {
        const world = shortLived();
        await world.begin();
        const owner = await holderOf(world, await world.signIn());
        await world.backUp();
        for (const step of steps) {
          if (step.event === 'restoreAndRefresh') await world.restore(0);
          world.wait(step.wait);
          await owner.refresh();
        }
        await world.expectOneRowASession();
      });
    });
  });

  describe('with REFRESH_TOKEN_LOST_RESPONSE=revoke', () => {
    const strict = worldFor(database, { ...POLICY, lostResponse: 'revoke' });

    it('bears lost answers within the leeway, and ends the session when a used token comes after it', () => {
      const wait = fc.constantFrom(LEEWAY, LEEWAY + 1, 2 * LEEWAY);
      const pauses = fc.array(fc.nat({ max: LEEWAY / 4 }), { maxLength: 3 });
      const scenario = fc.record({ rotations: listOf({ wait, pauses }, 5), lastWait: wait });
      return holds(runs / 2, scenario, async ({ rotations, lastWait }) => {
        const world = strict();
        await world.begin();
        const session = await world.signIn();
        const owner = await holderOf(world, session);
        for (const rotation of rotations) {
          world.wait(rotation.wait);
          for (const pause of rotation.pauses) {
            await owner.loseAnswer();
            world.wait(pause);
          }
          expect(await owner.refresh()).toBe(true);
        }

        world.wait(LEEWAY);
        await owner.loseAnswer();
        world.wait(lastWait);
        session.isContested = true;
        expect(await owner.refresh()).toBe(false);
        await world.expectOneRowASession();
      });
    });
  });
});

/** Searched where that is quickest; elsewhere it is the same rule, and each finds by itself what breaks it. */
function runsOn(database: DatabaseName): number {
  if (IS_FASTIFY) return 20;
  return database === 'SQLite' ? 50 : 20;
}

/**
 * What no rotation can do without: requests with a token have come to an end when one that was handed out for it is
 * used for the next. A leeway bears overlaps for as long as it lasts; half of it is left to messages on their way. Tabs
 * with a lock send one at a time: for them, only requests that somebody has given up can overlap with others.
 */
function limitsOf(leeway: number, clockError: number): NetworkLimits {
  if (leeway === 0) return { messageLife: Infinity, overlap: -Infinity };
  const half = leeway / 2 - clockError;
  return { messageLife: half, overlap: half };
}

/** Somebody with a token of the session. */
function holderOf(world: RotationWorld, session: SessionModel, token = session.firstToken): Promise<TokenHolder> {
  const send = (presented: string) => world.refresh(session, presented);
  return TokenHolder.of(token, send, () => world.now);
}

/** An owner's life, a token stolen from it, and turns that owner and thief take, none within a leeway of the last. */
function theft(leeway: number) {
  const before = listOf({ wait: fc.constantFrom(...stepsAround(leeway)), isLost: fc.boolean() }, 6);
  const stolen = fc.oneof(fc.constant('current' as const), fc.nat({ max: 6 }));
  const who = weighted({ owner: 2, thief: 2, restore: 1 });
  const wait = fc.constantFrom(leeway, leeway + 1, 2 * leeway);
  // Whatever went before: when both have tried twice more, one is locked out and has tried once too often.
  const end = (['owner', 'thief', 'owner', 'thief'] as const).map((each) => ({ who: each, wait: leeway }));
  const turns = listOf({ who, wait }, 8).map((some) => [...some, ...end]);
  return fc.record({ before, stolen, turns });
}

function listOf<T>(entry: { [K in keyof T]: fc.Arbitrary<T[K]> }, maxLength: number, minLength = 0): fc.Arbitrary<T[]> {
  return fc.array(fc.record<T>(entry), { minLength, maxLength, size: 'max' });
}

/** A world for the tests of a suite; times of the policy are whole seconds. */
function worldFor(database: DatabaseName, policy: Policy): () => RotationWorld {
  let world: RotationWorld;
  beforeAll(async () => {
    const service = await RestorableService.start(database, {
      REFRESH_TOKEN_LEEWAY: `${policy.leeway / SECOND}s`,
      REFRESH_TOKEN_IDLE_TTL: `${policy.idleTtl / SECOND}s`,
      REFRESH_TOKEN_ABSOLUTE_TTL: `${policy.absoluteTtl / SECOND}s`,
      REFRESH_TOKEN_LOST_RESPONSE: policy.lostResponse,
      // Lost rows are lost for as long as a test lasts, however short the lives.
      SESSION_RETENTION: '365d',
    });
    world = new RotationWorld(service, policy);
  });
  afterAll(() => world.service.close());
  return () => world;
}

/** Checks a property; a failure prints the seed and the path that repeat it (FC_SEED, FC_PATH). */
async function holds<T>(numRuns: number, scenario: fc.Arbitrary<T>, property: (value: T) => Promise<void>) {
  const { FC_SEED, FC_PATH } = process.env;
  await fc.assert(fc.asyncProperty(scenario, property), {
    numRuns,
    ...(FC_SEED && { seed: Number(FC_SEED) }),
    ...(FC_PATH && { path: FC_PATH }),
    plugins: [fc.interruptAfterTimeLimit(limit(45 * SECOND), { failOnInterrupt: true })],
  });
}
