/** Bytes of the longest number. */
export const MAX_LEB128_BYTES = 8;

/**
 * Writes a whole number of 0 to 2^53 - 1 in as few bytes as it needs, seven bits each, lowest first.
 * Returns the position after it.
 */
export function writeLeb128(bytes: Uint8Array, start: number, value: number): number {
  let position = start;
  let rest = value;
  // Divided, because a shift would cut at 32 bits.
  while (rest >= 0x80) {
    bytes[position++] = (rest % 0x80) + 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[position++] = rest;
  return position;
}
