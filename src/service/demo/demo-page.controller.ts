import { readFile } from 'node:fs/promises';
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { NotFoundError } from '../../auth/auth.errors.js';
import type { AuthRequest } from '../../auth/http/auth.request.js';
import { DEMO } from './injection-tokens.js';
import { PageReply, type PageType } from './page.reply.js';

const PAGES = new URL('./page/', import.meta.url);
/** The built client library. The path is the same from `src` and from `dist`. */
const CLIENT = new URL('../../../dist/client/', import.meta.url);

/** The files of the pages and their types. Each is served at `/demo/<name>`. */
const PARTS: ReadonlyMap<string, PageType> = new Map([
  ['demo.css', 'text/css'],
  ['demo.js', 'text/javascript'],
  ['icon.svg', 'image/svg+xml'],
  ['session.js', 'text/javascript'],
  ['sessions.js', 'text/javascript'],
  ['tab.js', 'text/javascript'],
  ['thief.js', 'text/javascript'],
  ['words.js', 'text/javascript'],
]);

/** The file name of a module of the client library, or of its source map; no folder. */
const MODULE = /^[a-z0-9-]+(?:\.[a-z0-9-]+)?\.js(\.map)?$/;

/** The pages of the demo. Their links are relative, so they work behind a proxy that puts a prefix before `/demo`. */
@Controller(DEMO)
export class DemoPageController {
  constructor(private readonly reply: PageReply) {}

  /** `GET /demo`: the whole demo. */
  @Get()
  async demo(@Req() request: AuthRequest, @Res() response: unknown): Promise<void> {
    await this.page(request, response, 'demo');
  }

  /** `GET /demo/tab`: one tab of an application. The demo shows two of them in frames. */
  @Get('tab')
  async tab(@Req() request: AuthRequest, @Res() response: unknown): Promise<void> {
    await this.page(request, response, 'tab');
  }

  /** `GET /demo/<name>`: a file of the pages. */
  @Get([...PARTS.keys()])
  async part(@Req() request: AuthRequest, @Res() response: unknown): Promise<void> {
    const name = lastSegment(request);
    const type = PARTS.get(name);
    if (type === undefined) throw new NotFoundError();
    await this.file(response, type, new URL(name, PAGES));
  }

  /** `GET /demo/client/<name>`: a module of the client library. */
  @Get('client/:name')
  async module(@Param('name') name: string, @Res() response: unknown): Promise<void> {
    await this.moduleIn(CLIENT, name, response);
  }

  /** `GET /demo/client/storage/<name>`: a storage of the client library. */
  @Get('client/storage/:name')
  async storageModule(@Param('name') name: string, @Res() response: unknown): Promise<void> {
    await this.moduleIn(new URL('./storage/', CLIENT), name, response);
  }

  private async moduleIn(folder: URL, name: string, response: unknown): Promise<void> {
    const [isModule, isMap] = MODULE.exec(name) ?? [];
    if (isModule === undefined) throw new NotFoundError();
    await this.file(response, isMap === undefined ? 'text/javascript' : 'application/json', new URL(name, folder));
  }

  /** Redirects `/demo/` to `/demo`: at `/demo/`, the relative links of the page would lead elsewhere. */
  private async page(request: AuthRequest, response: unknown, name: string): Promise<void> {
    if (lastSegment(request) !== name) return this.reply.redirect(response, `../${name}`);
    await this.file(response, 'text/html', new URL(`${name}.html`, PAGES));
  }

  private async file(response: unknown, type: PageType, file: URL): Promise<void> {
    this.reply.send(response, type, await textOf(file));
  }
}

function lastSegment({ url = '' }: AuthRequest): string {
  return /[^/?]*(?=$|\?)/.exec(url)?.[0] ?? '';
}

async function textOf(file: URL): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new NotFoundError();
    throw error;
  }
}
