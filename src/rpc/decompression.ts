import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { RouterError } from "../domain/router-error.ts";
import { messageTooLarge, undecodable, WireError } from "./status.ts";

/** A message that its caller has compressed. */
export type CompressedMessage = {
  readonly bytes: Uint8Array;
  /** As the caller names it; absent: it does not. */
  readonly encoding: string | undefined;
  /** Asked when its turn comes: who waits for nothing any more costs nothing. */
  readonly isWanted: () => boolean;
};

/**
 * Rejects with a `WireError` for an encoding that is not known and for a message that becomes larger than
 * the server takes, else with a `RouterError`; `canceled` is one that nobody wanted.
 */
export type Decompress = (message: CompressedMessage) => Promise<Buffer>;

/**
 * A thread each, of the four that Node has. A kilobyte can become a megabyte, and what has begun cannot be
 * stopped: all that a thousand streams send at once would be in memory together.
 */
const AT_ONCE = 4;

/** Every piece is a turn of the event loop; Node's own of 16 KB make 512 of a large message. */
const PIECE_BYTES = 131_072;

const decompressors = new Map([
  ["gzip", promisify<Uint8Array, object, Buffer>(gunzip)],
  ["deflate", promisify<Uint8Array, object, Buffer>(inflate)],
]);

/** What a caller may compress its requests by. */
export const ACCEPTED_ENCODINGS = ["identity", ...decompressors.keys()].join(",");

/** One for all callers of a listener. */
export function createDecompress(maxBytes: number): Decompress {
  const options = { maxOutputLength: maxBytes, chunkSize: PIECE_BYTES };
  const waiting: (() => void)[] = [];
  let running = 0;

  async function run({ bytes, encoding, isWanted }: CompressedMessage): Promise<Buffer> {
    if (!isWanted()) {
      throw new RouterError("canceled", "The caller has gone.");
    }
    try {
      return await decompressorOf(encoding)(bytes, options);
    } catch (error) {
      throw error instanceof RangeError ? messageTooLarge() : refusalOf(error);
    }
  }

  return async (message) => {
    if (running === AT_ONCE) {
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await run(message);
    } finally {
      // Whoever is next takes the place over.
      const next = waiting.shift();
      if (next === undefined) {
        running -= 1;
      } else {
        next();
      }
    }
  };
}

function decompressorOf(encoding: string | undefined) {
  if (encoding === undefined || encoding === "identity") {
    throw undecodable("The request does not say how its message is compressed.");
  }
  const decompressor = decompressors.get(encoding);
  if (decompressor === undefined) {
    throw new WireError("unsupported-encoding", "The server takes gzip, deflate and identity.");
  }
  return decompressor;
}

/** Whatever the library says of the bytes. */
function refusalOf(error: unknown): Error {
  return error instanceof RouterError || error instanceof WireError
    ? error
    : undecodable("The request cannot be decompressed.");
}
