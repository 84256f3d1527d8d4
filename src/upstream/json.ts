import { UnencodableRequest } from "./unencodable-request.ts";

/**
 * JSON text put together from JSON texts.
 *
 * Schemas and tool arguments go to the provider exactly as the caller wrote them. Parsing and writing
 * them again would round large integers and reorder numeric keys, and `JSON.rawJSON` takes scalars only.
 */

/** Adds a member to the text of an object. Both texts are valid JSON; `name` is not in the object yet. */
export function withMember(objectText: string, name: string, valueText: string): string {
  const separator = objectText === "{}" ? "" : ",";
  return `${objectText.slice(0, -1)}${separator}${JSON.stringify(name)}:${valueText}}`;
}

export function arrayText(itemTexts: readonly string[]): string {
  return `[${itemTexts.join(",")}]`;
}

/**
 * The text itself, once it is known to be one JSON object: anything else would let the caller write
 * outside of its place in the request. Throws `UnencodableRequest` naming the field.
 */
export function objectTextOf(text: string, field: string): string {
  if (!isJsonObjectText(text)) {
    throw new UnencodableRequest(`${field} is not a JSON object.`);
  }
  return text;
}

export function isJsonObjectText(text: string): boolean {
  try {
    return isRecord(JSON.parse(text));
  } catch {
    return false;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The string, or empty for anything else. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Whole number from 0 to 2^53 - 1, or `undefined` for what is no number at all. */
export function countOf(value: unknown): number | undefined {
  if (typeof value !== "number" || Number.isNaN(value)) {
    return undefined;
  }
  return Math.min(Math.max(0, Math.floor(value)), Number.MAX_SAFE_INTEGER);
}
