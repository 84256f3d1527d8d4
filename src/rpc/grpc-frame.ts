/**
 * Messages as gRPC frames them: a byte that says whether the message is compressed, four bytes of its
 * length, then the message.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
 */
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { undecodable, WireError } from "./status.ts";

/** In front of every message. */
export const PREFIX_BYTES = 5;

/** Fills in the prefix of a message that was written behind room for it. */
export function fillPrefix(frame: Buffer): Buffer {
  frame[0] = 0;
  frame.writeUInt32BE(frame.length - PREFIX_BYTES, 1);
  return frame;
}

/** What has arrived of a request, which holds one message. */
export type RequestBody = {
  pieces: Buffer[];
  bytes: number;
  /** With the prefix; 0 until that has arrived. */
  frameBytes: number;
};

/**
 * Throws a `WireError` for a message of more than `maxBytes` as soon as its length is known, and a
 * `RouterError` for what comes behind it.
 */
export function takePiece(body: RequestBody, piece: Buffer, maxBytes: number): void {
  body.pieces.push(piece);
  body.bytes += piece.length;
  if (body.frameBytes === 0 && body.bytes >= PREFIX_BYTES) {
    const length = joined(body).readUInt32BE(1);
    if (length > maxBytes) {
      throw tooLarge();
    }
    body.frameBytes = PREFIX_BYTES + length;
  }
  if (body.frameBytes > 0 && body.bytes > body.frameBytes) {
    throw undecodable("The request has more than one message.");
  }
}

/** Once the request has ended: its message, decompressed by a promise if it has to be. */
export function messageOf(
  body: RequestBody,
  encoding: string | undefined,
  maxBytes: number,
): Buffer | Promise<Buffer> {
  if (body.frameBytes === 0 || body.bytes < body.frameBytes) {
    throw undecodable("The request has no message.");
  }
  const frame = joined(body);
  const message = frame.subarray(PREFIX_BYTES);
  return frame[0] === 0 ? message : decompress(message, encoding, maxBytes);
}

/** In one piece, which most requests come in. */
function joined(body: RequestBody): Buffer {
  const [first] = body.pieces;
  if (first !== undefined && body.pieces.length === 1) {
    return first;
  }
  const whole = Buffer.concat(body.pieces);
  body.pieces = [whole];
  return whole;
}

const decompressors = new Map([
  ["gzip", promisify<Buffer, object, Buffer>(gunzip)],
  ["deflate", promisify<Buffer, object, Buffer>(inflate)],
]);

/** What a caller may compress its requests by. */
export const ACCEPTED_ENCODINGS = ["identity", ...decompressors.keys()].join(",");

async function decompress(
  message: Buffer,
  encoding: string | undefined,
  maxBytes: number,
): Promise<Buffer> {
  if (encoding === undefined || encoding === "identity") {
    throw undecodable("The request does not say how its message is compressed.");
  }
  const decompressed = decompressors.get(encoding);
  if (decompressed === undefined) {
    throw new WireError("unsupported-encoding", "The server takes gzip, deflate and identity.");
  }
  try {
    return await decompressed(message, { maxOutputLength: maxBytes });
  } catch (error) {
    const isTooLarge = error instanceof RangeError;
    throw isTooLarge ? tooLarge() : undecodable("The request cannot be decompressed.");
  }
}

function tooLarge(): WireError {
  return new WireError("message-too-large", "The request is larger than the server takes.");
}
