import { optionsTable } from './options-table.js';
import { roomsDiagram } from './rooms-diagram.js';
import { snippet } from './snippet.js';
import { variablesTable } from './variables-table.js';

/** What is written between `<!-- <kind>: <source> -->` and `<!-- /<kind> -->`. */
const WRITERS: Readonly<Record<string, (source: string) => string>> = {
  snippet,
  variables: variablesTable,
  options: optionsTable,
  rooms: roomsDiagram,
};

const KINDS = Object.keys(WRITERS).join('|');
const PLACE = new RegExp(`^<!-- (${KINDS})(?:: (\\S+))? -->\\n[\\s\\S]*?^<!-- /\\1 -->$`, 'gm');

/**
 * A README's text with every marked place written anew from its source.
 * @throws Error where a marker isn't closed, or a source isn't there
 */
export function withMarkedPlaces(text: string): string {
  let written = 0;
  const result = text.replaceAll(PLACE, (_, kind: string, source = '') => {
    written += 1;
    const label = source === '' ? kind : `${kind}: ${source}`;
    return `<!-- ${label} -->\n\n${WRITERS[kind]?.(source)}\n\n<!-- /${kind} -->`;
  });
  const markers = text.match(new RegExp(`<!-- /?(?:${KINDS})\\b`, 'g'))?.length ?? 0;
  if (markers !== written * 2) throw new Error(`${markers} markers, ${written} places: one isn't closed.`);
  return result;
}
