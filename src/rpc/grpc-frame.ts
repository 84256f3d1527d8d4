/**
 * Messages as gRPC frames them: a byte that says whether the message is compressed, four bytes of its
 * length, then the message.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
 */
import { messageTooLarge, undecodable } from "./status.ts";

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
  /** The first piece itself; a buffer with room for more from the second on. */
  bytes: Buffer;
  /** How many of `bytes` have arrived. */
  length: number;
  /** With the prefix; 0 until that has arrived. */
  frameBytes: number;
};

const NOTHING = Buffer.alloc(0);

export function createRequestBody(): RequestBody {
  return { bytes: NOTHING, length: 0, frameBytes: 0 };
}

/** Lets go of what has arrived: it is as large as the message. */
export function emptyBody(body: RequestBody): void {
  body.bytes = NOTHING;
  body.length = 0;
  body.frameBytes = 0;
}

/**
 * Throws a `WireError` for a message of more than `maxBytes` as soon as its length is known, and a
 * `RouterError` for what comes behind it.
 */
export function takePiece(body: RequestBody, piece: Buffer, maxBytes: number): void {
  append(body, piece);
  if (body.frameBytes === 0 && body.length >= PREFIX_BYTES) {
    const length = body.bytes.readUInt32BE(1);
    if (length > maxBytes) {
      throw messageTooLarge();
    }
    body.frameBytes = PREFIX_BYTES + length;
  }
  if (body.frameBytes > 0 && body.length > body.frameBytes) {
    throw undecodable("The request has more than one message.");
  }
}

/** Most requests come in one piece, which is not copied. Pieces of a byte must not cost a buffer each. */
function append(body: RequestBody, piece: Buffer): void {
  const { bytes, length } = body;
  const needed = length + piece.length;
  if (length === 0) {
    body.bytes = piece;
  } else {
    if (needed > bytes.length) {
      body.bytes = Buffer.allocUnsafeSlow(Math.max(needed, 2 * bytes.length));
      bytes.copy(body.bytes, 0, 0, length);
    }
    piece.copy(body.bytes, length);
  }
  body.length = needed;
}

export type FramedMessage = { readonly isCompressed: boolean; readonly bytes: Buffer };

/** Of a request that has ended. Throws a `RouterError` when its message is not whole. */
export function messageOf({ bytes, length, frameBytes }: RequestBody): FramedMessage {
  if (frameBytes === 0 || length < frameBytes) {
    throw undecodable("The request has no message.");
  }
  const flag = bytes[0];
  if (flag !== 0 && flag !== 1) {
    throw undecodable("The message of the request is flagged as none that gRPC has.");
  }
  return { isCompressed: flag === 1, bytes: bytes.subarray(PREFIX_BYTES, length) };
}
