import type { Violation } from "../domain/router-error.ts";

/** Collects what is wrong with one request, with paths in proto names. */
export type Violations = {
  add(field: string, description: string): void;
  addAll(field: string, descriptions: readonly string[]): void;
  readonly found: readonly Violation[];
  /** A fact for machines that goes with the refusal. */
  note(key: string, value: string): void;
  readonly notes: Readonly<Record<string, string>>;
};

/** A hostile request with a million mistakes is not answered with a million sentences. */
const MAX_VIOLATIONS = 100;

export function createViolations(): Violations {
  const found: Violation[] = [];
  const notes: Record<string, string> = {};
  function add(field: string, description: string): void {
    if (found.length < MAX_VIOLATIONS) {
      found.push({ field, description });
    }
  }
  return {
    found,
    notes,
    add,
    addAll(field, descriptions) {
      for (const description of descriptions) {
        add(field, description);
      }
    },
    note(key, value) {
      notes[key] = value;
    },
  };
}
