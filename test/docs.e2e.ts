import { beforeAll, describe, expect, it } from '@jest/globals';
import { bearer, call, json, postSession, refresh, refreshed, signIn, type Answer } from './support/http.js';
import { serviceForTheSuite } from './support/running-service.js';

type Json = Record<string, unknown>;
interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  security?: Record<string, unknown[]>[];
  responses: Record<string, Json>;
}
type Path = Record<string, Operation> & { parameters?: { name: string; in: string; required: boolean }[] };
interface Document {
  openapi: string;
  info: { version: string };
  paths: Record<string, Path>;
  components: { schemas: Record<string, Json>; responses: Json; securitySchemes: Json };
}

const running = serviceForTheSuite('SQLite');
let document: Document;

beforeAll(async () => {
  document = json<Document>(await get('/openapi.json'));
});

function get(path: string): Promise<Answer> {
  return call(running.service.url + path, { method: 'GET' });
}

/** Every object inside a value, itself too. */
function* objectsIn(value: unknown): Generator<Json> {
  if (typeof value !== 'object' || value === null) return;
  yield value as Json;
  for (const inner of Object.values(value)) yield* objectsIn(inner);
}

function resolve(reference: string): unknown {
  const keys = reference.replace(/^#\//, '').split('/');
  return keys.reduce<unknown>((value, key) => (value as Json | undefined)?.[key], document);
}

function operations(): { method: string; path: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([key]) => key !== 'parameters')
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation: operation as Operation })),
  );
}

