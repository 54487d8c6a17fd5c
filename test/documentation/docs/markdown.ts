import { dirname, join } from 'node:path';

/** A link of a page to a file of the repository, by its path from the top folder. */
export interface Link {
  readonly path: string;
  readonly anchor: string | undefined;
}

/** The links and pictures of a page that lead to files, or to headings of its own. */
export function linksOf(page: string, text: string): Link[] {
  const prose = withoutCode(text);
  const found = [/\]\(([^)\s]+)\)/g, /(?:src|srcset)="([^"]+)"/g].flatMap((link) =>
    [...prose.matchAll(link)].map(([, target = '']) => target),
  );
  return found
    .filter((target) => !/^\w+:/.test(target))
    .map((target) => {
      const [path = '', anchor] = target.split('#');
      return { path: path === '' ? page : join(dirname(page), path), anchor };
    });
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The blocks of commands of a page that are marked as of one language, such as `bash`. */
export function blocksOf(language: string, text: string): string[] {
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)\\n\`\`\`$`, 'gm'));
  return [...blocks].map(([, block = '']) => block);
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '');
}
