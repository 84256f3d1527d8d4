import type { DescEnum } from "@bufbuild/protobuf";

/**
 * The words of a proto enum as people write them: `GATE_STATE_GREEN` is `green`,
 * `REJECTION_REASON_BREAKER_OPEN` is `breaker-open`.
 */

/** Every word but the one of the zero value, in the order of the proto. */
export function wordsOf(desc: DescEnum): readonly string[] {
  return desc.values.filter(({ number }) => number !== 0).map((value) => wordFor(desc, value.name));
}

/** A value from a later version of the API shows as its number. */
export function wordOf(desc: DescEnum, number: number): string {
  const value = desc.value[number];
  return value === undefined ? `#${number}` : wordFor(desc, value.name);
}

/** Absent for a word that the enum does not have, and for `unspecified`. */
export function numberOf(desc: DescEnum, word: string): number | undefined {
  return desc.values.find(({ number, name }) => number !== 0 && wordFor(desc, name) === word)
    ?.number;
}

function wordFor(desc: DescEnum, name: string): string {
  const prefix = desc.sharedPrefix?.length ?? 0;
  return name.slice(prefix).toLowerCase().replaceAll("_", "-");
}
