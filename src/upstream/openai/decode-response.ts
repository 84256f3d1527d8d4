import type { Outcome } from "../../domain/outcome.ts";
import type { DecodeContext } from "../dialect-adapter.ts";
import { createChunkDecoder } from "./decode-event.ts";

/** An answer that came whole. Its choices hold `message` where those of a stream hold `delta`. */
export function decodeResponse(body: unknown, context: DecodeContext): Outcome {
  const decoder = createChunkDecoder(context);
  return decoder.takeChunk(body) ?? decoder.finish("malformed-response");
}
