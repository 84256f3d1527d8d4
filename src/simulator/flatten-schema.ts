/**
 * A JSON Schema without `$ref` and `allOf`, so that a single look at a keyword suffices.
 *
 * Parts are merged keyword by keyword: bounds to the tighter one, types to those in common, required
 * and declared properties to the union. For every other keyword the last part wins, and a schema's
 * own keywords come after those of its references and its `allOf`.
 */
import {
  arrayOrEmpty,
  isArray,
  isObject,
  type JsonObject,
  objectOrEmpty,
  property,
} from "./json-value.ts";
import { invalidSchema, type SchemaScope } from "./schema-scope.ts";

export type Schema = {
  readonly $ref?: unknown;
  readonly const?: unknown;
  readonly enum?: unknown;
  readonly anyOf?: unknown;
  readonly oneOf?: unknown;
  readonly allOf?: unknown;
  readonly type?: unknown;
  readonly properties?: unknown;
  readonly required?: unknown;
  readonly additionalProperties?: unknown;
  readonly items?: unknown;
  readonly prefixItems?: unknown;
  readonly format?: unknown;
  readonly [bound: string]: unknown;
};

/** A numeric keyword, or what holds without it. */
export function boundOf(schema: Schema, keyword: string, fallback: number): number {
  const value = schema[keyword];
  return typeof value === "number" ? value : fallback;
}

/** A chain of references that is longer leads in a circle; what hangs on it is left out. */
const MAX_HOPS = 16;

/** Throws `RefusedRequest` for a malformed reference, and when it takes more steps than are left. */
export function flattenSchema(schema: Schema, scope: SchemaScope, hops = 0): Schema {
  if (typeof schema.$ref !== "string" && !isArray(schema.allOf)) {
    return schema;
  }
  const { $ref, allOf, ...own } = schema;
  if (hops > MAX_HOPS) {
    return own;
  }
  const referenced = typeof $ref === "string" ? [lookUp($ref, scope)] : [];
  const parts: readonly Schema[] = [...referenced, ...arrayOrEmpty(allOf).filter(isObject)];
  scope.spend(parts.length);
  const flat = parts.map((part) => flattenSchema(part, scope, hops + 1));
  return [...flat, own].reduce((base, over) => merge(base, over, scope));
}

/** Empty for what is not there; only pointers into the schema are followed. */
function lookUp(reference: string, { root, spend }: SchemaScope): Schema {
  const [start, ...steps] = reference.split("/");
  spend(1 + steps.length);
  let found: unknown = start === "#" ? root : undefined;
  for (const step of steps) {
    const key = keyOf(step);
    if (key === undefined) {
      throw invalidSchema("a reference holds a malformed escape");
    }
    found = isArray(found) ? found[Number(key)] : property(found, key);
  }
  return objectOrEmpty(found);
}

/** Undefined when it is malformed. */
function keyOf(step: string): string | undefined {
  try {
    return decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return undefined;
  }
}

function merge(base: Schema, over: Schema, { spend }: SchemaScope): Schema {
  const merged = new Map(Object.entries(base));
  spend(merged.size);
  for (const [keyword, value] of Object.entries(over)) {
    const known = merged.get(keyword);
    if (known !== undefined) {
      spend(sizeOf(known) + sizeOf(value));
    }
    merged.set(keyword, known === undefined ? value : mergeKeyword(keyword, known, value));
  }
  return Object.fromEntries(merged);
}

function sizeOf(value: unknown): number {
  return isArray(value) ? value.length : Object.keys(objectOrEmpty(value)).length;
}

function mergeKeyword(keyword: string, base: unknown, over: unknown): unknown {
  switch (keyword) {
    case "type":
      return commonTypes(base, over);
    case "properties":
      return mergeProperties(objectOrEmpty(base), objectOrEmpty(over));
    case "required":
      return [...arrayOrEmpty(base), ...arrayOrEmpty(over)];
    case "items":
      return both(base, over);
    case "minimum":
    case "exclusiveMinimum":
    case "minLength":
    case "minItems":
    case "minProperties":
      return tighter(Math.max, base, over);
    case "maximum":
    case "exclusiveMaximum":
    case "maxLength":
    case "maxItems":
    case "maxProperties":
      return tighter(Math.min, base, over);
    default:
      return over;
  }
}

function tighter(pick: (...values: number[]) => number, base: unknown, over: unknown): unknown {
  return typeof base === "number" && typeof over === "number" ? pick(base, over) : over;
}

function commonTypes(base: unknown, over: unknown): unknown {
  const [ours, theirs] = [typesOf(base), typesOf(over)] as const;
  const common = [
    ...theirs.filter((type) => allows(ours, type)),
    ...ours.filter((type) => allows(theirs, type)),
  ];
  return common.length > 0 ? common : over;
}

/** JSON Schema knows seven, so a longer list repeats some. */
function typesOf(type: unknown): readonly unknown[] {
  return isArray(type) ? type.slice(0, 7) : [type];
}

/** Every integer is a number. */
function allows(types: readonly unknown[], type: unknown): boolean {
  return types.includes(type) || (type === "integer" && types.includes("number"));
}

function mergeProperties(base: JsonObject, over: JsonObject): JsonObject {
  const merged = new Map(Object.entries(base));
  for (const [key, schema] of Object.entries(over)) {
    merged.set(key, merged.has(key) ? both(merged.get(key), schema) : schema);
  }
  return Object.fromEntries(merged);
}

function both(base: unknown, over: unknown): unknown {
  return isObject(base) && isObject(over) ? { allOf: [base, over] } : over;
}
