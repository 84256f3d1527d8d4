/**
 * A JSON value that satisfies a JSON Schema, for structured output and tool arguments.
 *
 * Walks the schema once. Objects hold every required property, and optional ones near the root;
 * `$ref` is resolved inside the schema. A recursive schema ends because below `MAX_DEPTH` optional
 * properties are left out, arrays are as short as permitted and unions take the branch that nests
 * least. `pattern` and `not` are not honoured.
 */
import { isArray, isObject, type JsonObject } from "./json-value.ts";
import { drawInteger, type Random } from "./random.ts";
import { writeTokens, writeWord } from "./token-text.ts";

/** Deep enough for real schemas; the values below stay as small as the schema allows. */
const MAX_DEPTH = 4;
/** A schema that requires itself has no finite value; two such branches double per level. */
const HARD_DEPTH = 16;

type Walk = { readonly root: JsonObject; readonly random: Random; readonly depth: number };

type Schema = {
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

export function jsonFromSchema(schema: unknown, random: Random): unknown {
  return valueFor(schema, { root: isObject(schema) ? schema : {}, random, depth: 0 });
}

function valueFor(schema: unknown, walk: Walk): unknown {
  if (!isObject(schema) || walk.depth > HARD_DEPTH) {
    return writeWord(walk.random);
  }
  const resolved: Schema = mergeAll(resolve(schema, walk.root), walk.root);
  if (resolved.const !== undefined) {
    return resolved.const;
  }
  if (isArray(resolved.enum) && resolved.enum.length > 0) {
    return resolved.enum[drawInteger(walk.random, 0, resolved.enum.length - 1)];
  }
  const branches = resolved.anyOf ?? resolved.oneOf;
  if (isArray(branches) && branches.length > 0) {
    return valueFor(pickBranch(branches, walk), { ...walk, depth: walk.depth + 1 });
  }
  return typedValue(resolved, typeOf(resolved), walk);
}

/** Follows `$ref` chains; keywords beside a reference win over the referenced ones. */
function resolve(schema: Schema, root: JsonObject): Schema {
  let current = schema;
  for (let hops = 0; typeof current.$ref === "string" && hops < HARD_DEPTH; hops++) {
    const { $ref, ...beside } = current;
    current = { ...lookUp(root, $ref), ...beside };
  }
  return current;
}

function lookUp(root: JsonObject, reference: string): Schema {
  let found: unknown = root;
  for (const step of reference.split("/").slice(1)) {
    const key = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
    found = isObject(found) || isArray(found) ? Reflect.get(found, key) : undefined;
  }
  return isObject(found) ? found : {};
}

function mergeAll(schema: Schema, root: JsonObject): Schema {
  if (!isArray(schema.allOf)) {
    return schema;
  }
  const { allOf, ...own } = schema;
  const parts = allOf.filter(isObject).map((part) => mergeAll(resolve(part, root), root));
  const all = [own, ...parts];
  return {
    ...Object.assign({}, ...parts),
    ...own,
    properties: Object.assign({}, ...all.map((part) => asObject(part.properties))),
    required: all.flatMap((part) => asArray(part.required)),
  };
}

/** Near the root the first branch, as models tend to; deeper the one that nests least. */
function pickBranch(branches: readonly unknown[], { root, depth }: Walk): unknown {
  if (depth < MAX_DEPTH) {
    return branches[0];
  }
  const isFlat = (branch: unknown) => {
    const type = isObject(branch) ? typeOf(resolve(branch, root)) : "string";
    return type !== "object" && type !== "array";
  };
  return branches.find(isFlat) ?? branches[0];
}

function typeOf(schema: Schema): string {
  const { type } = schema;
  if (typeof type === "string") {
    return type;
  }
  if (isArray(type) && typeof type[0] === "string") {
    return type[0];
  }
  if (schema.properties !== undefined || schema.required !== undefined) {
    return "object";
  }
  return schema.items !== undefined || schema.prefixItems !== undefined ? "array" : "string";
}

function typedValue(schema: Schema, type: string, walk: Walk): unknown {
  switch (type) {
    case "object":
      return objectValue(schema, walk);
    case "array":
      return arrayValue(schema, walk);
    case "number":
    case "integer":
      return numberValue(schema, type === "integer", walk.random);
    case "boolean":
      return walk.random() < 0.5;
    case "null":
      return null;
    default:
      return stringValue(schema, walk.random);
  }
}

function objectValue(schema: Schema, walk: Walk): JsonObject {
  const properties = asObject(schema.properties);
  const required = new Set(asArray(schema.required).filter((key) => typeof key === "string"));
  const keys = new Set([...(walk.depth < 2 ? Object.keys(properties) : []), ...required]);
  const deeper = { ...walk, depth: walk.depth + 1 };
  const entries = [...keys].map((key) => [key, valueFor(properties[key] ?? {}, deeper)] as const);
  const missing = bound(schema, "minProperties", 0) - entries.length;
  for (let index = 0; index < missing; index++) {
    entries.push([`key${index + 1}`, valueFor(schema.additionalProperties, deeper)]);
  }
  return Object.fromEntries(entries);
}

function arrayValue(schema: Schema, walk: Walk): readonly unknown[] {
  const fixed = asArray(schema.prefixItems);
  const least = Math.max(bound(schema, "minItems", 0), fixed.length);
  const usual = walk.depth < MAX_DEPTH ? drawInteger(walk.random, 1, 3) : 0;
  const length = Math.min(Math.max(least, usual), bound(schema, "maxItems", Infinity));
  const deeper = { ...walk, depth: walk.depth + 1 };
  return Array.from({ length }, (_, index) => valueFor(fixed[index] ?? schema.items, deeper));
}

function numberValue(schema: Schema, integer: boolean, random: Random): number {
  const step = bound(schema, "multipleOf", integer ? 1 : 0.01);
  const exclusiveMin = bound(schema, "exclusiveMinimum", -Infinity);
  const exclusiveMax = bound(schema, "exclusiveMaximum", Infinity);
  const lowest = Math.max(bound(schema, "minimum", -Infinity), exclusiveMin);
  const highest = Math.min(bound(schema, "maximum", Infinity), exclusiveMax);
  const from = lowest === -Infinity ? Math.min(0, highest - 100) : lowest;
  const to = highest === Infinity ? from + 100 : highest;
  // Whole steps, so that multipleOf holds; the exclusive bounds are one step further in.
  const first = Math.ceil(from / step - 1e-9) + (from === exclusiveMin ? 1 : 0);
  const last = Math.floor(to / step + 1e-9) - (to === exclusiveMax ? 1 : 0);
  const steps = drawInteger(random, first, Math.max(first, last));
  return integer || step >= 1 ? steps * step : Number((steps * step).toFixed(6));
}

const formats: ReadonlyMap<unknown, (random: Random) => string> = new Map([
  ["date", () => "2026-03-14"],
  ["time", () => "09:26:53Z"],
  ["date-time", () => "2026-03-14T09:26:53Z"],
  ["duration", () => "P1DT2H"],
  ["email", (random: Random) => `${writeWord(random)}@example.com`],
  ["hostname", (random: Random) => `${writeWord(random)}.example.com`],
  ["uri", (random: Random) => `https://example.com/${writeWord(random)}`],
  ["uuid", () => "3f2504e0-4f89-41d3-9a0c-0305e82c3301"],
  ["ipv4", () => "192.0.2.7"],
  ["ipv6", () => "2001:db8::7"],
]);

function stringValue(schema: Schema, random: Random): string {
  const formatted = formats.get(schema.format);
  if (formatted !== undefined) {
    return formatted(random);
  }
  let text = writeTokens(random, drawInteger(random, 1, 4)).join("");
  const least = bound(schema, "minLength", 0);
  while (text.length < least) {
    text += ` ${writeWord(random)}`;
  }
  return text.slice(0, Math.max(least, bound(schema, "maxLength", Infinity)));
}

function bound(schema: Schema, name: string, fallback: number): number {
  const value = schema[name];
  return typeof value === "number" ? value : fallback;
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function asArray(value: unknown): readonly unknown[] {
  return isArray(value) ? value : [];
}
