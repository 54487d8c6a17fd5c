import { BANDS } from '../../architecture/order.js';

/** The bands of a folder's rooms, from top to bottom, as a Mermaid diagram. */
export function roomsDiagram(folder: string): string {
  const bands = BANDS.map(({ name, rooms }) => ({ name, rooms: rooms.filter((room) => room.startsWith(`${folder}/`)) }))
    .filter(({ rooms }) => rooms.length > 0)
    .map(
      ({ name, rooms }) => `["<b>${name}</b><br/>${rooms.map((room) => room.slice(folder.length + 1)).join(' · ')}"]`,
    )
    .map((box, at) => `  band${at}${box}`);
  const order = `  ${bands.map((_, at) => `band${at}`).join(' --> ')}`;
  return ['```mermaid', 'flowchart TB', ...bands, order, '```'].join('\n');
}
