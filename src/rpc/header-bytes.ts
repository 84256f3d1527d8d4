/**
 * Bytes of a request's headers as HTTP/2 counts them: names, values and 32 for each field. nghttp2
 * announces the limit to its peers and leaves it to the server to hold them to it.
 * https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2
 */
export function headerBytes(rawHeaders: readonly string[]): number {
  // Names and values alternate.
  let bytes = rawHeaders.length * (FIELD_BYTES / 2);
  for (const text of rawHeaders) {
    bytes += text.length;
  }
  return bytes;
}

const FIELD_BYTES = 32;
