import type { IncomingMessage } from "node:http";

/**
 * Calls back with the body as text, or with `undefined` as soon as it exceeds `maxBytes`.
 *
 * A client that leaves before its body is complete ends the connection and is never called back.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  done: (body: string | undefined) => void,
): void {
  const parts: Buffer[] = [];
  let bytes = 0;
  request.on("error", () => {
    // The response closes with the connection, which is where the visit ends.
  });
  request.on("data", (part: Buffer) => {
    const wasWithin = bytes <= maxBytes;
    bytes += part.length;
    if (bytes <= maxBytes) {
      parts.push(part);
    } else if (wasWithin) {
      done(undefined);
    }
  });
  request.on("end", () => {
    if (bytes <= maxBytes) {
      done(Buffer.concat(parts).toString());
    }
  });
}
