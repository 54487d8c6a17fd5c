import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ORDER } from '../architecture/order.js';
import { withMarkedPlaces } from './docs/marked-places.js';
import { anchorsOf, linksOf } from './docs/markdown.js';
import { readmes } from './docs/readmes.js';

const MAP = 'README.md';
const pages = [...readmes(), 'CHANGELOG.md', ...readdirSync('.github').map((name) => `.github/${name}`)];

const textOf = (path: string) => readFileSync(path, 'utf8');

describe('The READMEs', () => {
  it.each(readmes())('show the code as it is (else `npm run docs`): %s', (path) => {
    expect(withMarkedPlaces(textOf(path))).toBe(textOf(path));
  });

  it('begin with a map that is short', () => {
    expect(textOf(MAP).split('\n').length).toBeLessThanOrEqual(150);
  });

  it('are all found from the map', () => {
    const reached = new Set([MAP]);
    for (const page of reached) {
      const linked = linksOf(page, textOf(page)).filter(({ path }) => path.endsWith('README.md') && existsSync(path));
      for (const { path } of linked) reached.add(path);
    }
    expect(readmes().filter((path) => !reached.has(path))).toEqual([]);
  });

  it.each(['auth', 'service'])('list every room from top to bottom: src/%s', (house) => {
    const table = textOf(`src/${house}/README.md`).split('\n| room | what is in it |\n')[1] ?? '';
    const listed = [...table.matchAll(/^\| \[?`([\w.-]+)`/gm)].map(([, room]) => room);
    const rooms = ORDER.filter((room) => room.startsWith(`${house}/`)).map((room) => room.slice(house.length + 1));
    expect(listed).toEqual(rooms);
  });

  it.each(pages)('link to files and headings that are there: %s', (page) => {
    const broken = linksOf(page, textOf(page)).filter(
      ({ path, anchor }) => !existsSync(path) || (anchor !== undefined && !anchorsOf(textOf(path)).includes(anchor)),
    );
    expect(broken).toEqual([]);
  });
});

describe('Marked places', () => {
  const place = (kind: string, source: string, text = 'old') =>
    `a\n<!-- ${kind}: ${source} -->\n${text}\n<!-- /${kind} -->\nb\n`;

  it('are written from their source, and nothing else is', () => {
    const written = withMarkedPlaces(place('snippet', 'test/fixtures/client/session.ts#start'));
    expect(written).toMatch(/^a\n<!-- snippet: .*#start -->\n\n```ts\nimport .*\n\nexport const session = /);
    expect(written).not.toContain('old');
    expect(written).not.toContain('signIn');
    expect(withMarkedPlaces(written)).toBe(written);
  });

  it('show the whole of a region that has another one in it', () => {
    const written = withMarkedPlaces(place('snippet', 'test/fixtures/client/session.ts'));
    expect(written).toContain('createSession');
    expect(written).toContain('export async function signIn');
    expect(written).not.toContain('#');
  });

  it.each([
    ['a region that is not there', place('snippet', 'test/fixtures/client/session.ts#nowhere')],
    ['a type that is not there', place('options', 'src/auth/options/auth.options.ts#Nothing')],
    ['a marker that is not closed', '<!-- variables -->\n'],
    ['a marker that was not opened', '<!-- /variables -->\n'],
  ])('are refused: %s', (_, text) => {
    expect(() => withMarkedPlaces(text)).toThrow(/takes one #region|has no type|isn't closed/);
  });

  it('have the properties of all parts of a type, with their doc comments', () => {
    const table = withMarkedPlaces(place('options', 'src/auth/options/auth.options.ts#AccessTokenOptions'));
    for (const name of ['issuer', 'ttl', 'keys', 'secret'])
      expect(table).toMatch(new RegExp(`^\\| \`${name}\` \\| \\w`, 'm'));
  });
});

describe('Links of a page', () => {
  it('are those to files and headings, and not those in code or to other places', () => {
    const text =
      '[a](../b/README.md#c-d) [e](#f)\n<img src="g.png">\n[h](https://example.com)\n```md\n[i](j.md)\n```\n';
    expect(linksOf('src/auth/README.md', text)).toEqual([
      { path: 'src/b/README.md', anchor: 'c-d' },
      { path: 'src/auth/README.md', anchor: 'f' },
      { path: 'src/auth/g.png', anchor: undefined },
    ]);
  });

  it('find a heading by the anchor that GitHub gives it', () => {
    const text = '# In your Nest app\n## List sessions, log out everywhere\n### `session`\n```sh\n# a comment\n```\n';
    expect(anchorsOf(text)).toEqual(['in-your-nest-app', 'list-sessions-log-out-everywhere', 'session']);
  });
});
