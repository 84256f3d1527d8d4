/**
 * A JSON value that satisfies a JSON Schema, for structured output and tool arguments.
 *
 * Walks the schema once. Objects hold every required property, and optional ones near the root;
 * `$ref` is resolved inside the schema. A recursive schema ends because below `MAX_DEPTH` optional
 * properties are left out, arrays are as short as permitted and unions take the branch that nests
 * least. Each step and each character is paid for before it is made, so that no schema holds up the
 * process that the router shares with the fleet.
 *
 * Not honoured: `pattern`, `patternProperties`, `propertyNames`, `not`, `if`, `contains`,
 * `uniqueItems`, `dependentRequired`, `dependentSchemas`, `unevaluatedProperties`,
 * `unevaluatedItems`, anchors, references into other documents, and for integers a `multipleOf` that
 * is no whole number. Keywords beside `const`, `enum` and a known `format` are not looked at. The
 * exclusive bounds are numbers, as they are since draft 6. Bounds that contradict each other give a
 * value that breaks one of them; of a schema that requires itself the innermost value is a word.
 */
import { boundOf, flattenSchema, type Schema } from "./flatten-schema.ts";
import { arrayOrEmpty, isArray, isObject, type JsonObject, objectOrEmpty } from "./json-value.ts";
import { numberFromSchema } from "./number-from-schema.ts";
import { drawInteger, type Random } from "./random.ts";
import { createSchemaScope, type SchemaScope } from "./schema-scope.ts";
import { writeTokens, writeWord } from "./token-text.ts";

/** Deep enough for real schemas; the values below stay as small as the schema allows. */
const MAX_DEPTH = 4;
/** A schema that requires itself has no finite value. */
const HARD_DEPTH = 16;

type Walk = SchemaScope & { readonly random: Random; readonly depth: number };

/**
 * Throws `RefusedRequest` for a schema that demands a value too large, and for one with a step or a
 * reference that is malformed.
 */
export function jsonFromSchema(schema: unknown, random: Random): unknown {
  return valueFor(schema, { ...createSchemaScope(schema), random, depth: 0 });
}

function valueFor(schema: unknown, walk: Walk): unknown {
  walk.spend(1);
  if (!isObject(schema) || walk.depth > HARD_DEPTH) {
    return writeWord(walk.random);
  }
  const flat = flattenSchema(schema, walk);
  if (flat.const !== undefined) {
    return given(flat.const, walk);
  }
  const choices = arrayOrEmpty(flat.enum);
  if (choices.length > 0) {
    return given(choices[drawInteger(walk.random, 0, choices.length - 1)], walk);
  }
  const decided = decideUnion(flat, walk);
  return decided === undefined
    ? typedValue(flat, typeOf(flat), walk)
    : valueFor(decided, deeper(walk));
}

function deeper(walk: Walk): Walk {
  return { ...walk, depth: walk.depth + 1 };
}

/** A value of the schema's own counts at its length, too. */
function given(value: unknown, { spend }: Walk): unknown {
  spend(JSON.stringify(value).length);
  return value;
}

/** One branch of a union together with what stands beside it; undefined where there is none. */
function decideUnion(schema: Schema, walk: Walk): Schema | undefined {
  const keyword = (["anyOf", "oneOf"] as const).find(
    (name) => arrayOrEmpty(schema[name]).length > 0,
  );
  if (keyword === undefined) {
    return undefined;
  }
  const { [keyword]: branches, ...beside } = schema;
  return { allOf: [beside, pickBranch(arrayOrEmpty(branches), walk)] };
}

/** Near the root the first branch, as models tend to; deeper the one that nests least. */
function pickBranch(branches: readonly unknown[], walk: Walk): unknown {
  if (walk.depth < MAX_DEPTH) {
    return branches[0];
  }
  const isFlat = (branch: unknown) => {
    walk.spend(1);
    const type = isObject(branch) ? typeOf(flattenSchema(branch, walk)) : "string";
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
      return numberFromSchema(schema, type, walk.random);
    case "boolean":
      return walk.random() < 0.5;
    case "null":
      return null;
    default:
      return stringValue(schema, walk);
  }
}

function objectValue(schema: Schema, walk: Walk): JsonObject {
  const properties = objectOrEmpty(schema.properties);
  const inside = deeper(walk);
  return Object.fromEntries(
    keysOf(schema, properties, walk).map((key) => {
      walk.spend(key.length);
      const isDeclared = Object.hasOwn(properties, key);
      return [key, valueFor(isDeclared ? properties[key] : schema.additionalProperties, inside)];
    }),
  );
}

/** The declared ones first, in their order; invented ones where more are demanded. */
function keysOf(schema: Schema, properties: JsonObject, walk: Walk): readonly string[] {
  const listed = arrayOrEmpty(schema.required);
  walk.spend(listed.length);
  const required = new Set(listed.filter((key) => typeof key === "string"));
  const least = boundOf(schema, "minProperties", 0);
  const wanted = Math.min(
    walk.depth < 2 ? Infinity : least,
    boundOf(schema, "maxProperties", Infinity),
  );
  const spare = wanted - required.size;
  const declared = spare > 0 ? Object.keys(properties) : [];
  walk.spend(declared.length + Math.max(0, least));
  const optional = new Set(declared.filter((key) => !required.has(key)).slice(0, spare));
  const isChosen = (key: string) => required.has(key) || optional.has(key);
  const keys = new Set([...declared.filter(isChosen), ...required]);
  for (let number = 1; keys.size < least; number++) {
    keys.add(`key${number}`);
  }
  return [...keys];
}

function arrayValue(schema: Schema, walk: Walk): readonly unknown[] {
  const fixed = arrayOrEmpty(schema.prefixItems);
  const least = Math.max(boundOf(schema, "minItems", 0), fixed.length);
  const usual = walk.depth < MAX_DEPTH ? drawInteger(walk.random, 1, 3) : 0;
  const most = schema.items === false ? fixed.length : Infinity;
  const length = Math.min(Math.max(least, usual), most, boundOf(schema, "maxItems", Infinity));
  walk.spend(Math.max(0, length));
  const inside = deeper(walk);
  return Array.from({ length }, (_, index) => valueFor(fixed[index] ?? schema.items, inside));
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

function stringValue(schema: Schema, { random, spend }: Walk): string {
  const formatted = formats.get(schema.format);
  if (formatted !== undefined) {
    return formatted(random);
  }
  let text = writeTokens(random, drawInteger(random, 1, 4)).join("");
  const least = boundOf(schema, "minLength", 0);
  spend(Math.max(text.length, least));
  while (text.length < least) {
    text += ` ${writeWord(random)}`;
  }
  return text.slice(0, Math.max(least, boundOf(schema, "maxLength", Infinity)));
}
