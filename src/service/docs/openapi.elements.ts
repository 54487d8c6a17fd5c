import type { OpenAPIObject } from '@nestjs/swagger';

type Components = NonNullable<OpenAPIObject['components']>;
type Operation = NonNullable<Paths[string]['get']>;

export type Paths = OpenAPIObject['paths'];
export type PathItem = Paths[string];
export type Parameter = NonNullable<Operation['parameters']>[number];
export type Security = NonNullable<Operation['security']>;
export type Schemas = NonNullable<Components['schemas']>;
export type Responses = NonNullable<Components['responses']>;
export type SecuritySchemes = NonNullable<Components['securitySchemes']>;
type Reference = Extract<Schemas[string], { $ref: string }>;
export type Schema = Exclude<Schemas[string], Reference>;
type Response = Exclude<Responses[string], Reference>;
type Content = NonNullable<Response['content']>;

export function object(
  properties: Record<string, Schema | Reference>,
  required: string[] = Object.keys(properties),
): Schema {
  return { type: 'object', properties, required };
}

export function text(description?: string): Schema {
  return { type: 'string', ...(description !== undefined && { description }) };
}

export function texts(description: string): Schema {
  return { type: 'array', items: { type: 'string' }, description };
}

/** One of these texts. */
export function oneOf(...values: string[]): Schema {
  return { type: 'string', enum: values };
}

export function seconds(description: string): Schema {
  return { type: 'integer', minimum: 0, description: `${description} In seconds.` };
}

/** A reference to a schema of `schemasOf`. */
export function ref(name: string): Reference {
  return { $ref: `#/components/schemas/${name}` };
}

export function json(schema: Schema | Reference): Content {
  return { 'application/json': { schema } };
}

export function form(schema: Schema | Reference): Content {
  return { 'application/x-www-form-urlencoded': { schema } };
}

export function query(name: string, schema: Schema): Exclude<Parameter, Reference> {
  return { name, in: 'query', schema };
}

/** @param schema of the body; an answer without a schema has no body */
export function answer(description: string, schema?: Schema | Reference, headers: string[] = []): Response {
  const described = headers.map((name) => [name, { schema: { type: 'string' } }] as const);
  return {
    description,
    ...(headers.length > 0 && { headers: Object.fromEntries(described) }),
    ...(schema && { content: json(schema) }),
  };
}
