import { isObject, type JsonObject } from "./json-value.ts";
import { RefusedRequest } from "./refusal.ts";

/** What one walk through a schema shares. */
export type SchemaScope = {
  /** References lead into it. */
  readonly root: JsonObject;
  /** Pays for a step of the walk or a character of the value. Throws `RefusedRequest`. */
  readonly spend: (units: number) => void;
};

/** Of the size of the longest answers that models write, and walked in a few milliseconds. */
const MAX_UNITS = 65_536;

export function createSchemaScope(schema: unknown): SchemaScope {
  let left = MAX_UNITS;
  return {
    root: isObject(schema) ? schema : {},
    spend(units) {
      left -= units;
      if (left < 0) {
        throw invalidSchema("a value that satisfies it would be too large");
      }
    },
  };
}

/** The 400 of a provider that cannot compile a schema. */
export function invalidSchema(problem: string): RefusedRequest {
  return new RefusedRequest({ kind: "badRequest", message: `Invalid schema: ${problem}.` });
}
