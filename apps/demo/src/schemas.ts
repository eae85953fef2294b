import { z } from 'zod';

/** JSON Schema as Fastify and OpenAPI want it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** One schema checks what comes, shapes what goes, and is the documentation of both. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output' = 'input'): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io });
  return rest;
}

/** One line, which can be seen at both ends: neither controls in it nor what turns the direction of writing round. */
export const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\s\p{C}]([^\p{Cc}\p{Cs}\p{Bidi_C}]*[^\s\p{C}])?$/u);
/** Lines of the same, or none. */
export const text = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^([^\p{Cc}\p{Cs}\p{Bidi_C}]|[\r\n\t])*$/u);

export const id = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\w-]+$/);
export const withId = z.strictObject({ id });
export const person = z.object({ id: z.string(), name: z.string(), role: z.string() });

const error = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
/** The one envelope of all errors. */
export const errors = { '4xx': jsonSchema(error, 'output'), '5xx': jsonSchema(error, 'output') };

/** Which version is changed: what its ETag was. */
export const ifMatch = jsonSchema(z.object({ 'if-match': z.string().max(64).optional() }));
