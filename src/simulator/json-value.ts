/** What JSON.parse gives for `{...}`. */
export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Absent and null mean the same in every request the fleet understands. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** The own property `key` of an object, or `undefined` of anything else. */
export function property(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

export function textOrEmpty(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function objectOrEmpty(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

export function arrayOrEmpty(value: unknown): readonly unknown[] {
  return isArray(value) ? value : [];
}
