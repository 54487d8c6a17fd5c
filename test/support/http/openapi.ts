import type { Answer } from './http.js';

export type Json = Record<string, unknown>;

export interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  security?: Record<string, unknown[]>[];
  responses: Record<string, Json>;
}
type Path = Record<string, Operation> & { parameters?: { name: string; in: string; required: boolean }[] };

/** An OpenAPI document, as far as ours uses the language. */
export interface OpenApiDocument {
  openapi: string;
  info: { version: string };
  paths: Record<string, Path>;
  components: { schemas: Record<string, Json>; responses: Record<string, Json>; securitySchemes: Record<string, Json> };
}

/** Headers that say something of an answer; the others are of every answer, or of HTTP. */
const TELLING_HEADERS = ['www-authenticate', 'retry-after', 'set-cookie'];

/** Every object inside a value, itself too. */
export function* objectsIn(value: unknown): Generator<Json> {
  if (typeof value !== 'object' || value === null) return;
  yield value as Json;
  for (const inner of Object.values(value)) yield* objectsIn(inner);
}

/** What a part stands for, which may be a reference; `undefined` where it leads nowhere. */
export function resolved(document: OpenApiDocument, part: Json | undefined): Json | undefined {
  const reference = part?.['$ref'];
  if (typeof reference !== 'string') return part;
  const keys = reference.replace(/^#\//, '').split('/');
  return keys.reduce<Json | undefined>((value, key) => value?.[key] as Json | undefined, document as unknown as Json);
}

export function operationsOf({ paths }: OpenApiDocument): { method: string; path: string; operation: Operation }[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([key]) => key !== 'parameters')
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation: operation as Operation })),
  );
}

/** What of an answer isn't as the document has it; nothing where all is. @param route such as `GET /sessions/{id}` */
export function undescribed(document: OpenApiDocument, route: string, answer: Answer): string[] {
  const found = operationsOf(document).find(({ method, path }) => `${method} ${path}` === route);
  const at = `${route}: ${answer.status}`;
  const response = resolved(document, found?.operation.responses[answer.status]);
  if (!response) return [`${at} is not described`];

  const described = Object.keys((response['headers'] ?? {}) as Json).map((name) => name.toLowerCase());
  const sent = TELLING_HEADERS.filter((name) => answer.headers[name] !== undefined);
  const headers = sent.filter((name) => !described.includes(name)).map((name) => `${at} has ${name}`);
  // A cookie is set only where one came.
  const missing = described.filter((name) => name !== 'set-cookie' && answer.headers[name] === undefined);

  const content = Object.entries((response['content'] ?? {}) as Record<string, { schema: Json }>);
  const [type, { schema } = { schema: undefined }] = content[0] ?? [];
  const body = schema
    ? mismatches(document, schema, JSON.parse(answer.text) as unknown, at)
    : answer.text === ''
      ? []
      : [`${at} has a body`];
  const isTyped = type === undefined || answer.headers['content-type']?.startsWith(type);
  return [
    ...headers,
    ...missing.map((name) => `${at} lacks ${name}`),
    ...(isTyped ? [] : [`${at} is no ${type}`]),
    ...body,
  ];
}

/** What of a value isn't as a schema has it. */
function mismatches(document: OpenApiDocument, part: Json | undefined, value: unknown, at: string): string[] {
  const schema = resolved(document, part);
  if (!schema) return [`${at} is not described`];
  if (schema['nullable'] === true && value === null) return [];
  if (schema['anyOf']) {
    const each = (schema['anyOf'] as Json[]).map((one) => mismatches(document, one, value, at));
    return each.some((found) => found.length === 0) ? [] : each.flat();
  }
  const got = Array.isArray(value) ? 'array' : typeof value === 'number' ? 'integer' : typeof value;
  if (schema['type'] !== got || value === null) return [`${at} is no ${String(schema['type'])}`];
  if (schema['enum'] && !(schema['enum'] as unknown[]).includes(value)) return [`${at} is ${String(value)}`];
  if (got === 'array') {
    return (value as unknown[]).flatMap((entry) => mismatches(document, schema['items'] as Json, entry, `${at}[]`));
  }
  if (got !== 'object') return [];

  // Where nothing is said of them, they may be any.
  const properties = schema['properties'] as Record<string, Json> | undefined;
  const required = (schema['required'] ?? []) as string[];
  const absent = required.filter((name) => !(name in (value as Json))).map((name) => `${at}.${name} is not there`);
  return [
    ...absent,
    ...Object.entries(value as Json).flatMap(([name, inner]) => {
      const isOther = properties?.[name] === undefined && (!properties || schema['additionalProperties'] === true);
      return isOther ? [] : mismatches(document, properties?.[name], inner, `${at}.${name}`);
    }),
  ];
}
