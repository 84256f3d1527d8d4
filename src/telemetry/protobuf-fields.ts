/** Fields of protobuf by their tags, for messages that are written by hand. See `reverse-writer.ts`. */
import {
  countWritten,
  type ReverseBuffer,
  writeString,
  writeVarint,
} from "../wire/reverse-writer.ts";

export const VARINT = 0;
export const FIXED_64 = 1;
export const LENGTH_DELIMITED = 2;
export const FIXED_32 = 5;

/** What stands in front of a field: its number, and how its value is written. */
export function tagOf(field: number, wireType: number): number {
  return field * 8 + wireType;
}

export function writeText(out: ReverseBuffer, text: string, tag: number): void {
  writeString(out, text);
  writeVarint(out, tag);
}

/** Makes a field of what was written since `before`, of `countWritten`. */
export function closeMessage(out: ReverseBuffer, before: number, tag: number): void {
  writeVarint(out, countWritten(out) - before);
  writeVarint(out, tag);
}
