import { isInside, roomOf, type Import } from './house.js';
import { MAY_REACH_INSIDE, ORDER } from './order.js';

/** What is wrong with an import, as a line for whoever wrote it; `undefined` where nothing is. */
export function faultOf({ from, to }: Import): string | undefined {
  const [room, other] = [roomOf(from), roomOf(to)];
  if (room === other) return undefined;
  const stranger = [room, other].find((name) => !ORDER.includes(name));
  if (stranger !== undefined) return `${from}: the room ${stranger} has no place in test/architecture/order.ts`;
  if (ORDER.indexOf(other) < ORDER.indexOf(room)) return `${from} imports ${to}: ${other} stands above ${room}`;
  if (isInside(to) && !MAY_REACH_INSIDE.includes(room)) return `${from} imports ${to}: that is inside ${other}`;
  return undefined;
}

/**
 * How many arrows point up however the rooms are ordered, or some more: sinks are put at the bottom and sources on top,
 * and of what is left in loops, the room with the most arrows out over those in (Eades, Lin and Smyth).
 */
export function arrowsUp(arrows: Iterable<string>): number {
  let left = [...arrows].map((arrow) => arrow.split(' -> ') as [string, string]);
  let up = 0;
  while (left.length > 0) {
    const outs = (room: string) => left.filter(([from]) => from === room).length;
    const ins = (room: string) => left.filter(([, to]) => to === room).length;
    const rooms = [...new Set(left.flat())];
    const free = rooms.filter((room) => outs(room) === 0 || ins(room) === 0);
    const [top = ''] = rooms.toSorted((one, other) => outs(other) - ins(other) - (outs(one) - ins(one)));
    const placed = new Set(free.length > 0 ? free : [top]);
    if (free.length === 0) up += ins(top);
    left = left.filter((ends) => !ends.some((room) => placed.has(room)));
  }
  return up;
}

/** The rooms that can be reached from themselves. */
export function roomsInLoops(arrows: Iterable<string>): string[] {
  const next = new Map<string, string[]>();
  for (const arrow of arrows) {
    const [from = '', to = ''] = arrow.split(' -> ');
    next.set(from, [...(next.get(from) ?? []), to]);
  }
  const reachable = (start: string): Set<string> => {
    const seen = new Set<string>();
    const left = [...(next.get(start) ?? [])];
    for (let room = left.pop(); room !== undefined; room = left.pop()) {
      if (seen.has(room)) continue;
      seen.add(room);
      left.push(...(next.get(room) ?? []));
    }
    return seen;
  };
  return [...next.keys()].filter((room) => reachable(room).has(room)).toSorted();
}
