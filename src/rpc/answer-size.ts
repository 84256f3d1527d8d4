import { type DescMessage, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { WireError } from "./status.ts";

export type SizeLimit = {
  readonly maxBytes: number;
  /** Whether the caller is answered in JSON. */
  readonly json: boolean;
};

/** Of a UTF-16 unit in JSON, as `\u0000`; UTF-8 takes 3 at most. */
const BYTES_PER_UNIT = 6;
/** Of a number, or of the longest name of an enumeration's value. */
const BYTES_PER_SCALAR = 64;
/** Quotes, colon and comma, or tag and length. */
const BYTES_PER_FIELD = 16;

/**
 * Throws a `WireError` for an answer that is larger than callers take.
 *
 * connect-es encodes out of sight and refuses such an answer after its handler has ended well, without a
 * word to whoever asks what became of the RPC. Encoding everything twice would be dear, so the exact size
 * is looked for only where a bound from above does not do.
 */
export function assertSendable(
  desc: DescMessage,
  message: Message,
  { maxBytes, json }: SizeLimit,
): void {
  if (boundOf(message) <= maxBytes) {
    return;
  }
  const bytes = json
    ? Buffer.byteLength(JSON.stringify(toJson(desc, message)))
    : toBinary(desc, message).length;
  if (bytes > maxBytes) {
    throw new WireError("message-too-large", "The answer is larger than the server sends.", {
      bytes: String(bytes),
      maxBytes: String(maxBytes),
    });
  }
}

/** Bytes that a value takes at most, whatever the format. */
function boundOf(value: unknown): number {
  if (typeof value === "string") {
    return BYTES_PER_FIELD + value.length * BYTES_PER_UNIT;
  }
  if (typeof value !== "object" || value === null) {
    return BYTES_PER_SCALAR;
  }
  if (value instanceof Uint8Array) {
    return BYTES_PER_FIELD + value.length * 2;
  }
  let bytes = BYTES_PER_FIELD;
  if (Array.isArray(value)) {
    for (const one of value) {
      bytes += boundOf(one);
    }
    return bytes;
  }
  for (const [key, one] of Object.entries(value)) {
    bytes += BYTES_PER_FIELD + key.length * BYTES_PER_UNIT + boundOf(one);
  }
  return bytes;
}
