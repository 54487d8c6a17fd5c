import { BroadcastChannel as NodeChannel } from 'node:worker_threads';
import { afterEach, beforeEach } from '@jest/globals';

/** A page for every test of the suite, as `cookieStorage` finds it, with channels that keep no process up. */
export function pageWithChannelsForEachTest(): void {
  const { BroadcastChannel } = globalThis;
  const open: NodeChannel[] = [];
  class Channel extends NodeChannel {
    constructor(name: string) {
      super(name);
      open.push(this);
    }
  }
  beforeEach(() => {
    Object.assign(globalThis, { document: {}, BroadcastChannel: Channel });
  });
  afterEach(() => {
    Reflect.deleteProperty(globalThis, 'document');
    Object.assign(globalThis, { BroadcastChannel });
    for (const channel of open.splice(0)) channel.close();
  });
}
