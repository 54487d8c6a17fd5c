import { LoadGenerator } from './load-generator.js';
import type { GeneratorOrder, GeneratorReply } from './load.js';
import { reasonOf } from './not-available.error.js';

// The generator's own process: it carries out one order after the other, and ends with the one that gives them.
const generator = new LoadGenerator();

async function carryOut(order: GeneratorOrder): Promise<GeneratorReply> {
  if (order.type === 'load') return { type: 'result', result: await generator.load(order.load) };
  if (order.type === 'pool') await generator.readPool(order.pool);
  else await generator.repeat(order.repeat);
  return { type: 'done' };
}

process.on('message', (order: GeneratorOrder) => {
  void carryOut(order)
    .catch((error: unknown): GeneratorReply => ({ type: 'failed', reason: reasonOf(error) }))
    .then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit());
// Ctrl-C in a terminal is for all its processes: the one that gives the orders says when to end.
process.on('SIGINT', () => undefined);
