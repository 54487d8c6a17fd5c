import { BANDS } from '../../architecture/order.js';

/** The bands of a folder's rooms, from top to bottom, as a Mermaid diagram. */
export function roomsDiagram(folder: string): string {
  const bands = BANDS.map(({ name, rooms }) => ({ name, rooms: rooms.filter((room) => room.startsWith(`${folder}/`)) }))
    .filter(({ rooms }) => rooms.length > 0)
    .map(({ name, rooms }, at) => ({
      id: `band${at}`,
      lines: [
        `  subgraph band${at}["${name}"]`,
        ...rooms.map((room, column) => `    room${at}_${column}["${room.slice(folder.length + 1)}"]`),
        '  end',
      ],
    }));
  const order = `  ${bands.map(({ id }) => id).join(' --> ')}`;
  return ['```mermaid', 'flowchart TB', ...bands.flatMap(({ lines }) => lines), order, '```'].join('\n');
}
