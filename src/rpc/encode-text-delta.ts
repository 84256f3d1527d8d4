import type { StreamCompleteResponse } from "../../gen/atlas/v1/completion_pb.ts";

/**
 * Bytes of the one message that makes up nearly all of a stream: a delta of text. Anything else gives
 * `undefined` and takes the general way.
 *
 * Written by hand because the general encoder walks descriptors and costs several times as much; a
 * property test holds the two equal. https://protobuf.dev/programming-guides/encoding/
 */
export function encodeTextDelta(message: StreamCompleteResponse): Buffer | undefined {
  const { event, sequence } = message;
  if (event.case !== "content" || message.$unknown !== undefined) {
    return undefined;
  }
  const { delta, choiceIndex, partIndex, logprobs } = event.value;
  if (
    delta.case !== "text" ||
    logprobs.length > 0 ||
    event.value.$unknown !== undefined ||
    !isSmall(choiceIndex) ||
    !isSmall(partIndex) ||
    sequence < 0n ||
    sequence > MAX_SEQUENCE
  ) {
    return undefined;
  }
  const text = delta.value;
  const textBytes = Buffer.byteLength(text);
  const contentBytes =
    fieldBytes(choiceIndex) + fieldBytes(partIndex) + 1 + varintBytes(textBytes) + textBytes;
  const number = Number(sequence);
  const bytes = Buffer.allocUnsafe(
    fieldBytes(number) + 1 + varintBytes(contentBytes) + contentBytes,
  );
  let at = writeField(bytes, SEQUENCE, number, 0);
  at = writeVarint(bytes, writeTag(bytes, CONTENT, at), contentBytes);
  at = writeField(bytes, CHOICE_INDEX, choiceIndex, at);
  at = writeField(bytes, PART_INDEX, partIndex, at);
  at = writeVarint(bytes, writeTag(bytes, TEXT, at), textBytes);
  bytes.write(text, at);
  return bytes;
}

/** Tags: field number and wire type. */
const SEQUENCE = (1 << 3) | 0;
const CONTENT = (3 << 3) | 2;
const CHOICE_INDEX = (1 << 3) | 0;
const PART_INDEX = (2 << 3) | 0;
const TEXT = (3 << 3) | 2;

/** Fits 32-bit arithmetic; no stream is longer. */
const MAX_SEQUENCE = 0x7fff_ffffn;

function isSmall(index: number): boolean {
  return index >= 0;
}

/** Zero is not written at all. */
function fieldBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest >>>= 7) {
    bytes += 1;
  }
  return bytes;
}

function writeField(bytes: Buffer, tag: number, value: number, at: number): number {
  return value === 0 ? at : writeVarint(bytes, writeTag(bytes, tag, at), value);
}

function writeTag(bytes: Buffer, tag: number, at: number): number {
  bytes[at] = tag;
  return at + 1;
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  let position = at;
  let rest = value;
  while (rest >= 0x80) {
    bytes[position] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
    position += 1;
  }
  bytes[position] = rest;
  return position + 1;
}
