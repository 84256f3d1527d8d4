import { z } from "zod";
import { configSchema } from "./config-schema.ts";
import { needsRestart } from "./describe-change.ts";

/** The part of JSON Schema, draft 2020-12, that this configuration uses. */
export type JsonSchema = {
  readonly type?: string | undefined;
  readonly description?: string | undefined;
  readonly default?: unknown;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly pattern?: string | undefined;
  readonly enum?: readonly string[] | undefined;
  readonly items?: JsonSchema | undefined;
  readonly required?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined;
  /** An object for names the operator chooses; false where no other name is known. */
  readonly additionalProperties?: JsonSchema | false | undefined;
  readonly anyOf?: readonly JsonSchema[] | undefined;
};

/** One key of the configuration file. */
export type ConfigKey = {
  /** Dotted; `<name>` stands for a name the operator chooses. */
  readonly path: string;
  /** Kind of value. */
  readonly type: string;
  /** As JSON; `required`; or `absent` where absence has a meaning of its own. */
  readonly default: string;
  /** Empty where every value of the type is allowed. */
  readonly range: string;
  readonly meaning: string | undefined;
  /** A change takes effect only after a restart. */
  readonly restart: boolean;
};

/**
 * The plain schema of the values, without references to the environment. Written by the library; the
 * type names the part of it that is read here.
 */
const valueSchema = z.toJSONSchema(configSchema, { io: "input" }) as JsonSchema;

/** A number or a flag may also be a reference to the environment. */
const REFERENCE: JsonSchema = { type: "string", pattern: "^\\$\\{.*\\}$" };

/** The schema of the file, for editors. */
export function configJsonSchema(): JsonSchema {
  return withReferences(valueSchema);
}

function withReferences(schema: JsonSchema): JsonSchema {
  const { properties, additionalProperties, ...rest } = schema;
  if (["integer", "number", "boolean"].includes(schema.type ?? "")) {
    const { default: fallback, description, ...typed } = rest;
    return { description, default: fallback, anyOf: [typed, REFERENCE] };
  }
  return {
    ...rest,
    properties: properties && mapValues(properties, withReferences),
    additionalProperties: additionalProperties && withReferences(additionalProperties),
  };
}

function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  change: (value: T) => U,
): Readonly<Record<string, U>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}

/** Every key that holds a value, in the order of the schema. */
export function configKeys(): readonly ConfigKey[] {
  return keysBelow(valueSchema, []);
}

function keysBelow(schema: JsonSchema, path: readonly string[]): readonly ConfigKey[] {
  const { properties = {}, required = [], additionalProperties } = schema;
  const own = Object.entries(properties).flatMap(([name, child]) => {
    const at = [...path, name];
    return isValue(child) ? [keyOf(child, at, required.includes(name))] : keysBelow(child, at);
  });
  if (typeof additionalProperties !== "object" || isOpaque(additionalProperties)) {
    return own;
  }
  const at = [...path, "<name>"];
  return isValue(additionalProperties)
    ? [...own, keyOf(additionalProperties, at, false)]
    : [...own, ...keysBelow(additionalProperties, at)];
}

function keyOf(schema: JsonSchema, at: readonly string[], isRequired: boolean): ConfigKey {
  const fallback = schema.default === undefined ? "absent" : JSON.stringify(schema.default);
  return {
    path: at.join("."),
    type: typeOf(schema),
    default: isRequired ? "required" : fallback,
    range: rangeOf(schema),
    meaning: schema.description,
    restart: needsRestart(at),
  };
}

/** Not a mapping, or one whose insides belong to another document. */
function isValue({ type, additionalProperties }: JsonSchema): boolean {
  return (
    type !== "object" ||
    (typeof additionalProperties === "object" && isOpaque(additionalProperties))
  );
}

function isOpaque(schema: JsonSchema): boolean {
  return Object.keys(schema).length === 0;
}

function typeOf({ type, items, enum: values }: JsonSchema): string {
  if (items !== undefined) {
    return `list of ${typeOf(items)}`;
  }
  if (type === "object") {
    return "mapping";
  }
  return values === undefined && type !== "string" ? String(type) : "text";
}

function rangeOf({ minimum, maximum, enum: values, items }: JsonSchema): string {
  const allowed = values ?? items?.enum;
  if (allowed !== undefined) {
    return allowed.join(", ");
  }
  return minimum === undefined ? "" : `${minimum} to ${maximum}`;
}
