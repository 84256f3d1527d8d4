import { boundOf, type Schema } from "./flatten-schema.ts";
import { drawInteger, type Random } from "./random.ts";
import { invalidSchema } from "./schema-scope.ts";

/** How far a value lies from the one bound that there is, at most. */
const SPAN = 100;
/** Of a step, for quotients such as 0.3 / 0.1 that miss a whole number by their rounding. */
const TOLERANCE = 1e-9;

/**
 * A multiple of the schema's step, 1 for integers and 0.01 for numbers by default, within its bounds;
 * between two steps where the bounds are that close. 0 where that is beyond what a double holds.
 *
 * Throws `RefusedRequest` for a step that is not above 0.
 */
export function numberFromSchema(
  schema: Schema,
  type: "number" | "integer",
  random: Random,
): number {
  const isFree = type === "number" && schema["multipleOf"] === undefined;
  const step = boundOf(schema, "multipleOf", type === "integer" ? 1 : 0.01);
  if (step <= 0) {
    throw invalidSchema(`${step} is less than or equal to the minimum of 0`);
  }
  const [first, last] = stepsWithin(schema, step);
  if (isFree && first > last) {
    return middleOf(schema);
  }
  const value = drawInteger(random, first, Math.max(first, last)) * step;
  return finite(Number.isInteger(step) ? value : Number(value.toPrecision(15)));
}

/** The first and the last multiple of the step within the bounds, counted in steps. */
function stepsWithin(schema: Schema, step: number): readonly [number, number] {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = boundsOf(schema);
  const least = Math.max(
    Math.ceil(minimum / step - TOLERANCE),
    Math.floor(exclusiveMinimum / step + TOLERANCE) + 1,
  );
  const most = Math.min(
    Math.floor(maximum / step + TOLERANCE),
    Math.ceil(exclusiveMaximum / step - TOLERANCE) - 1,
  );
  const span = Math.ceil(SPAN / step);
  const first = least === -Infinity ? Math.min(0, most - span) : least;
  return [first, most === Infinity ? first + span : most];
}

function middleOf(schema: Schema): number {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = boundsOf(schema);
  const [least, most] = [Math.max(minimum, exclusiveMinimum), Math.min(maximum, exclusiveMaximum)];
  return finite(least + (most - least) / 2);
}

function boundsOf(schema: Schema) {
  return {
    minimum: boundOf(schema, "minimum", -Infinity),
    exclusiveMinimum: boundOf(schema, "exclusiveMinimum", -Infinity),
    maximum: boundOf(schema, "maximum", Infinity),
    exclusiveMaximum: boundOf(schema, "exclusiveMaximum", Infinity),
  };
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