describe('/openapi.json', () => {
  it('is JSON of OpenAPI 3.0, of this version', async () => {
    const answer = await get('/openapi.json');
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json; charset=utf-8' },
    });
    expect(document.openapi).toMatch(/^3\.0\.\d+$/);
    expect(document.info.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('refers to nothing that is not in it', () => {
    const references = [...objectsIn(document)].flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : []));
    expect(references.length).toBeGreaterThan(20);
    expect(references.filter((reference) => resolve(reference) === undefined)).toEqual([]);
  });

  it('has nothing in it that nothing refers to', () => {
    const references = new Set([...objectsIn(document)].map(({ $ref }) => $ref));
    for (const kind of ['schemas', 'responses'] as const) {
      for (const name of Object.keys(document.components[kind])) {
        expect(references).toContain(`#/components/${kind}/${name}`);
      }
    }
  });

  it('requires no property that it does not describe', () => {
    for (const { required, properties } of objectsIn(document)) {
      if (!Array.isArray(required)) continue;
      expect(Object.keys((properties ?? {}) as Json)).toEqual(expect.arrayContaining(required));
    }
  });

  it('has for each operation a name of its own, a summary, a tag, known security, and described answers', () => {
    const names = operations().map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const { operation } of operations()) {
      expect(operation).toMatchObject({
        operationId: expect.stringMatching(/^[a-z][A-Za-z]+$/),
        summary: expect.stringMatching(/./),
        tags: [expect.any(String)],
      });
      for (const scheme of (operation.security ?? []).flatMap(Object.keys)) {
        expect(document.components.securitySchemes).toHaveProperty(scheme);
      }
      expect(Object.keys(operation.responses).some((status) => status.startsWith('2'))).toBe(true);
      for (const response of Object.values(operation.responses)) {
        const described = typeof response['$ref'] === 'string' ? resolve(response['$ref']) : response;
        expect(described).toMatchObject({ description: expect.stringMatching(/./) });
      }
    }
  });

  it('is the routes of the server, each of them and no other', () => {
    const mapped = running.service.log.flatMap((entry) => {
      const [, path, method] = /Mapped \{(.+), ([A-Z]+)\} route/.exec(entry) ?? [];
      return path === undefined || path === '/openapi.json' ? [] : [`${method} ${path}`];
    });
    expect(mapped.toSorted()).toEqual(
      operations()
        .map(({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`)
        .toSorted(),
    );
  });

  it('describes the parameters in its paths, each of them', () => {
    for (const [path, { parameters = [] }] of Object.entries(document.paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(named);
      expect(parameters.every(({ required }) => required)).toBe(true);
    }
  });

  it('says nothing that the server denies: each of its operations is there', async () => {
    expect(operations()).toHaveLength(11);
    for (const { method, path } of operations()) {
      expect((await call(running.service.url + path, { method })).status).not.toBe(404);
    }
  });

  it('describes the answers as they are', async () => {
    const { url } = running.service;
    const session = await signIn(url);
    const own = bearer(session.access_token);
    const asJson = { 'Content-Type': 'application/json' };
    const cases: [string, unknown][] = [
      ['SessionList', json(await call(`${url}/sessions`, { method: 'GET', headers: own }))],
      ['Error', json(await call(`${url}/sessions`, { method: 'GET' }))],
      ['Error', json(await call(`${url}/sessions`, { method: 'GET', headers: bearer('x') }))],
      ['Error', json(await call(`${url}/sessions/x`, { method: 'DELETE', headers: own }))],
      ['Error', json(await call(`${url}/sessions`, { method: 'PATCH', headers: { ...own, ...asJson }, body: '{}' }))],
      ['Session', session],
      ['Tokens', await refreshed(url, session.refresh_token)],
      ['Error', json(await refresh(url, 'x'))],
      ['Error', json(await postSession(url, { subject: 7 }))],
      ['Error', json(await call(`${url}/sessions`, { headers: bearer('x') }))],
      ['Readiness', json(await get('/health/ready'))],
    ];
    for (const [name, answer] of cases) expectToMatch(document.components.schemas[name], answer);
  });

  it('has no route of its documents’ own beside it', async () => {
    for (const path of ['/docs-json', '/docs-yaml', '/openapi.yaml']) expect((await get(path)).status).toBe(404);
  });
});

/** A value against a schema, as far as this document uses the language. */
function expectToMatch(schema: Json | undefined, value: unknown): void {
  if (typeof schema?.['$ref'] === 'string') {
    expectToMatch(resolve(schema['$ref']) as Json, value);
    return;
  }
  if (schema?.['nullable'] === true && value === null) return;
  if (schema?.['type'] === 'array') {
    expect(value).toEqual(expect.any(Array));
    for (const entry of value as unknown[]) expectToMatch(schema['items'] as Json, entry);
    return;
  }
  if (schema?.['type'] === 'object') {
    const properties = (schema['properties'] ?? {}) as Record<string, Json>;
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(value as Json)));
    expect(Object.keys(value as Json)).toEqual(expect.arrayContaining((schema['required'] ?? []) as string[]));
    for (const [name, inner] of Object.entries(value as Json)) expectToMatch(properties[name], inner);
    return;
  }
  expect(schema?.['type']).toBe(typeof value === 'number' ? 'integer' : typeof value);
  if (schema?.['enum']) expect(schema['enum']).toContain(value);
}

describe('/docs', () => {
  let page: string;
  let configuration: string;

  beforeAll(async () => {
    page = (await get('/docs')).text;
    configuration = (await get('/docs/swagger-ui-init.js')).text;
  });

  it('is a page whose every asset is served from here', async () => {
    const assets = [...page.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, address]) => address as string);
    expect(assets.length).toBeGreaterThanOrEqual(5);
    for (const address of assets) {
      expect(address).toMatch(/^\.\/docs\//);
      const asset = await get(new URL(address, `${running.service.url}/docs`).pathname);
      expect(asset.status).toBe(200);
      expect(asset.text.length).toBeGreaterThan(100);
    }
    expect(assets.some((address) => address.endsWith('.css'))).toBe(true);
    expect(assets.some((address) => address.endsWith('bundle.js'))).toBe(true);
  });

  it('names no other host, and is configured with none', () => {
    const withoutNamespaces = page.replaceAll(/xmlns(?::\w+)?="[^"]*"/g, '');
    for (const text of [withoutNamespaces, configuration]) {
      expect(text).not.toMatch(/(?:https?:)?\/\/[\w-]+\.[\w.-]+/);
    }
  });

  it('shows the document of /openapi.json, handed over with the page', () => {
    const [, shown = ''] = /"swaggerDoc": (\{[\s\S]*\}),\s*"customOptions"/.exec(configuration) ?? [];
    expect(JSON.parse(shown)).toEqual(document);
  });

  it('holds no secret', () => {
    expect(page + configuration).not.toMatch(/secret-of|service-key-of/);
  });
});
