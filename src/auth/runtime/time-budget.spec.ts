import { describe, expect, it } from '@jest/globals';
import { TIME_BUDGET } from './time-budget.js';

type Limit = keyof typeof TIME_BUDGET;

/** After how long the client library gives up, in milliseconds. */
const CLIENT_GIVES_UP = 8_000;
/** For how long the usual load balancers keep an idle connection, in milliseconds. */
const LOAD_BALANCER_IDLE = 60_000;

describe('the time budget', () => {
  it.each<[inner: Limit, outer: Limit]>([
    ['policy', 'longestPolicy'],
    ['longestPolicy', 'handler'],
    ['lockedDatabase', 'handler'],
    ['statement', 'handler'],
    ['readinessCheck', 'handler'],
    // The service's own pool speaks before the module's limits cut a connection off.
    ['newConnection', 'connection'],
    ['connection', 'handler'],
    ['lockWait', 'serverStatement'],
    ['serverStatement', 'driverStatement'],
    ['driverStatement', 'handler'],
    // MariaDB's lock is asked for by statements, which are ended as any other.
    ['migrationLockAnswer', 'serverStatement'],
    ['migrationLockAnswer', 'migrationLock'],
    ['lostServer', 'absentServer'],
    // What was begun before a shut-down is answered.
    ['idleGrace', 'lastCall'],
    ['handler', 'lastCall'],
    ['requestHead', 'request'],
    ['request', 'keepAlive'],
  ])('has %s end before %s', (inner, outer) => {
    expect(TIME_BUDGET[inner]).toBeLessThan(TIME_BUDGET[outer]);
  });

  it('answers before a client gives up', () => {
    expect(TIME_BUDGET.handler).toBeLessThan(CLIENT_GIVES_UP);
  });

  it('leaves it to the load balancer, which sends, to close an idle connection', () => {
    expect(TIME_BUDGET.keepAlive).toBeGreaterThan(LOAD_BALANCER_IDLE);
  });
});
