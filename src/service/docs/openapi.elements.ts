/** A part of the document: plain JSON. */
export type Schema = Record<string, unknown>;

export function object(properties: Schema, required = Object.keys(properties)): Schema {
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

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

export function json(schema: Schema): Schema {
  return { 'application/json': { schema } };
}

export function form(schema: Schema): Schema {
  return { 'application/x-www-form-urlencoded': { schema } };
}

export function query(name: string, schema: Schema): Schema {
  return { name, in: 'query', schema };
}

/** @param schema of the body; left out, there is none */
export function answer(description: string, schema?: Schema, headers: string[] = []): Schema {
  const described = headers.map((name) => [name, { schema: { type: 'string' } }]);
  return {
    description,
    ...(headers.length > 0 && { headers: Object.fromEntries(described) as Schema }),
    ...(schema && { content: json(schema) }),
  };
}
