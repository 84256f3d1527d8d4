import type { ServerResponse } from "node:http";
import type { CompletionReply } from "./decide-reply.ts";
import type { Interruption } from "./faults.ts";
import { tokensDueMs } from "./pacing.ts";
import { leaveOff, writePieces } from "./send-stream.ts";

export type UnaryOptions = {
  /** An error object for the fault that follows HTTP 200. */
  readonly errorBody: string;
  onFault(mode: Interruption): void;
};

/**
 * Writes a unary answer when its last token is due.
 *
 * The interruptions of a stream have their counterpart here: the body breaks off in its middle (cut,
 * stall), is cut short but complete as HTTP (malformed), or is an error object.
 */
export function sendUnary(
  response: ServerResponse,
  { request, completion, pace }: CompletionReply,
  { errorBody, onFault }: UnaryOptions,
): void {
  const { interruption } = completion.faults;
  const { chunkBytes } = completion.profile;

  function send(): void {
    const body = JSON.stringify(request.answer(completion));
    const half = body.slice(0, Math.ceil(body.length / 2));
    switch (interruption) {
      case "stallMidStream":
      case "cutConnection":
        onFault(interruption);
        writePieces(response, half, chunkBytes);
        leaveOff(response, interruption === "cutConnection" ? "cut" : "stall");
        return;
      case "malformedChunk":
        onFault(interruption);
        finish(half);
        return;
      case "errorInStream":
        onFault(interruption);
        finish(errorBody);
        return;
      default:
        finish(body);
    }
  }

  function finish(body: string): void {
    if (chunkBytes > 0) {
      writePieces(response, body, chunkBytes);
      response.end();
      return;
    }
    response.setHeader("content-length", Buffer.byteLength(body));
    response.end(body);
  }

  if (interruption === "stallBeforeFirstToken") {
    onFault(interruption);
    leaveOff(response, "stall");
    return;
  }
  const dueMs = tokensDueMs(pace, completion.usage.completionTokens);
  if (dueMs <= 0) {
    send();
    return;
  }
  const timer = setTimeout(send, dueMs);
  response.once("close", () => clearTimeout(timer));
}
